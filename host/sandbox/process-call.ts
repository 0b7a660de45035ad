import type { Batch } from '../model/batch.ts';
import { WATERMARK_MAX_MS, WATERMARK_MIN_MS } from '../model/element.ts';

/** What the rows of a call are: of the first or the second input, or timers that are due. */
export type ProcessSource = 'first' | 'second' | 'eventTimers' | 'processingTimers';

/** One call of a process function (`guest-sdk/ABI.md`, section 7). */
export interface ProcessCall {
  /** Key ordinals in the tags. A timer is a row of the first input with its key's fields set, its time as event time. */
  readonly rows: Batch;
  /** Rows of the state record of those of the keys that have one, ordinals in the tags. */
  readonly states: Batch;
  readonly keys: number;
  readonly source: ProcessSource;
  /** `WATERMARK_MIN_MS` and `WATERMARK_MAX_MS` for none yet and for the end. */
  readonly watermarkMs: number;
  /** Wall-clock time, ms since the epoch. */
  readonly nowMs: number;
  readonly maps: MapReader;
}

/** The map states as they were before the call. Asked while the guest runs. */
export interface MapReader {
  /**
   * The row of an entry; undefined = there is none. `key` is that of the entry, its bytes as in `KeySpec`; the ordinal that of the
   * key in the call, 0 for broadcast state. Throws `ABI_VIOLATION` when the bytes are no key. The row is good until the next question.
   */
  get(map: number, ordinal: number, key: Uint8Array): Uint8Array | undefined;
  /** The entry after `key`, or the first when that is undefined; undefined at the end. Entries are in the order in which they were made. */
  next(map: number, ordinal: number, key: Uint8Array | undefined): Uint8Array | undefined;
}

/** What one call did, all checked; good until the next call. */
export interface ProcessResult {
  readonly output: Batch;
  /** New state rows, ordinals in the tags, at most one each; a key without one keeps what it had. */
  readonly states: Batch;
  /** By side output, in the order of the description. */
  readonly sides: readonly Batch[];
  /** Operations of `TIMER_OPERATION_BYTES` each, in order. */
  readonly timers: Uint8Array;
  /** By map state: rows of its entries, the key's ordinal in the tag, a null value = removed; in order. */
  readonly maps: readonly Batch[];
  /** By metric: what to add to a counter, the value of a gauge or NaN to leave it. */
  readonly metrics: Float64Array;
}

/** u32 ordinal of the key · u32 operation · i64 time, ms. */
export const TIMER_OPERATION_BYTES = 16;
export const SET_EVENT_TIMER = 0;
export const DELETE_EVENT_TIMER = 1;
export const SET_PROCESSING_TIMER = 2;
export const DELETE_PROCESSING_TIMER = 3;

/** The context of a call in guest memory: i64 watermark · i64 now, ms. */
export const CONTEXT_BYTES = 16;

/** No watermark yet is the least `i64`, the last the greatest. */
export function writeContext(
  bytes: Uint8Array,
  at: number,
  { watermarkMs, nowMs }: Pick<ProcessCall, 'watermarkMs' | 'nowMs'>,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  writeMs(view, at, watermarkMs);
  if (watermarkMs === WATERMARK_MIN_MS) writeWords(view, at, 0, -0x8000_0000);
  if (watermarkMs === WATERMARK_MAX_MS) writeWords(view, at, 0xffff_ffff, 0x7fff_ffff);
  writeMs(view, at + 8, nowMs);
}

function writeMs(view: DataView, at: number, ms: number): void {
  writeWords(view, at, ms >>> 0, Math.floor(ms / 0x1_0000_0000));
}

function writeWords(view: DataView, at: number, low: number, high: number): void {
  view.setUint32(at, low, true);
  view.setInt32(at + 4, high, true);
}
