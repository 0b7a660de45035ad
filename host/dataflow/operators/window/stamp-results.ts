import {
  ROW_LENGTH_OFFSET,
  ROW_TAG_OFFSET,
  ROW_TIME_OFFSET,
  slotOffset,
} from '../../../abi/layout.ts';
import type { Batch } from '../../../model/batch.ts';
import type { WindowStamps } from '../../window-spec.ts';
import type { WindowTimes } from './window-times.ts';

const HIGH = 0x1_0000_0000;

/**
 * Writes what the host knows of a window into its results, in place: the event time, which is the window's last millisecond, and the
 * fields for its start and end. The tag of a row is the ordinal of its window; results of windows without bounds stay as they are.
 */
export function stampResults(rows: Batch, times: WindowTimes, stamps: WindowStamps): void {
  const { bytes } = rows;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const startAt = stamps.startIndex === undefined ? -1 : slotOffset(stamps.startIndex);
  const endAt = stamps.endIndex === undefined ? -1 : slotOffset(stamps.endIndex);
  for (let row = 0; row < bytes.length; row += view.getUint32(row + ROW_LENGTH_OFFSET, true)) {
    const ordinal = view.getUint32(row + ROW_TAG_OFFSET, true);
    const end = times.endOf(ordinal);
    if (!Number.isFinite(end)) continue;
    writeTime(view, row + ROW_TIME_OFFSET, end - 1);
    if (startAt >= 0) writeTime(view, row + startAt, times.startOf(ordinal));
    if (endAt >= 0) writeTime(view, row + endAt, end);
  }
}

/** An `i64` of milliseconds, a safe integer, without a BigInt. */
export function writeTime(view: DataView, at: number, timeMs: number): void {
  const high = Math.floor(timeMs / HIGH);
  view.setUint32(at, timeMs - high * HIGH, true);
  view.setInt32(at + 4, high, true);
}
