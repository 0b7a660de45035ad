/**
 * What follows when a job fails with something that a restart may mend. Names and meaning are those of Apache Flink's restart
 * strategies; durations are in milliseconds. Plain data: it is stored with the plan.
 */
export type RestartStrategy =
  | { readonly kind: 'none' }
  | FixedDelay
  | ExponentialBackoff
  | FailureRate;

/** So many restarts in the life of the job, each after the same wait. */
export interface FixedDelay {
  readonly kind: 'fixedDelay';
  readonly attempts: number;
  readonly delayMs: number;
}

/** Waits that grow from restart to restart, and begin anew when there was no failure for a while. */
export interface ExponentialBackoff {
  readonly kind: 'exponentialBackoff';
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly backoffMultiplier: number;
  /** Without a failure for so long, on top of the last wait, everything begins anew. */
  readonly resetBackoffThresholdMs: number;
  /** Each wait is longer or shorter by up to this share of it. */
  readonly jitterFactor: number;
  /** Restarts before that; undefined = any number. */
  readonly attemptsBeforeResetBackoff: number | undefined;
}

/** Any number of restarts, as long as no interval has more failures than it may. */
export interface FailureRate {
  readonly kind: 'failureRate';
  readonly maxFailuresPerInterval: number;
  readonly failureRateIntervalMs: number;
  readonly delayMs: number;
}
