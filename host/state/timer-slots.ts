import { align8, ROW_HEADER_BYTES } from '../abi/layout.ts';

/** Words of a slot: time (a double) · hash · key length · key, or where it is in the arena. */
const SLOT_WORDS = 6;
const SLOT_DOUBLES = 3;
const HASH = 2;
const LENGTH = 3;
const KEY = 4;
/** Keys up to this stand in their slots. */
const INLINE_BYTES = 8;
/** Length of a key in a slot whose timer is gone, while something still refers to the slot. */
const GONE = 0xffff_ffff;
const SLOTS_MIN = 256;
const ARENA_MIN = 4096;
const INDEX_MIN = SLOTS_MIN * 4;
/** A place of the index that held a slot: a search goes on behind it. */
const REMOVED = 0xffff_ffff;

/** The bytes of a key within others, zeros behind them up to a multiple of 8. */
export interface KeySpan {
  bytes: Uint8Array;
  view: DataView;
  at: number;
  length: number;
}

/**
 * Timers in numbered slots, found by time and key.
 *
 * S1  A slot is free, taken (in the index), or gone: out of the index, its key dropped, its number not yet given back.
 * S2  Long keys lie in one arena; what dropped keys leave is closed up when it is more than half.
 * S3  The index has at least twice as many places as there are slots taken and places that were, so that a search ends.
 */
export class TimerSlots {
  /** Slots taken, and the bytes of their keys and times. */
  count = 0;
  bytes = 0;
  #words = new Uint32Array(SLOTS_MIN * SLOT_WORDS);
  #doubles = new Float64Array(this.#words.buffer);
  #keyBytes = new Uint8Array(this.#words.buffer);
  /** Slots ever used, and those given back. */
  #used = 0;
  #free: number[] = [];
  #arena = new Uint8Array(ARENA_MIN);
  #arenaEnd = 0;
  #arenaUsed = 0;
  /** Slot + 1 by hash of time and key, linear probing; 0 = empty. */
  #index = new Uint32Array(INDEX_MIN);
  /** Places that are `REMOVED`. */
  #removed = 0;
  readonly #time = new Float64Array(1);
  readonly #timeWords = new Uint32Array(this.#time.buffer);

  /** The slot of this timer; -1 when there is none. */
  find(timeMs: number, hash: number, key: KeySpan): number {
    const mask = this.#index.length - 1;
    this.#time[0] = timeMs;
    let place = home(this.#timeWords[0], this.#timeWords[1], hash) & mask;
    for (;;) {
      const held = this.#index[place];
      if (held === 0) return -1;
      if (held !== REMOVED && this.#is(held - 1, timeMs, hash, key)) return held - 1;
      place = (place + 1) & mask;
    }
  }

  /** A slot for a timer that is not there. */
  add(timeMs: number, hash: number, key: KeySpan): number {
    if ((this.count + this.#removed + 1) * 2 > this.#index.length) this.#rebuildIndex();
    const slot = this.#free.pop() ?? this.#newSlot();
    const word = slot * SLOT_WORDS;
    this.#doubles[slot * SLOT_DOUBLES] = timeMs;
    this.#words[word + HASH] = hash;
    this.#words[word + LENGTH] = key.length;
    if (key.length <= INLINE_BYTES) {
      this.#words[word + KEY] = key.length > 0 ? key.view.getUint32(key.at, true) : 0;
      this.#words[word + KEY + 1] = key.length > 4 ? key.view.getUint32(key.at + 4, true) : 0;
    } else {
      this.#words[word + KEY] = this.#store(key);
    }
    this.#place(slot);
    this.count += 1;
    this.bytes += key.length + ROW_HEADER_BYTES;
    return slot;
  }

  /** The timer is gone; its number stays out of use until `release`. */
  remove(slot: number): void {
    const mask = this.#index.length - 1;
    let place = this.#homeOf(slot) & mask;
    while (this.#index[place] !== slot + 1) place = (place + 1) & mask;
    this.#index[place] = REMOVED;
    this.#removed += 1;
    const length = this.#words[slot * SLOT_WORDS + LENGTH];
    this.#words[slot * SLOT_WORDS + LENGTH] = GONE;
    if (length > INLINE_BYTES) this.#arenaUsed -= align8(length);
    this.count -= 1;
    this.bytes -= length + ROW_HEADER_BYTES;
  }

  release(slot: number): void {
    this.#free.push(slot);
  }

  isGone(slot: number): boolean {
    return this.#words[slot * SLOT_WORDS + LENGTH] === GONE;
  }

  timeOf(slot: number): number {
    return this.#doubles[slot * SLOT_DOUBLES];
  }

  hashOf(slot: number): number {
    return this.#words[slot * SLOT_WORDS + HASH];
  }

  keyLength(slot: number): number {
    return this.#words[slot * SLOT_WORDS + LENGTH];
  }

  /** Copies the key and zeros up to a multiple of 8; both views are of the same memory. */
  copyKey(slot: number, bytes: Uint8Array, view: DataView, at: number): void {
    const word = slot * SLOT_WORDS;
    const length = this.#words[word + LENGTH];
    if (length === 0) return;
    if (length <= INLINE_BYTES) {
      view.setUint32(at, this.#words[word + KEY], true);
      view.setUint32(at + 4, this.#words[word + KEY + 1], true);
      return;
    }
    const from = this.#words[word + KEY];
    for (let i = 0; i < length; i++) bytes[at + i] = this.#arena[from + i];
    for (let i = length; i < align8(length); i++) bytes[at + i] = 0;
  }

  /** Order of two timers: time, hash, key bytes. Negative when `a` comes first. */
  compare(a: number, b: number): number {
    const time = this.#doubles[a * SLOT_DOUBLES] - this.#doubles[b * SLOT_DOUBLES];
    if (time !== 0) return time;
    const hash = this.#words[a * SLOT_WORDS + HASH] - this.#words[b * SLOT_WORDS + HASH];
    return hash !== 0 ? hash : this.#compareKeys(a, b);
  }

  /** Calls `action` with every slot taken. */
  each(action: (slot: number) => void): void {
    for (let slot = 0; slot < this.#used; slot++) {
      if (this.#isTaken(slot)) action(slot);
    }
  }

  /** Gives all memory back; nothing may refer to a slot any more. */
  clear(): void {
    this.count = 0;
    this.bytes = 0;
    this.#use(new Uint32Array(SLOTS_MIN * SLOT_WORDS));
    this.#used = 0;
    this.#free = [];
    this.#arena = new Uint8Array(ARENA_MIN);
    this.#arenaEnd = 0;
    this.#arenaUsed = 0;
    this.#index = new Uint32Array(INDEX_MIN);
    this.#removed = 0;
  }

  get capacity(): number {
    return this.#words.length / SLOT_WORDS;
  }

  #use(words: Uint32Array<ArrayBuffer>): void {
    this.#words = words;
    this.#doubles = new Float64Array(words.buffer);
    this.#keyBytes = new Uint8Array(words.buffer);
  }

  /** A slot that was given back keeps the length of a key that is gone. */
  #isTaken(slot: number): boolean {
    return this.#words[slot * SLOT_WORDS + LENGTH] !== GONE;
  }

  #compareKeys(a: number, b: number): number {
    const lengthA = this.keyLength(a);
    const lengthB = this.keyLength(b);
    const length = Math.min(lengthA, lengthB);
    for (let i = 0; i < length; i++) {
      const difference = this.#keyByte(a, i) - this.#keyByte(b, i);
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB;
  }

  #keyByte(slot: number, i: number): number {
    const word = slot * SLOT_WORDS;
    if (this.#words[word + LENGTH] > INLINE_BYTES) return this.#arena[this.#words[word + KEY] + i];
    return this.#keyBytes[(word + KEY) * 4 + i];
  }

  #is(slot: number, timeMs: number, hash: number, key: KeySpan): boolean {
    const word = slot * SLOT_WORDS;
    const { length } = key;
    if (
      this.#doubles[slot * SLOT_DOUBLES] !== timeMs ||
      this.#words[word + HASH] !== hash ||
      this.#words[word + LENGTH] !== length
    ) {
      return false;
    }
    for (let i = 0; i < length; i++) {
      if (this.#keyByte(slot, i) !== key.bytes[key.at + i]) return false;
    }
    return true;
  }

  #newSlot(): number {
    const slot = this.#used++;
    if (slot < this.capacity) return slot;
    const words = new Uint32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#use(words);
    return slot;
  }

  /** Enters the slot into the index. */
  #place(slot: number): void {
    const mask = this.#index.length - 1;
    let place = this.#homeOf(slot) & mask;
    while (this.#index[place] !== 0 && this.#index[place] !== REMOVED) place = (place + 1) & mask;
    if (this.#index[place] === REMOVED) this.#removed -= 1;
    this.#index[place] = slot + 1;
  }

  /** Where a search for the slot begins. */
  #homeOf(slot: number): number {
    const word = slot * SLOT_WORDS;
    return home(this.#words[word], this.#words[word + 1], this.#words[word + HASH]);
  }

  #rebuildIndex(): void {
    let length = INDEX_MIN;
    while (length < (this.count + 1) * 4) length *= 2;
    this.#index = new Uint32Array(length);
    this.#removed = 0;
    this.each((slot) => {
      this.#place(slot);
    });
  }

  /** Where the key is in the arena now. */
  #store(key: KeySpan): number {
    const room = align8(key.length);
    if (this.#arenaEnd + room > this.#arena.length) this.#makeRoom(room);
    const at = this.#arenaEnd;
    for (let i = 0; i < key.length; i++) this.#arena[at + i] = key.bytes[key.at + i];
    this.#arenaEnd += room;
    this.#arenaUsed += room;
    return at;
  }

  /** S2, or a larger arena. The slot that is being added has no key yet. */
  #makeRoom(room: number): void {
    const needed = this.#arenaUsed + room;
    let capacity = ARENA_MIN;
    while (capacity < needed * 2) capacity *= 2;
    const arena = new Uint8Array(capacity);
    let end = 0;
    const index = this.#index;
    for (let place = 0; place < index.length; place++) {
      if (index[place] === 0 || index[place] === REMOVED) continue;
      const word = (index[place] - 1) * SLOT_WORDS;
      const length = this.#words[word + LENGTH];
      if (length <= INLINE_BYTES) continue;
      const from = this.#words[word + KEY];
      arena.set(this.#arena.subarray(from, from + align8(length)), end);
      this.#words[word + KEY] = end;
      end += align8(length);
    }
    this.#arena = arena;
    this.#arenaEnd = end;
  }
}

/** Mixes the bits of a time, as two words of a double, and a hash. */
function home(low: number, high: number, hash: number): number {
  let mixed = Math.imul(low ^ (high >>> 3), 0x9e3779b1) ^ hash;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
