import { ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../abi/layout.ts';
import type { Batch } from '../../model/batch.ts';

/** Where each row of a batch starts, and at the end its length. Not for the path of every batch. */
export function rowOffsets(batch: Batch): Uint32Array {
  const view = viewOf(batch.bytes);
  const offsets = new Uint32Array(batch.count + 1);
  for (let i = 0; i < batch.count; i++) {
    offsets[i + 1] = offsets[i] + view.getUint32(offsets[i] + ROW_LENGTH_OFFSET, true);
  }
  return offsets;
}

/** Rows `from` up to `to` of a batch, in its memory. */
export function rowsBetween(batch: Batch, offsets: Uint32Array, from: number, to: number): Batch {
  return { bytes: batch.bytes.subarray(offsets[from], offsets[to]), count: to - from };
}

/** Numbers the rows of a batch 0, 1, … in their tags, in place. */
export function numberRows(batch: Batch): void {
  const view = viewOf(batch.bytes);
  let at = 0;
  for (let i = 0; i < batch.count; i++) {
    view.setUint32(at + ROW_TAG_OFFSET, i, true);
    at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
  }
}

/** A copy of a single row with the tag of an encoded one, 0. */
export function copyRow(row: Batch): Uint8Array {
  const bytes = row.bytes.slice();
  viewOf(bytes).setUint32(ROW_TAG_OFFSET, 0, true);
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
