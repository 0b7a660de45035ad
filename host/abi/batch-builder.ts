import type { Batch } from '../model/batch.ts';

/**
 * A growing buffer of rows. Reused: `clear` keeps the memory, `batch` is a view that the next
 * append may invalidate.
 */
export class BatchBuilder {
  bytes: Uint8Array;
  /** Same memory as `bytes`, for readers and writers of fixed-width values. */
  view: DataView;
  /** Bytes in use, a multiple of 8. */
  length = 0;
  /** Rows in use. */
  count = 0;

  constructor(capacity = 1 << 16) {
    const buffer = new ArrayBuffer(Math.max(64, (capacity + 7) & ~7));
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Makes room for `bytes` more bytes and returns the offset they start at. Does not advance. */
  reserve(bytes: number): number {
    const needed = this.length + bytes;
    if (needed > this.bytes.length) this.#grow(needed);
    return this.length;
  }

  /** Takes `bytes` reserved bytes, a multiple of 8, as `rows` rows. */
  commit(bytes: number, rows: number): void {
    this.length += bytes;
    this.count += rows;
  }

  /** Copies whole rows in. */
  append(batch: Batch): void {
    const at = this.reserve(batch.bytes.length);
    this.bytes.set(batch.bytes, at);
    this.commit(batch.bytes.length, batch.count);
  }

  /** The rows so far, without copying. */
  batch(): Batch {
    return { bytes: this.bytes.subarray(0, this.length), count: this.count };
  }

  clear(): void {
    this.length = 0;
    this.count = 0;
  }

  #grow(needed: number): void {
    const buffer = new ArrayBuffer(Math.max(needed, this.bytes.length * 2));
    const bytes = new Uint8Array(buffer);
    // All of it: a writer that reserves again in the middle of a row keeps what it wrote so far.
    bytes.set(this.bytes);
    this.bytes = bytes;
    this.view = new DataView(buffer);
  }
}
