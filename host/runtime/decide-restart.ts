import type { ExponentialBackoff, RestartStrategy } from '../dataflow/restart-strategy.ts';
import { MillraceError } from '../errors.ts';
import {
  RESTART_BACKOFF_MAX_MS,
  RESTART_BACKOFF_MS,
  RESTART_HEALTHY_MS,
  RESTARTS_MAX,
} from '../limits.ts';

/** What a job remembers of its failures; begins as `NO_FAILURES`. */
export interface RestartMemory {
  /** Failures since the backoff was reset. */
  readonly failuresInARow: number;
  readonly backoffMs: number;
  /** When the latest failures were, oldest first; as many as a failure rate looks at. */
  readonly failedAtMs: readonly number[];
}

export type RestartDecision =
  | { readonly kind: 'restart'; readonly delayMs: number; readonly memory: RestartMemory }
  | { readonly kind: 'fail'; readonly error: MillraceError };

export interface Failure {
  readonly job: string;
  readonly error: MillraceError;
  /** Of the document; undefined = the default, with which a job also waits for storage as long as it takes. */
  readonly strategy: RestartStrategy | undefined;
  /** Restarts in the life of the job. */
  readonly restarts: number;
  readonly memory: RestartMemory;
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

export const NO_FAILURES: RestartMemory = { failuresInARow: 0, backoffMs: 0, failedAtMs: [] };

/** What a job does that says nothing of restarts. */
export const DEFAULT_STRATEGY: ExponentialBackoff = {
  kind: 'exponentialBackoff',
  initialBackoffMs: RESTART_BACKOFF_MS,
  maxBackoffMs: RESTART_BACKOFF_MAX_MS,
  backoffMultiplier: 2,
  resetBackoffThresholdMs: RESTART_HEALTHY_MS,
  jitterFactor: 0,
  attemptsBeforeResetBackoff: RESTARTS_MAX,
};

/**
 * What a failure means for a job. A fault of task scope goes away with a restart, perhaps; one of job or record scope
 * would be met again. `INTERNAL` is a fault of ours, of which nobody knows, so it gets its chance. A disk that is full or a store that does
 * not answer is nobody's fault in the job: unless its document has a strategy, it waits for them as long as it takes.
 */
export function decideRestart(failure: Failure): RestartDecision {
  const { error, strategy = DEFAULT_STRATEGY } = failure;
  if (error.scope !== 'task' && error.code !== 'INTERNAL') return { kind: 'fail', error };
  const waits = failure.strategy === undefined && error.code === 'STORAGE_FAILED';
  const memory = remember(failure, waits);
  const refusal = waits ? undefined : exhausted(strategy, failure, memory);
  if (refusal !== undefined) return { kind: 'fail', error: refusal };
  return { kind: 'restart', delayMs: delayOf(strategy, memory, failure.random), memory };
}

/** A failure that is waited for makes the waits longer, and is not held against the job later. */
function remember(failure: Failure, waits: boolean): RestartMemory {
  const { strategy = DEFAULT_STRATEGY, memory, nowMs } = failure;
  const kept = strategy.kind === 'failureRate' ? strategy.maxFailuresPerInterval + 1 : 1;
  const failedAtMs = [...memory.failedAtMs, nowMs].slice(-kept);
  const counted = waits ? 0 : 1;
  const failuresInARow = memory.failuresInARow + counted;
  if (strategy.kind !== 'exponentialBackoff') return { failuresInARow, backoffMs: 0, failedAtMs };
  const { initialBackoffMs, maxBackoffMs, backoffMultiplier, resetBackoffThresholdMs } = strategy;
  const latestMs = memory.failedAtMs.at(-1);
  const quietMs = latestMs === undefined ? 0 : nowMs - latestMs;
  const begins = memory.backoffMs === 0 || quietMs >= resetBackoffThresholdMs + memory.backoffMs;
  if (begins) return { failuresInARow: counted, backoffMs: initialBackoffMs, failedAtMs };
  const backoffMs = Math.min(maxBackoffMs, memory.backoffMs * backoffMultiplier);
  return { failuresInARow, backoffMs, failedAtMs };
}

/** The error with which a job is given up; undefined when it has another try. */
function exhausted(
  strategy: RestartStrategy,
  failure: Failure,
  memory: RestartMemory,
): MillraceError | undefined {
  switch (strategy.kind) {
    case 'none':
      return giveUp(failure, 'failed, and its restart strategy is "none"');
    case 'fixedDelay':
      if (failure.restarts < strategy.attempts) return undefined;
      return giveUp(failure, `failed after ${count(strategy.attempts, 'restart')}`);
    case 'exponentialBackoff': {
      const { attemptsBeforeResetBackoff: most } = strategy;
      if (most === undefined || memory.failuresInARow <= most) return undefined;
      return giveUp(failure, `failed ${memory.failuresInARow} times in a row`);
    }
    case 'failureRate': {
      const { maxFailuresPerInterval: most, failureRateIntervalMs } = strategy;
      const [first] = memory.failedAtMs;
      const isRare = failure.nowMs - first > failureRateIntervalMs;
      if (memory.failedAtMs.length <= most || isRare) return undefined;
      return giveUp(failure, `failed ${most + 1} times within ${failureRateIntervalMs} ms`);
    }
    default:
      return strategy satisfies never;
  }
}

function delayOf(strategy: RestartStrategy, memory: RestartMemory, random: () => number): number {
  if (strategy.kind === 'none') return 0;
  if (strategy.kind !== 'exponentialBackoff') return strategy.delayMs;
  const jitter = strategy.jitterFactor * (2 * random() - 1);
  return Math.min(strategy.maxBackoffMs, Math.round(memory.backoffMs * (1 + jitter)));
}

function giveUp({ job, error }: Failure, what: string): MillraceError {
  const text = `job "${job}" ${what}, last with ${error.code}: ${error.message}`;
  return new MillraceError('RESTARTS_EXHAUSTED', text, {
    details: error.details,
    hint: error.hint === '' ? 'the exceptions of the job tell what happened' : error.hint,
    cause: error,
  });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
