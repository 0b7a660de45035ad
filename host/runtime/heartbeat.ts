import { DEADLINE_LOOK_MS } from '../limits.ts';
import { LINE_WORDS } from './wake-words.ts';

/**
 * How a worker thread shows from outside what it is doing, in its cache line of the wake words (`wake-words.ts`):
 *
 *      8          12
 *      ┌──────────┬──────────┐
 *      │ beat     │ task     │   i32 each
 *      └──────────┴──────────┘
 *
 * `beat` is odd while a task is at work, and another number each time. Time is told by who looks: the worker reads no clock for it.
 */
const BEAT = 2;
const TASK = 3;

/** The worker's side. Two stores for each turn of a task. */
export interface Heartbeat {
  begin(task: number): void;
  end(): void;
}

export function createHeartbeat(shared: SharedArrayBuffer, worker: number): Heartbeat {
  const words = new Int32Array(shared);
  const beat = worker * LINE_WORDS + BEAT;
  const place = worker * LINE_WORDS + TASK;
  let beats = 0;
  return {
    begin(task) {
      words[place] = task;
      beats = (beats + 1) | 0;
      Atomics.store(words, beat, beats);
    },
    end() {
      beats = (beats + 1) | 0;
      Atomics.store(words, beat, beats);
    },
  };
}

/** A task that has been at work for longer than it may. */
export interface Overdue {
  readonly worker: number;
  /** Position among the worker's tasks. */
  readonly task: number;
  /** At least. */
  readonly forMs: number;
}

/**
 * The watcher's side: looks at every worker, and tells of one whose task is still at the same turn after its deadline.
 * `deadlineOf` gives the milliseconds that a task may take for one turn.
 */
export class HeartbeatWatch {
  readonly #words: Int32Array;
  readonly #seen: { beat: number; sinceMs: number }[];
  readonly #deadlineOf: (worker: number, task: number) => number;
  #lookedMs = 0;

  constructor(
    shared: SharedArrayBuffer,
    workers: number,
    deadlineOf: (worker: number, task: number) => number,
  ) {
    this.#words = new Int32Array(shared);
    this.#seen = Array.from({ length: workers }, () => ({ beat: 0, sinceMs: 0 }));
    this.#deadlineOf = deadlineOf;
  }

  /** Call it every `DEADLINE_LOOK_MS`: the time is counted from the first look at a turn, and anew when nobody has looked for long. */
  look(nowMs: number): Overdue | undefined {
    // The whole process stood still, the worker with it.
    const blind = nowMs - this.#lookedMs > 10 * DEADLINE_LOOK_MS;
    this.#lookedMs = nowMs;
    for (let worker = 0; worker < this.#seen.length; worker += 1) {
      const seen = this.#seen[worker];
      const beat = Atomics.load(this.#words, worker * LINE_WORDS + BEAT);
      if (blind || beat !== seen.beat || (beat & 1) === 0) {
        seen.beat = beat;
        seen.sinceMs = nowMs;
        continue;
      }
      const task = this.#words[worker * LINE_WORDS + TASK];
      const forMs = nowMs - seen.sinceMs;
      if (forMs > this.#deadlineOf(worker, task)) return { worker, task, forMs };
    }
    return undefined;
  }
}
