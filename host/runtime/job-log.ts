import type { Clock } from '../clock.ts';
import { LOG_LINES_PER_SECOND_MAX } from '../limits.ts';
import type { LogEntry } from './worker-protocol.ts';

/**
 * A job's log: one JSON object a line, `{ time, level, step?, task?, version?, text }`. At most so many lines a second are
 * written, so that a guest that logs every record does not fill the disk; the rest is counted, and the count is logged.
 */
export class JobLog {
  readonly #clock: Clock;
  readonly #write: (line: string) => void;
  #secondMs = 0;
  #lines = 0;

  constructor(clock: Clock, write: (line: string) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  add(entry: LogEntry): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#secondMs >= 1000 || nowMs < this.#secondMs) this.#nextSecond(nowMs);
    this.#lines += 1;
    if (this.#lines <= LOG_LINES_PER_SECOND_MAX) this.#put(nowMs, entry);
  }

  /** Says what was dropped last. */
  close(): void {
    this.#nextSecond(this.#clock.nowMs());
  }

  #nextSecond(nowMs: number): void {
    const dropped = this.#lines - LOG_LINES_PER_SECOND_MAX;
    this.#secondMs = nowMs;
    this.#lines = 0;
    if (dropped > 0) this.#put(nowMs, { level: 'warn', text: `${dropped} log lines were dropped` });
  }

  #put(nowMs: number, { level, step, task, version, text }: LogEntry): void {
    const time = new Date(nowMs).toISOString();
    this.#write(JSON.stringify({ time, level, step, task, version, text }));
  }
}
