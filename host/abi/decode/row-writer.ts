import { ROW_BYTES_MAX } from '../../limits.ts';
import type { BatchBuilder } from '../batch-builder.ts';
import type { RecordPlan } from '../row-plan.ts';

/** Bytes of room that `ensure` keeps beyond what is asked, for writes of whole words. */
const SLACK = 16;

/** Pieces from here on are copied natively; shorter ones are over before the call is set up. */
const NATIVE_COPY_BYTES = 192;

/**
 * Writes one row at a time behind the rows of a BatchBuilder, tail piece by tail piece. For decoders.
 *
 * W1  The row becomes part of the batch by `finish` and not before; `begin` drops what was written since.
 * W2  `bytes`, `view` and `words` change whenever room is made, offsets do not.
 * W3  Memory behind `tail` is undefined: who claims it writes all of it.
 */
export class RowWriter {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  /** The same memory by words, for what is aligned. */
  words: Int32Array = new Int32Array(0);
  /** Offset in `bytes` where the next piece goes. */
  tail = 0;
  /** Offset of the row. */
  start = 0;
  #out: BatchBuilder | undefined;

  /** Takes the builder to write to. Called at the start of each run. */
  attach(out: BatchBuilder): void {
    this.#out = out;
    this.bytes = out.bytes;
    this.view = out.view;
    this.words = new Int32Array(out.bytes.buffer, out.bytes.byteOffset, out.bytes.length >> 2);
  }

  /** Starts a row behind those of the batch. */
  begin(): void {
    this.start = this.#out!.length;
    this.tail = this.start;
  }

  /** Room for `count` more bytes behind the tail, and some to spare. */
  ensure(count: number): void {
    if (this.tail + count + SLACK > this.bytes.length) this.#grow(count);
  }

  /** Takes the fixed part of a row, its values zero or null, at an aligned tail. Returns its offset. */
  claimRow(plan: RecordPlan): number {
    this.ensure(plan.fixed);
    const base = this.tail;
    const { words } = this;
    const { template } = plan;
    const first = base >> 2;
    for (let i = 0; i < template.length; i++) words[first + i] = template[i];
    this.tail = base + plan.fixed;
    return base;
  }

  /** Takes `count` zeros, a multiple of 8, at an aligned tail. */
  claimZeros(count: number): void {
    this.ensure(count);
    this.bytes.fill(0, this.tail, this.tail + count);
    this.tail += count;
  }

  /** Fills the tail with zeros up to a multiple of 8. */
  align(): void {
    const aligned = (this.tail + 7) & ~7;
    if (aligned === this.tail) return;
    this.ensure(8);
    this.view.setInt32(this.tail, 0, true);
    this.view.setInt32(this.tail + 4, 0, true);
    this.tail = aligned;
  }

  /** Lets the slot at `slot` of the row at `base` point at the piece at `start`. */
  point(base: number, slot: number, start: number, extent: number): void {
    this.view.setInt32(slot, start - base, true);
    this.view.setInt32(slot + 4, extent, true);
  }

  /** Copies `length` bytes to the tail; `ensure` was called for them. */
  append(bytes: Uint8Array, view: DataView, from: number, length: number): void {
    const to = this.tail;
    this.tail = to + length;
    if (length >= NATIVE_COPY_BYTES) {
      this.bytes.set(bytes.subarray(from, from + length), to);
      return;
    }
    const target = this.view;
    let i = 0;
    for (; i + 4 <= length; i += 4) {
      target.setInt32(to + i, view.getInt32(from + i, true), true);
    }
    for (; i < length; i++) this.bytes[to + i] = bytes[from + i];
  }

  /** Ends the row at `base` that began at an aligned offset; sets its length. */
  closeRow(base: number): void {
    this.align();
    this.view.setInt32(base, this.tail - base, true);
  }

  /** Whether the row at hand has outgrown what a row may have. */
  get tooLong(): boolean {
    return this.tail - this.start > ROW_BYTES_MAX;
  }

  /** Makes the row part of the batch. */
  finish(): void {
    this.#out!.commit(this.tail - this.start, 1);
  }

  #grow(count: number): void {
    const out = this.#out!;
    out.reserve(this.tail + count + SLACK - out.length);
    this.attach(out);
  }
}
