/**
 * A list of rows as the state of a key, in a form that a state table takes for a row:
 *
 *     0        4        8                   16
 *     ┌────────┬────────┬───────────────────┬────────┬────────┬ …
 *     │ length │ tag    │ earliest expiry   │ row    │ row    │
 *     └────────┴────────┴───────────────────┴────────┴────────┴ …
 *
 * The tag of a row inside holds its flags.
 */
import { eventTimeAt } from '../../../abi/event-time.ts';
import {
  NO_TIME_HIGH,
  ROW_LENGTH_OFFSET,
  ROW_TAG_OFFSET,
  ROW_TIME_OFFSET,
} from '../../../abi/layout.ts';
import { WATERMARK_MIN_MS } from '../../../model/element.ts';
import { writeTime } from '../../../state/timer-entry.ts';

/** Flags of a kept row: it is of the right side; it has had a partner; it is not kept any more. */
export const RIGHT = 1;
export const MATCHED = 2;
export const GONE = 4;

/** The expiry of what is kept for ever. */
export const NEVER = Number.POSITIVE_INFINITY;

/** The earliest expiry of the list at `list`, ms. */
export function earliestAt(view: DataView, list: number): number {
  const timeMs = eventTimeAt(view, list);
  return timeMs === WATERMARK_MIN_MS ? NEVER : timeMs;
}

/** Writes length and ordinal; the earliest expiry follows by `writeEarliest`. */
export function writeListHeader(view: DataView, at: number, bytes: number, ordinal: number): void {
  view.setUint32(at + ROW_LENGTH_OFFSET, bytes, true);
  view.setUint32(at + ROW_TAG_OFFSET, ordinal, true);
}

export function writeEarliest(view: DataView, at: number, earliest: number): void {
  if (earliest < NEVER) {
    writeTime(view, at + ROW_TIME_OFFSET, earliest);
    return;
  }
  view.setUint32(at + ROW_TIME_OFFSET, 0, true);
  view.setInt32(at + ROW_TIME_OFFSET + 4, NO_TIME_HIGH, true);
}
