import type { Batch } from '../host/model/batch.ts';

/** A row of two `i64`. */
export const SALE_ROW_BYTES = 32;
const BATCH_ROWS = 2_048;

/** Rows of `Sale` (`guests/sums.ts`) in batches that share one buffer: item by row, the number of the row as its amount. */
export function saleBatches(count: number, itemOf: (row: number) => number): Batch[] {
  const bytes = new Uint8Array(count * SALE_ROW_BYTES);
  const view = new DataView(bytes.buffer);
  for (let row = 0; row < count; row++) {
    const at = row * SALE_ROW_BYTES;
    view.setUint32(at, SALE_ROW_BYTES, true);
    // No event time.
    view.setInt32(at + 12, -(2 ** 31), true);
    view.setUint32(at + 16, itemOf(row), true);
    view.setUint32(at + 24, row, true);
  }
  return Array.from({ length: Math.ceil(count / BATCH_ROWS) }, (_, i) => {
    const rows = Math.min(BATCH_ROWS, count - i * BATCH_ROWS);
    const at = i * BATCH_ROWS * SALE_ROW_BYTES;
    return { bytes: bytes.subarray(at, at + rows * SALE_ROW_BYTES), count: rows };
  });
}
