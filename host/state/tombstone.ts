import type { BatchBuilder } from '../abi/batch-builder.ts';
import {
  ROW_HEADER_BYTES,
  ROW_LENGTH_OFFSET,
  ROW_TAG_OFFSET,
  ROW_TIME_OFFSET,
} from '../abi/layout.ts';

/** The high half of `2^63 - 1`, an event time that no record has; the low half is all ones. */
const TIME_HIGH = 0x7fff_ffff;
const TIME_LOW = 0xffff_ffff;

/**
 * Appends a tombstone, the row that takes the place of a state in `StateTable.apply` to remove it: a header alone, with `2^63 - 1` for
 * an event time.
 */
export function appendTombstone(out: BatchBuilder, ordinal: number): void {
  const at = out.reserve(ROW_HEADER_BYTES);
  out.view.setUint32(at + ROW_LENGTH_OFFSET, ROW_HEADER_BYTES, true);
  out.view.setUint32(at + ROW_TAG_OFFSET, ordinal, true);
  out.view.setUint32(at + ROW_TIME_OFFSET, TIME_LOW, true);
  out.view.setUint32(at + ROW_TIME_OFFSET + 4, TIME_HIGH, true);
  out.commit(ROW_HEADER_BYTES, 1);
}

/** Whether the row at `at` is a tombstone. */
export function isTombstone(view: DataView, at: number): boolean {
  return (
    view.getUint32(at + ROW_LENGTH_OFFSET, true) === ROW_HEADER_BYTES &&
    view.getUint32(at + ROW_TIME_OFFSET, true) === TIME_LOW &&
    view.getUint32(at + ROW_TIME_OFFSET + 4, true) === TIME_HIGH
  );
}
