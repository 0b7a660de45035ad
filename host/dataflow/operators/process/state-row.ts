import { nullsOffset, slotOffset } from '../../../abi/layout.ts';
import type { StateDescription } from '../../../model/process-description.ts';
import type { RecordSchema } from '../../../model/schema.ts';
import { readTime } from '../../../state/timer-entry.ts';

/** Looks into rows of a process function's state record: what is there, since when, and until when. */
export class StateRows {
  readonly #isList: readonly boolean[];
  /** By state: its time to live in ms, infinite when it has none. */
  readonly #ttls: readonly number[];
  readonly #nulls: number;
  /** The shortest time to live. */
  readonly leastTtlMs: number;

  constructor(
    record: RecordSchema,
    states: readonly StateDescription[],
    ttlMs: number | undefined,
  ) {
    this.#isList = states.map(({ kind }) => kind === 'list');
    this.#ttls = states.map((state) => state.ttlMs ?? ttlMs ?? Number.POSITIVE_INFINITY);
    this.#nulls = nullsOffset(record);
    this.leastTtlMs = Math.min(...this.#ttls);
  }

  /** Whether any state has a value. */
  isAlive(view: DataView, at: number): boolean {
    for (let i = 0; i < this.#ttls.length; i++) if (this.#has(view, at, i)) return true;
    return false;
  }

  /** Drops the states whose time is over, in place. Returns whether there were any. */
  expire(view: DataView, at: number, nowMs: number): boolean {
    let dropped = false;
    for (let i = 0; i < this.#ttls.length; i++) {
      if (!this.#has(view, at, i) || this.#expiryMs(view, at, i) > nowMs) continue;
      this.#drop(view, at, i);
      dropped = true;
    }
    return dropped;
  }

  /** When the first of the states is over; infinite = none will be. */
  nextExpiryMs(view: DataView, at: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#ttls.length; i++) {
      if (this.#has(view, at, i)) nextMs = Math.min(nextMs, this.#expiryMs(view, at, i));
    }
    return nextMs;
  }

  #has(view: DataView, at: number, i: number): boolean {
    if (this.#isList[i]) return view.getUint32(at + slotOffset(i) + 4, true) > 0;
    return ((view.getUint8(at + this.#nulls + (i >> 3)) >> (i & 7)) & 1) === 0;
  }

  #expiryMs(view: DataView, at: number, i: number): number {
    if (this.#ttls[i] === Number.POSITIVE_INFINITY) return this.#ttls[i];
    return readTime(view, at + slotOffset(this.#ttls.length + i)) + this.#ttls[i];
  }

  #drop(view: DataView, at: number, i: number): void {
    view.setUint32(at + slotOffset(i), 0, true);
    view.setUint32(at + slotOffset(i) + 4, 0, true);
    if (this.#isList[i]) return;
    const byte = at + this.#nulls + (i >> 3);
    view.setUint8(byte, view.getUint8(byte) | (1 << (i & 7)));
  }
}
