/**
 * How a worker loop sleeps when none of its tasks has anything to do.
 *
 * The loop calls `prepare`, looks at all its tasks once more, and then either `cancel`s or `sleep`s. Whatever
 * happens after `prepare` ends the sleep, so nothing is missed between the last look and the sleep.
 */
export interface Idle {
  /** From now on `wake`, and other threads' wake-ups, end the next sleep. */
  prepare(): void;
  /** Work was found after all. */
  cancel(): void;
  /** Resolves after a wake-up since `prepare`, at the latest after `timeoutMs`. */
  sleep(timeoutMs: number): Promise<void>;
  /** Wakes the loop from its own thread: a message came, a source or sink has changed. */
  wake(): void;
}
