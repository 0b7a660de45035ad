/** Writing and reading the entries of timers; `timer-table.ts` draws them. */
import assert from 'node:assert';
import type { BatchBuilder } from '../abi/batch-builder.ts';
import { align8, ROW_HEADER_BYTES, ROW_TAG_OFFSET, ROW_TIME_OFFSET } from '../abi/layout.ts';
import { KEY_BYTES_MAX } from '../limits.ts';
import { ENTRY_HEADER_BYTES } from './keyed-snapshot.ts';

export const SET_TIMER = 0;
export const DELETE_TIMER = 1;

/** A key by its bytes, as in `KeySpec`, and its hash. */
export interface HashedKey {
  readonly hash: number;
  readonly key: Uint8Array;
}

/** Appends one entry. */
export function appendTimer(
  out: BatchBuilder,
  timeMs: number,
  { hash, key }: HashedKey,
  operation: typeof SET_TIMER | typeof DELETE_TIMER = SET_TIMER,
): void {
  assert(Number.isSafeInteger(timeMs), 'the time of a timer is a safe integer');
  const bytes = timerEntryBytes(key.length);
  const at = out.reserve(bytes);
  out.bytes.fill(0, at, at + bytes);
  out.bytes.set(key, at + ENTRY_HEADER_BYTES);
  writeTimerHeader(out.view, at, { hash, keyBytes: key.length, timeMs });
  out.view.setUint32(at + 12, operation, true);
  out.commit(bytes, 1);
}

/** Bytes of the entry of a key of this many bytes. */
export function timerEntryBytes(keyBytes: number): number {
  return ENTRY_HEADER_BYTES + align8(keyBytes) + ROW_HEADER_BYTES;
}

/** Writes all of an entry but its key: operation 0. */
export function writeTimerHeader(
  view: DataView,
  at: number,
  timer: { readonly hash: number; readonly keyBytes: number; readonly timeMs: number },
): void {
  const row = at + ENTRY_HEADER_BYTES + align8(timer.keyBytes);
  view.setUint32(at, timer.hash, true);
  view.setUint32(at + 4, timer.keyBytes, true);
  view.setUint32(at + 8, ROW_HEADER_BYTES, true);
  view.setUint32(at + 12, SET_TIMER, true);
  view.setUint32(row, ROW_HEADER_BYTES, true);
  view.setUint32(row + ROW_TAG_OFFSET, 0, true);
  writeTime(view, row + ROW_TIME_OFFSET, timer.timeMs);
}

/** The time of the entry at `at`, undefined unless it is a whole entry before `end` with a time that is a safe integer. */
export function timerTimeAt(view: DataView, at: number, end: number): number | undefined {
  if (end - at < ENTRY_HEADER_BYTES + ROW_HEADER_BYTES) return undefined;
  const keyBytes = view.getUint32(at + 4, true);
  const row = at + ENTRY_HEADER_BYTES + align8(keyBytes);
  const whole =
    keyBytes <= KEY_BYTES_MAX &&
    view.getUint32(at + 8, true) === ROW_HEADER_BYTES &&
    row + ROW_HEADER_BYTES <= end &&
    view.getUint32(row, true) === ROW_HEADER_BYTES &&
    view.getUint32(row + ROW_TAG_OFFSET, true) === 0;
  if (!whole) return undefined;
  const timeMs = readTime(view, row + ROW_TIME_OFFSET);
  return Number.isSafeInteger(timeMs) ? timeMs : undefined;
}

/** An `i64` of milliseconds as a number: exact where it is a safe integer. */
export function readTime(view: DataView, at: number): number {
  return view.getInt32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

/** A safe integer as an `i64`. */
export function writeTime(view: DataView, at: number, timeMs: number): void {
  view.setUint32(at, timeMs >>> 0, true);
  view.setInt32(at + 4, Math.floor(timeMs / 0x1_0000_0000), true);
}
