import type { BatchBuilder } from '../../../abi/batch-builder.ts';
import { ROW_HEADER_BYTES, ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import { RIGHT } from './row-list-layout.ts';

/**
 * Where the rows of each side are in the lists that are loaded: a row that comes must not walk over all those of its own side. A list
 * is looked through when it is asked for, once.
 */
export class SideIndex {
  /** Of rows, in the memory of the lists; those from `begin` up to `end` are of one list and side. */
  offsets = new Int32Array(1024);
  #used = 0;
  /** By twice the ordinal, for the right side plus one; -1 = not looked through. */
  #begins = new Int32Array(2048);
  #ends = new Int32Array(2048);

  /** Other lists are loaded, of so many keys. */
  reset(keys: number): void {
    this.#used = 0;
    if (2 * keys > this.#begins.length) {
      this.#begins = new Int32Array(4 * keys);
      this.#ends = new Int32Array(4 * keys);
    }
    this.#begins.fill(-1, 0, 2 * keys);
  }

  /** Looks through the list of an ordinal, at `start` of `lists`; without one, below 0, it has no rows. */
  look(ordinal: number, start: number, lists: BatchBuilder): void {
    if (this.#begins[2 * ordinal] >= 0) return;
    for (let side = 0; side <= RIGHT; side++) {
      this.#begins[2 * ordinal + side] = this.#used;
      if (start >= 0) this.#add(start, side, lists);
      this.#ends[2 * ordinal + side] = this.#used;
    }
  }

  begin(ordinal: number, side: number): number {
    return this.#begins[2 * ordinal + side];
  }

  end(ordinal: number, side: number): number {
    return this.#ends[2 * ordinal + side];
  }

  #add(start: number, side: number, { view }: BatchBuilder): void {
    const end = start + view.getUint32(start + ROW_LENGTH_OFFSET, true);
    for (let at = start + ROW_HEADER_BYTES; at < end; ) {
      if ((view.getUint32(at + ROW_TAG_OFFSET, true) & RIGHT) === side) {
        if (this.#used === this.offsets.length) this.#grow();
        this.offsets[this.#used++] = at;
      }
      at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
    }
  }

  #grow(): void {
    const offsets = new Int32Array(this.offsets.length * 2);
    offsets.set(this.offsets);
    this.offsets = offsets;
  }
}
