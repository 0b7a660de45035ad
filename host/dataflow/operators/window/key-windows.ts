/**
 * The windows of one key, as a row of keyed state:
 *
 *     0        4        8        16        20       24          32         40
 *     ┌────────┬────────┬────────┬─────────┬────────┬───────────┬──────────┬───────────────┐
 *     │ length │ tag    │ 0      │ windows │ 0      │ timer     │ records  │ windows …     │
 *     └────────┴────────┴────────┴─────────┴────────┴───────────┴──────────┴───────────────┘
 *       a window:  f64 start │ f64 end │ u32 records since it fired │ u32 bytes of its state │ state row
 *
 * `timer` is the time of the key's one timer, f64, infinite when it has none; `records` counts all of a key's records where windows are
 * made of so many, f64. Bounds of windows without bounds are infinite. A session whose records were purged has no state.
 */
import type { BatchBuilder } from '../../../abi/batch-builder.ts';
import { ROW_HEADER_BYTES, ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import { MillraceError } from '../../../errors.ts';
import { ROW_BYTES_MAX } from '../../../limits.ts';
import type { Batch } from '../../../model/batch.ts';
import type { Node, NodeStates } from './node-states.ts';

const WINDOWS_OFFSET = 16;
const TIMER_OFFSET = 24;
const RECORDS_OFFSET = 32;
const HEADER_BYTES = 40;
const WINDOW_BYTES = 24;
/** In a window. */
const LENGTH_OFFSET = 20;

export interface KeyWindow {
  startMs: number;
  endMs: number;
  /** Records since it fired. */
  count: number;
  /** What stands for its records: what a result was made of or other windows were merged into, then what rows may be added to. */
  closed: Node | undefined;
  open: Node | undefined;
}

export interface KeyWindows {
  windows: KeyWindow[];
  timerMs: number;
  records: number;
}

export const NO_TIMER = Number.POSITIVE_INFINITY;

export function noWindows(): KeyWindows {
  return { windows: [], timerMs: NO_TIMER, records: 0 };
}

/** One node for all of a window's records, undefined when it has none; records added from now on are not in it. */
export function sealed(window: KeyWindow, nodes: NodeStates): Node | undefined {
  const { closed, open } = window;
  window.closed =
    closed === undefined || open === undefined ? (closed ?? open) : nodes.merged(closed, open);
  window.open = undefined;
  return window.closed;
}

/** Reads the row at `at`, its states into `nodes`. Throws `CHECKPOINT_CORRUPT`: rows come back from storage. */
export function readKeyWindows(bytes: Uint8Array, at: number, nodes: NodeStates): KeyWindows {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = at + view.getUint32(at + ROW_LENGTH_OFFSET, true);
  if (end - at < HEADER_BYTES) throw corrupt();
  const windows: KeyWindow[] = [];
  const count = view.getUint32(at + WINDOWS_OFFSET, true);
  let next = at + HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const state = next + WINDOW_BYTES;
    if (state > end) throw corrupt();
    const length = view.getUint32(next + LENGTH_OFFSET, true);
    if (state + length > end || !isState(view, state, length)) throw corrupt();
    windows.push({
      startMs: view.getFloat64(next, true),
      endMs: view.getFloat64(next + 8, true),
      count: view.getUint32(next + 16, true),
      closed: undefined,
      open: length === 0 ? undefined : nodes.loaded(bytes, state, length),
    });
    next = state + length;
  }
  if (next !== end) throw corrupt();
  const timerMs = view.getFloat64(at + TIMER_OFFSET, true);
  return { windows, timerMs, records: view.getFloat64(at + RECORDS_OFFSET, true) };
}

/** The states of the windows in a row that was read before; views of it. */
export function statesIn(row: Uint8Array): Batch[] {
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  const states: Batch[] = [];
  for (let at = HEADER_BYTES; at < row.length; ) {
    const state = at + WINDOW_BYTES;
    const length = view.getUint32(at + LENGTH_OFFSET, true);
    if (length > 0) states.push({ bytes: row.subarray(state, state + length), count: 1 });
    at = state + length;
  }
  return states;
}

/** Appends the row of a key's windows, which are sealed and whose states have been computed. Throws `RECORD_TOO_LARGE`. */
export function writeKeyWindows(
  { windows, timerMs, records }: KeyWindows,
  tag: number,
  nodes: NodeStates,
  out: BatchBuilder,
): void {
  let length = HEADER_BYTES;
  for (const { closed } of windows) length += WINDOW_BYTES + bytesOf(closed, nodes);
  if (length > ROW_BYTES_MAX) throw tooLarge(length);
  const at = out.reserve(length);
  const { view } = out;
  out.bytes.fill(0, at, at + HEADER_BYTES);
  view.setUint32(at + ROW_LENGTH_OFFSET, length, true);
  view.setUint32(at + ROW_TAG_OFFSET, tag, true);
  view.setUint32(at + WINDOWS_OFFSET, windows.length, true);
  view.setFloat64(at + TIMER_OFFSET, timerMs, true);
  view.setFloat64(at + RECORDS_OFFSET, records, true);
  let next = at + HEADER_BYTES;
  for (const { startMs, endMs, count, closed } of windows) {
    view.setFloat64(next, startMs, true);
    view.setFloat64(next + 8, endMs, true);
    view.setUint32(next + 16, count, true);
    const bytes = bytesOf(closed, nodes);
    view.setUint32(next + LENGTH_OFFSET, bytes, true);
    if (closed !== undefined) nodes.writeState(closed, out.bytes, next + WINDOW_BYTES);
    next += WINDOW_BYTES + bytes;
  }
  out.commit(length, 1);
}

function bytesOf(node: Node | undefined, nodes: NodeStates): number {
  return node === undefined ? 0 : nodes.stateBytes(node);
}

function isState(view: DataView, at: number, length: number): boolean {
  if (length === 0) return true;
  if (length < ROW_HEADER_BYTES || length % 8 !== 0) return false;
  return view.getUint32(at + ROW_LENGTH_OFFSET, true) === length;
}

function corrupt(): MillraceError {
  return new MillraceError('CHECKPOINT_CORRUPT', 'the windows of a key cannot be read', {
    hint: 'restore an older checkpoint or a savepoint; check the disk this one was read from',
  });
}

function tooLarge(bytes: number): MillraceError {
  const message = `the windows of one key have ${bytes} bytes, limit ${ROW_BYTES_MAX}`;
  const hint = 'use a reduce or an aggregate, which keep less than all records, or shorter windows';
  return new MillraceError('RECORD_TOO_LARGE', message, { hint });
}
