import { align8, ROW_HEADER_BYTES } from '../abi/layout.ts';

/** Length of a key in a slot whose timer is gone, while something still refers to the slot. */
const GONE = 0xffff_ffff;
const SLOTS_MIN = 256;
const ARENA_MIN = 4096;

/** The bytes of a key within others. */
export interface KeySpan {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly length: number;
}

/**
 * Timers in numbered slots, found by time and key.
 *
 * S1  A slot is free, taken (in the index), or gone: out of the index, its key dropped, its number not yet given back.
 * S2  Keys lie in one arena; what dropped keys leave is closed up when it is more than half.
 * S3  The index has at least twice as many places as there are slots taken, so that a search ends.
 */
export class TimerSlots {
  /** Slots taken, and the bytes of their keys and times. */
  count = 0;
  bytes = 0;
  times = new Float64Array(SLOTS_MIN);
  hashes = new Uint32Array(SLOTS_MIN);
  #keyAt = new Uint32Array(SLOTS_MIN);
  #keyLength = new Uint32Array(SLOTS_MIN);
  /** Slots ever used, and those given back. */
  #used = 0;
  #free: number[] = [];
  #arena = new Uint8Array(ARENA_MIN);
  #arenaEnd = 0;
  #arenaUsed = 0;
  /** Slot + 1 by hash of time and key, linear probing; 0 = empty. */
  #index = new Uint32Array(SLOTS_MIN * 4);
  readonly #time = new Float64Array(1);
  readonly #timeWords = new Uint32Array(this.#time.buffer);

  /** The slot of this timer, its key in `bytes` at `at`; -1 when there is none. */
  find(timeMs: number, hash: number, key: KeySpan): number {
    const place = this.#search(timeMs, hash, key);
    return this.#index[place] - 1;
  }

  /** A slot for a timer that is not there. */
  add(timeMs: number, hash: number, key: KeySpan): number {
    if ((this.count + 1) * 2 > this.#index.length) this.#growIndex();
    const slot = this.#free.pop() ?? this.#newSlot();
    const room = align8(key.length);
    if (this.#arenaEnd + room > this.#arena.length) this.#makeRoom(room);
    this.times[slot] = timeMs;
    this.hashes[slot] = hash;
    this.#keyAt[slot] = this.#arenaEnd;
    this.#keyLength[slot] = key.length;
    for (let i = 0; i < key.length; i++) this.#arena[this.#arenaEnd + i] = key.bytes[key.at + i];
    this.#arenaEnd += room;
    this.#arenaUsed += room;
    this.#index[this.#search(timeMs, hash, key)] = slot + 1;
    this.count += 1;
    this.bytes += key.length + ROW_HEADER_BYTES;
    return slot;
  }

  /** The timer is gone; its number stays out of use until `release`. */
  remove(slot: number): void {
    const length = this.#keyLength[slot];
    this.#unindex(this.#placeOf(slot));
    this.#keyLength[slot] = GONE;
    this.#arenaUsed -= align8(length);
    this.count -= 1;
    this.bytes -= length + ROW_HEADER_BYTES;
  }

  release(slot: number): void {
    this.#free.push(slot);
  }

  isGone(slot: number): boolean {
    return this.#keyLength[slot] === GONE;
  }

  keyLength(slot: number): number {
    return this.#keyLength[slot];
  }

  /** Copies the key and zeros up to a multiple of 8. */
  copyKey(slot: number, to: Uint8Array, at: number): void {
    const from = this.#keyAt[slot];
    const length = this.#keyLength[slot];
    for (let i = 0; i < length; i++) to[at + i] = this.#arena[from + i];
    for (let i = length; i < align8(length); i++) to[at + i] = 0;
  }

  /** Order of two timers: time, hash, key bytes. Negative when `a` comes first. */
  compare(a: number, b: number): number {
    const time = this.times[a] - this.times[b];
    if (time !== 0) return time;
    const hash = this.hashes[a] - this.hashes[b];
    return hash !== 0 ? hash : this.#compareKeys(a, b);
  }

  /** Calls `action` with every slot taken. */
  each(action: (slot: number) => void): void {
    const { length } = this.#index;
    for (let place = 0; place < length; place++) {
      if (this.#index[place] !== 0) action(this.#index[place] - 1);
    }
  }

  /** Gives all memory back; nothing may refer to a slot any more. */
  clear(): void {
    this.count = 0;
    this.bytes = 0;
    this.times = new Float64Array(SLOTS_MIN);
    this.hashes = new Uint32Array(SLOTS_MIN);
    this.#keyAt = new Uint32Array(SLOTS_MIN);
    this.#keyLength = new Uint32Array(SLOTS_MIN);
    this.#used = 0;
    this.#free = [];
    this.#arena = new Uint8Array(ARENA_MIN);
    this.#arenaEnd = 0;
    this.#arenaUsed = 0;
    this.#index = new Uint32Array(SLOTS_MIN * 4);
  }

  get capacity(): number {
    return this.times.length;
  }

  #compareKeys(a: number, b: number): number {
    const lengthA = this.#keyLength[a];
    const lengthB = this.#keyLength[b];
    const atA = this.#keyAt[a];
    const atB = this.#keyAt[b];
    const length = Math.min(lengthA, lengthB);
    for (let i = 0; i < length; i++) {
      const difference = this.#arena[atA + i] - this.#arena[atB + i];
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB;
  }

  #newSlot(): number {
    const slot = this.#used++;
    if (slot < this.times.length) return slot;
    const capacity = this.times.length * 2;
    this.times = grown(this.times, new Float64Array(capacity));
    this.hashes = grown(this.hashes, new Uint32Array(capacity));
    this.#keyAt = grown(this.#keyAt, new Uint32Array(capacity));
    this.#keyLength = grown(this.#keyLength, new Uint32Array(capacity));
    return slot;
  }

  /** The place of this timer in the index, or the empty one where it belongs. */
  #search(timeMs: number, hash: number, key: KeySpan): number {
    const mask = this.#index.length - 1;
    let place = this.#home(timeMs, hash) & mask;
    for (;;) {
      const slot = this.#index[place] - 1;
      if (slot < 0) return place;
      if (this.times[slot] === timeMs && this.hashes[slot] === hash && this.#hasKey(slot, key)) {
        return place;
      }
      place = (place + 1) & mask;
    }
  }

  /** The place of a slot that is taken. */
  #placeOf(slot: number): number {
    const mask = this.#index.length - 1;
    let place = this.#home(this.times[slot], this.hashes[slot]) & mask;
    while (this.#index[place] !== slot + 1) place = (place + 1) & mask;
    return place;
  }

  #hasKey(slot: number, key: KeySpan): boolean {
    if (this.#keyLength[slot] !== key.length) return false;
    const from = this.#keyAt[slot];
    for (let i = 0; i < key.length; i++) {
      if (this.#arena[from + i] !== key.bytes[key.at + i]) return false;
    }
    return true;
  }

  /** Where a search begins. */
  #home(timeMs: number, hash: number): number {
    this.#time[0] = timeMs;
    let mixed = Math.imul(this.#timeWords[0] ^ (this.#timeWords[1] >>> 3), 0x9e3779b1) ^ hash;
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
    return (mixed ^ (mixed >>> 13)) >>> 0;
  }

  /** Empties a place and moves those behind it up that would no longer be found. */
  #unindex(place: number): void {
    const mask = this.#index.length - 1;
    let hole = place;
    for (let at = (hole + 1) & mask; this.#index[at] !== 0; at = (at + 1) & mask) {
      const slot = this.#index[at] - 1;
      const home = this.#home(this.times[slot], this.hashes[slot]) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      this.#index[hole] = slot + 1;
      hole = at;
    }
    this.#index[hole] = 0;
  }

  #growIndex(): void {
    const old = this.#index;
    this.#index = new Uint32Array(old.length * 2);
    const mask = this.#index.length - 1;
    for (let i = 0; i < old.length; i++) {
      const slot = old[i] - 1;
      if (slot < 0) continue;
      let place = this.#home(this.times[slot], this.hashes[slot]) & mask;
      while (this.#index[place] !== 0) place = (place + 1) & mask;
      this.#index[place] = slot + 1;
    }
  }

  /** S2, or a larger arena. */
  #makeRoom(room: number): void {
    const needed = this.#arenaUsed + room;
    let capacity = this.#arena.length;
    while (capacity < needed * 2) capacity *= 2;
    const arena = new Uint8Array(capacity);
    let end = 0;
    this.each((slot) => {
      const from = this.#keyAt[slot];
      const length = align8(this.#keyLength[slot]);
      arena.set(this.#arena.subarray(from, from + length), end);
      this.#keyAt[slot] = end;
      end += length;
    });
    this.#arena = arena;
    this.#arenaEnd = end;
  }
}

function grown<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
