import type { TimerSlots } from './timer-slots.ts';

/** Timers from which on a large part that is due at once is sorted and not taken from the heap one by one. */
const BULK_MIN = 1024;
/** That part: one in so many. */
const BULK_SHARE = 16;
const HEAP_MIN = 256;
/** Children of a node of the heap: less deep than a binary one, and all in one or two cache lines. */
const CHILDREN = 4;
/** Groups of equal times up to this are sorted in place. */
const INSERTION_MAX = 24;
const U32 = 0x1_0000_0000;

/**
 * The order of timers: a heap, and beside it a sorted run of those that were due together. A heap takes timers one by
 * one in the time of many cache misses each; sorting a million at once costs a fifth of that.
 *
 * Q1  Every slot added is in the heap or in the run, once, until `take` or `drop` gave it back.
 * Q2  Slots whose timer is gone stay where they are until they come first, or until they are half of all.
 */
export class TimerQueue {
  readonly #slots: TimerSlots;
  /** Slots, and their times beside them: comparing seldom needs to look into the slots. */
  #heap = new Uint32Array(HEAP_MIN);
  #times = new Float64Array(HEAP_MIN);
  #size = 0;
  #run = new Uint32Array(0);
  #runAt = 0;
  #runEnd = 0;
  /** Slots in heap and run whose timer is gone. */
  #gone = 0;
  /** Taken from the heap since the first of it was last not due. */
  #streak = 0;

  constructor(slots: TimerSlots) {
    this.#slots = slots;
  }

  add(slot: number): void {
    if (this.#size === this.#heap.length) this.#grow();
    this.#siftUp(this.#size++, slot, this.#slots.timeOf(slot));
  }

  /** The slot's timer is gone. */
  noteGone(): void {
    this.#gone += 1;
    if (this.#gone > HEAP_MIN && this.#gone * 2 > this.#size + this.#runEnd - this.#runAt) {
      this.#sweep();
    }
  }

  /** The slot of the first timer, -1 when there is none. */
  first(): number {
    this.#skipGone();
    if (this.#runAt === this.#runEnd) return this.#size === 0 ? -1 : this.#heap[0];
    const head = this.#run[this.#runAt];
    if (this.#size === 0) return head;
    return this.#slots.compare(head, this.#heap[0]) <= 0 ? head : this.#heap[0];
  }

  /** Takes the first timer if it is due; -1 when none is. */
  take(untilMs: number): number {
    const bulky = this.#streak * BULK_SHARE > this.#size && this.#size >= BULK_MIN;
    if (bulky && this.#runAt === this.#runEnd) this.#sortDue(untilMs);
    const slot = this.first();
    if (slot < 0 || this.#slots.timeOf(slot) > untilMs) {
      this.#streak = 0;
      return -1;
    }
    if (this.#runAt < this.#runEnd && this.#run[this.#runAt] === slot) {
      this.#runAt += 1;
      if (this.#runAt === this.#runEnd) this.#run = new Uint32Array(0);
    } else {
      this.#removeTop();
      this.#streak += 1;
    }
    return slot;
  }

  clear(): void {
    this.#heap = new Uint32Array(HEAP_MIN);
    this.#times = new Float64Array(HEAP_MIN);
    this.#size = 0;
    this.#run = new Uint32Array(0);
    this.#runAt = 0;
    this.#runEnd = 0;
    this.#gone = 0;
    this.#streak = 0;
  }

  #skipGone(): void {
    if (this.#gone === 0) return;
    while (this.#runAt < this.#runEnd && this.#slots.isGone(this.#run[this.#runAt])) {
      this.#giveBack(this.#run[this.#runAt++]);
    }
    while (this.#size > 0 && this.#slots.isGone(this.#heap[0])) {
      const slot = this.#heap[0];
      this.#removeTop();
      this.#giveBack(slot);
    }
  }

  #giveBack(slot: number): void {
    this.#gone -= 1;
    this.#slots.release(slot);
  }

  /** Gives back all that is gone and makes the heap anew. */
  #sweep(): void {
    const keep = (slot: number): boolean => {
      if (!this.#slots.isGone(slot)) return true;
      this.#giveBack(slot);
      return false;
    };
    let end = this.#runAt;
    for (let i = this.#runAt; i < this.#runEnd; i++) {
      if (keep(this.#run[i])) this.#run[end++] = this.#run[i];
    }
    this.#runEnd = end;
    this.#retain(keep);
  }

  /** Keeps the slots of the heap for which `keep` is true. */
  #retain(keep: (slot: number) => boolean): void {
    let size = 0;
    for (let i = 0; i < this.#size; i++) {
      const slot = this.#heap[i];
      if (!keep(slot)) continue;
      this.#heap[size] = slot;
      this.#times[size++] = this.#times[i];
    }
    this.#size = size;
    for (let i = Math.floor((size - 2) / CHILDREN); i >= 0; i--) {
      this.#siftDown(i, this.#heap[i], this.#times[i]);
    }
  }

  /** Moves what is due from the heap to the run, which is empty. */
  #sortDue(untilMs: number): void {
    this.#streak = 0;
    const baseMs = this.#times[0];
    // Offsets from the first time are sorted as 32-bit numbers; what is later than these hold stays for the next turn.
    const lastMs = Math.min(untilMs, baseMs + U32 - 1);
    let due = 0;
    for (let i = 0; i < this.#size; i++) if (this.#times[i] <= lastMs) due++;
    if (due * BULK_SHARE < this.#size) return;
    const sorted = new BigUint64Array(due);
    const words = new Uint32Array(sorted.buffer);
    let at = 0;
    this.#retain((slot) => {
      const timeMs = this.#slots.timeOf(slot);
      if (timeMs > lastMs) return true;
      words[at++] = slot;
      words[at++] = timeMs - baseMs;
      return false;
    });
    sorted.sort();
    this.#run = new Uint32Array(due);
    this.#runAt = 0;
    this.#runEnd = due;
    for (let i = 0; i < due; i++) this.#run[i] = words[2 * i];
    this.#sortEqualTimes(sorted, words);
  }

  /** The run is sorted by time; `sorted` is scratch of as many entries. */
  #sortEqualTimes(sorted: BigUint64Array, words: Uint32Array): void {
    const run = this.#run;
    for (let start = 0; start < run.length; ) {
      const startMs = this.#slots.timeOf(run[start]);
      let end = start + 1;
      while (end < run.length && this.#slots.timeOf(run[end]) === startMs) end++;
      if (end - start > INSERTION_MAX) {
        for (let i = start; i < end; i++) {
          words[2 * i] = run[i];
          words[2 * i + 1] = this.#slots.hashOf(run[i]);
        }
        sorted.subarray(start, end).sort();
        for (let i = start; i < end; i++) run[i] = words[2 * i];
      }
      this.#insertionSort(start, end);
      start = end;
    }
  }

  /** For few slots, or for many that are in order but for keys of the same hash. */
  #insertionSort(start: number, end: number): void {
    const run = this.#run;
    for (let i = start + 1; i < end; i++) {
      const slot = run[i];
      let to = i;
      while (to > start && this.#slots.compare(run[to - 1], slot) > 0) {
        run[to] = run[to - 1];
        to--;
      }
      run[to] = slot;
    }
  }

  #removeTop(): void {
    const last = --this.#size;
    if (last > 0) this.#siftDown(0, this.#heap[last], this.#times[last]);
  }

  #siftUp(from: number, slot: number, timeMs: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 2;
      if (!this.#isBefore(slot, timeMs, parent)) break;
      this.#heap[at] = this.#heap[parent];
      this.#times[at] = this.#times[parent];
      at = parent;
    }
    this.#heap[at] = slot;
    this.#times[at] = timeMs;
  }

  #siftDown(from: number, slot: number, timeMs: number): void {
    let at = from;
    for (;;) {
      const child = at * CHILDREN + 1;
      if (child >= this.#size) break;
      let least = child;
      const end = Math.min(child + CHILDREN, this.#size);
      for (let i = child + 1; i < end; i++) {
        if (this.#isBefore(this.#heap[i], this.#times[i], least)) least = i;
      }
      if (this.#isBefore(slot, timeMs, least)) break;
      this.#heap[at] = this.#heap[least];
      this.#times[at] = this.#times[least];
      at = least;
    }
    this.#heap[at] = slot;
    this.#times[at] = timeMs;
  }

  /** Whether the timer comes before the one at `place` of the heap. */
  #isBefore(slot: number, timeMs: number, place: number): boolean {
    const other = this.#times[place];
    return timeMs === other ? this.#slots.compare(slot, this.#heap[place]) < 0 : timeMs < other;
  }

  #grow(): void {
    const heap = new Uint32Array(this.#heap.length * 2);
    const times = new Float64Array(this.#times.length * 2);
    heap.set(this.#heap);
    times.set(this.#times);
    this.#heap = heap;
    this.#times = times;
  }
}
