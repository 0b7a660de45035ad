import { LOG_LINES_PER_SECOND_MAX } from '../limits.ts';

/** Lets so many lines a second pass and counts the others: a guest may log for every record. */
export class LogLimiter {
  #secondMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #dropped = 0;

  /** Whether one more line may pass now. */
  allow(nowMs: number): boolean {
    // A wall clock may be set back.
    if (nowMs - this.#secondMs >= 1000 || nowMs < this.#secondMs) {
      this.#secondMs = nowMs;
      this.#lines = 0;
    }
    this.#lines += 1;
    if (this.#lines <= LOG_LINES_PER_SECOND_MAX) return true;
    this.#dropped += 1;
    return false;
  }

  /** Lines that did not pass since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}
