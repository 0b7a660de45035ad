import type { Clock } from '../clock.ts';
import { LogLimiter } from './log-limiter.ts';
import type { LogEntry } from './worker-protocol.ts';

/**
 * A job's log: one JSON object a line, `{ time, level, step?, task?, version?, text }`. So many lines a second are
 * written at most, so that nobody fills the disk; what was dropped is counted, and the count is logged.
 */
export class JobLog {
  readonly #clock: Clock;
  readonly #write: (line: string) => void;
  readonly #limiter = new LogLimiter();

  constructor(clock: Clock, write: (line: string) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  add(entry: LogEntry): void {
    const nowMs = this.#clock.nowMs();
    if (!this.#limiter.allow(nowMs)) return;
    this.#sayDropped(nowMs);
    this.#put(nowMs, entry);
  }

  /** Says what was dropped last. */
  close(): void {
    this.#sayDropped(this.#clock.nowMs());
  }

  #sayDropped(nowMs: number): void {
    const dropped = this.#limiter.takeDropped();
    if (dropped > 0) this.#put(nowMs, { level: 'warn', text: `${dropped} log lines were dropped` });
  }

  #put(nowMs: number, { level, step, task, version, text }: LogEntry): void {
    const time = new Date(nowMs).toISOString();
    this.#write(JSON.stringify({ time, level, step, task, version, text }));
  }
}
