import { BatchBuilder } from '../../../abi/batch-builder.ts';
import {
  NO_TIME_HIGH,
  ROW_HEADER_BYTES,
  ROW_LENGTH_OFFSET,
  ROW_TAG_OFFSET,
  ROW_TIME_OFFSET,
} from '../../../abi/layout.ts';
import { BATCH_BYTES_TARGET } from '../../../limits.ts';
import type { Batch } from '../../../model/batch.ts';
import { WATERMARK_MIN_MS } from '../../../model/element.ts';
import { writeTime } from '../../../state/timer-entry.ts';

/** Sides that a pair has, in its tag. */
export const HAS_LEFT = 1;
export const HAS_RIGHT = 2;

/** A row somewhere in memory. One object stands for many rows, one after the other. */
export interface RowPlace {
  bytes: Uint8Array;
  view: DataView;
  at: number;
}

export function placeIn(batch: Batch): RowPlace {
  const { buffer, byteOffset, length } = batch.bytes;
  return { bytes: batch.bytes, view: new DataView(buffer, byteOffset, length), at: 0 };
}

/**
 * Pairs for a guest's `join` (`guest-sdk/ABI.md`, section 4), each in the outer form of a row, so that what walks and cuts batches of
 * rows does the same with pairs:
 *
 *     0        4        8                16
 *     ┌────────┬────────┬────────────────┬───────────────────┬────────────────────┐
 *     │ length │ sides  │ event time     │ left row, if any  │ right row, if any  │
 *     └────────┴────────┴────────────────┴───────────────────┴────────────────────┘
 */
export class PairFrames {
  readonly #frames = new BatchBuilder(BATCH_BYTES_TARGET);

  /** Appends a pair; its results get the event time `timeMs`, none with `WATERMARK_MIN_MS`. */
  append(left: RowPlace | undefined, right: RowPlace | undefined, timeMs: number): void {
    const frames = this.#frames;
    const leftBytes = left === undefined ? 0 : left.view.getUint32(left.at, true);
    const rightBytes = right === undefined ? 0 : right.view.getUint32(right.at, true);
    const bytes = ROW_HEADER_BYTES + leftBytes + rightBytes;
    const at = frames.reserve(bytes);
    const sides = (left === undefined ? 0 : HAS_LEFT) | (right === undefined ? 0 : HAS_RIGHT);
    frames.view.setUint32(at + ROW_LENGTH_OFFSET, bytes, true);
    frames.view.setUint32(at + ROW_TAG_OFFSET, sides, true);
    writeEventTime(frames.view, at, timeMs);
    if (left !== undefined) copyRow(frames, left, at + ROW_HEADER_BYTES, leftBytes);
    if (right !== undefined) copyRow(frames, right, at + ROW_HEADER_BYTES + leftBytes, rightBytes);
    frames.commit(bytes, 1);
  }

  /** As many as make a batch. */
  get full(): boolean {
    return this.#frames.length >= BATCH_BYTES_TARGET;
  }

  batch(): Batch {
    return this.#frames.batch();
  }

  clear(): void {
    this.#frames.clear();
  }
}

/** Sets the event time of the row at `at`. */
export function writeEventTime(view: DataView, at: number, timeMs: number): void {
  if (timeMs !== WATERMARK_MIN_MS) {
    writeTime(view, at + ROW_TIME_OFFSET, timeMs);
    return;
  }
  view.setUint32(at + ROW_TIME_OFFSET, 0, true);
  view.setInt32(at + ROW_TIME_OFFSET + 4, NO_TIME_HIGH, true);
}

/** Copies a row; its tag means something here only, and becomes 0. */
export function copyRow(to: BatchBuilder, row: RowPlace, at: number, bytes: number): void {
  to.bytes.set(row.bytes.subarray(row.at, row.at + bytes), at);
  to.view.setUint32(at + ROW_TAG_OFFSET, 0, true);
}

/** The rows of a pair that stands alone. */
export function rowsOfPair({ bytes }: Batch): {
  readonly left: Batch | undefined;
  readonly right: Batch | undefined;
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const sides = view.getUint32(ROW_TAG_OFFSET, true);
  const middle =
    (sides & HAS_LEFT) === 0
      ? ROW_HEADER_BYTES
      : ROW_HEADER_BYTES + view.getUint32(ROW_HEADER_BYTES, true);
  const part = (from: number, to: number) => ({ bytes: bytes.subarray(from, to), count: 1 });
  return {
    left: (sides & HAS_LEFT) === 0 ? undefined : part(ROW_HEADER_BYTES, middle),
    right: (sides & HAS_RIGHT) === 0 ? undefined : part(middle, bytes.length),
  };
}
