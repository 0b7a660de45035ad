import type { Idle } from './idle.ts';

/**
 * How worker threads wake each other. Every worker has a cache line of its own in one SharedArrayBuffer:
 *
 *      0         4         8                16
 *      ┌─────────┬─────────┬────────────────┬───────────────┐
 *      │ waiting │ signals │ `heartbeat.ts` │ unused to 64  │   i32 each
 *      └─────────┴─────────┴────────────────┴───────────────┘
 *
 * W1  Only the worker itself writes `waiting`. If a waker cleared it, a second change between the wake-up and the next
 *     look would find it cleared, wake nobody, and could be missed for good.
 * W2  A waker changes the channel first and reads `waiting` second; the waiter sets `waiting` first, notes
 *     `signals` second and looks at its channels third. All are sequentially consistent, so either the waiter sees the
 *     change, or the waker sees `waiting` and raises `signals`, on which the sleep ends, even if it has not begun.
 * W3  While a worker is busy nobody pays for a wake-up: one load of `waiting` per change.
 */
export const LINE_WORDS = 16;
const WAITING = 0;
const SIGNALS = 1;

export function createWakeWords(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(workers * LINE_WORDS * Int32Array.BYTES_PER_ELEMENT);
}

/** Makes the function by which any thread wakes `worker`. */
export function createWaker(shared: SharedArrayBuffer, worker: number): () => void {
  const words = new Int32Array(shared);
  const waiting = worker * LINE_WORDS + WAITING;
  const signals = worker * LINE_WORDS + SIGNALS;
  return () => {
    if (Atomics.load(words, waiting) === 0) return;
    Atomics.add(words, signals, 1);
    Atomics.notify(words, signals);
  };
}

/** `Atomics.waitAsync`; the simulation waits in a time of its own. */
export type WaitAsync = (
  words: Int32Array<SharedArrayBuffer>,
  index: number,
  value: number,
  timeoutMs: number,
) => { readonly async: boolean; readonly value: unknown };

/** The sleep of `worker`'s loop, in its own thread. Leaves the event loop free: messages and input go on. */
export function createSharedIdle(
  shared: SharedArrayBuffer,
  worker: number,
  waitAsync: WaitAsync = Atomics.waitAsync,
): Idle {
  const words = new Int32Array(shared);
  const waiting = worker * LINE_WORDS + WAITING;
  const signals = worker * LINE_WORDS + SIGNALS;
  let noted = 0;
  return {
    prepare() {
      Atomics.store(words, waiting, 1);
      noted = Atomics.load(words, signals);
    },
    cancel() {
      Atomics.store(words, waiting, 0);
    },
    async sleep(timeoutMs) {
      const result = waitAsync(words, signals, noted, timeoutMs);
      if (result.async) await result.value;
      Atomics.store(words, waiting, 0);
    },
    wake: createWaker(shared, worker),
  };
}
