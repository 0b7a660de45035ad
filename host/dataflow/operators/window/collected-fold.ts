/**
 * `apply`: the states are the records themselves, one after the other behind a header, so that they can be kept where rows are kept:
 *
 *     0        4        8                16        20       24
 *     ┌────────┬────────┬────────────────┬─────────┬────────┬──────────────┐
 *     │ length │ tag    │ time of last   │ records │ 0      │ rows …       │
 *     └────────┴────────┴────────────────┴─────────┴────────┴──────────────┘
 */
import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { ROW_LENGTH_OFFSET, ROW_TAG_OFFSET, ROW_TIME_OFFSET } from '../../../abi/layout.ts';
import { MillraceError } from '../../../errors.ts';
import { ROW_BYTES_MAX } from '../../../limits.ts';
import type { Batch } from '../../../model/batch.ts';
import { WINDOW_ENTRY_BYTES } from '../../../sandbox/guest.ts';
import type { WindowedSpec } from '../../window-spec.ts';
import { numberRows, rowOffsets } from '../row-walk.ts';
import { writeTime } from './stamp-results.ts';
import type { WindowFunction } from './window-function.ts';
import type { WindowGuest } from './window-guest.ts';
import type { WindowTimes } from './window-times.ts';

const COUNT_OFFSET = 16;
const HEADER_BYTES = 24;
const NO_BOUND_HIGH = 0x8000_0000;

export function createCollectedFold(spec: WindowedSpec, guest: WindowGuest): WindowFunction {
  const collector = new Collector();
  const rows = new BatchBuilder();
  const windows = new BatchBuilder(1024);

  const results = (states: Batch, times: WindowTimes): Batch => {
    numberRows(states);
    rows.clear();
    windows.clear();
    const view = viewOf(states.bytes);
    for (let at = 0, i = 0; i < states.count; i++) {
      const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
      const count = view.getUint32(at + COUNT_OFFSET, true);
      rows.append({ bytes: states.bytes.subarray(at + HEADER_BYTES, at + length), count });
      appendEntry(windows, times, i, { view, at, count, bytes: length - HEADER_BYTES });
      at += length;
    }
    return guest.runWindows(spec.function.name, {
      rows: rows.batch(),
      windows: windows.batch().bytes,
    });
  };

  return {
    fold: (added, states, keys) => collector.append({ added, skip: 0, states, keys }),
    merge: (newer, older, keys) =>
      collector.append({ added: newer, skip: HEADER_BYTES, states: older, keys }),
    mergedResults(newer, older, keys, times) {
      const parts = { added: newer, skip: HEADER_BYTES, states: older, keys };
      const merged = collector.append({ ...parts, all: true });
      return results(merged, times);
    },
    results,
  };
}

/** The records that a collected state stands for, each as it came in; views of `state`. */
export function collectedRecords(state: Uint8Array): Batch[] {
  const count = viewOf(state).getUint32(COUNT_OFFSET, true);
  const rows = { bytes: state.subarray(HEADER_BYTES), count };
  const offsets = rowOffsets(rows);
  return Array.from({ length: count }, (_, i) => ({
    bytes: rows.bytes.subarray(offsets[i], offsets[i + 1]),
    count: 1,
  }));
}

interface Collection {
  /** Rows, or states, of which `skip` bytes are the header. */
  readonly added: Batch;
  readonly skip: number;
  /** What is there already. */
  readonly states: Batch;
  readonly keys: number;
  /** States to which nothing is added belong to the answer, too. */
  readonly all?: boolean;
}

/** Puts rows, or the rows of other states, behind those that states hold. */
class Collector {
  readonly #out = new BatchBuilder();
  /** By ordinal: bytes and records of the new state, then where its next row goes. */
  #bytes = new Uint32Array(1024);
  #counts = new Uint32Array(1024);
  #next = new Uint32Array(1024);

  append(collection: Collection): Batch {
    const { added, skip, states } = collection;
    this.#measure(collection);
    this.#place(collection.keys);
    const { bytes, view } = this.#out;
    const copy = (from: Batch, headerBytes: number) => {
      const source = viewOf(from.bytes);
      for (let at = 0; at < from.bytes.length; ) {
        const length = source.getUint32(at + ROW_LENGTH_OFFSET, true);
        const ordinal = source.getUint32(at + ROW_TAG_OFFSET, true);
        const to = this.#next[ordinal];
        if (to > 0) {
          bytes.set(from.bytes.subarray(at + headerBytes, at + length), to);
          if (headerBytes === 0) view.setUint32(to + ROW_TAG_OFFSET, 0, true);
          this.#next[ordinal] = to + length - headerBytes;
        }
        at += length;
      }
    };
    copy(states, HEADER_BYTES);
    copy(added, skip);
    this.#copyTimes(states);
    this.#copyTimes(added);
    return this.#out.batch();
  }

  #measure({ added, skip, states, keys, all = false }: Collection): void {
    if (keys > this.#bytes.length) {
      this.#bytes = new Uint32Array(keys * 2);
      this.#counts = new Uint32Array(keys * 2);
      this.#next = new Uint32Array(keys * 2);
    }
    this.#bytes.fill(0, 0, keys);
    this.#counts.fill(0, 0, keys);
    const add = (batch: Batch, headerBytes: number, touched: boolean) => {
      const view = viewOf(batch.bytes);
      for (let at = 0; at < batch.bytes.length; ) {
        const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
        const ordinal = view.getUint32(at + ROW_TAG_OFFSET, true);
        if (touched || this.#bytes[ordinal] > 0) {
          this.#bytes[ordinal] += length - headerBytes;
          this.#counts[ordinal] += headerBytes === 0 ? 1 : view.getUint32(at + COUNT_OFFSET, true);
        }
        at += length;
      }
    };
    add(added, skip, true);
    add(states, HEADER_BYTES, all);
  }

  /** Headers, one after the other in order of ordinals, with room for the rows of each. */
  #place(keys: number): void {
    const out = this.#out;
    out.clear();
    for (let ordinal = 0; ordinal < keys; ordinal++) {
      this.#next[ordinal] = 0;
      if (this.#bytes[ordinal] === 0) continue;
      const length = HEADER_BYTES + this.#bytes[ordinal];
      if (length > ROW_BYTES_MAX) throw windowTooLarge(length);
      const at = out.reserve(length);
      const { view } = out;
      view.setUint32(at + ROW_LENGTH_OFFSET, length, true);
      view.setUint32(at + ROW_TAG_OFFSET, ordinal, true);
      view.setUint32(at + COUNT_OFFSET, this.#counts[ordinal], true);
      view.setUint32(at + COUNT_OFFSET + 4, 0, true);
      this.#next[ordinal] = at + HEADER_BYTES;
      out.commit(length, 1);
    }
  }

  /** The time of the last row that is there: results of windows without bounds have it. */
  #copyTimes(from: Batch): void {
    const source = viewOf(from.bytes);
    const { view } = this.#out;
    for (let at = 0; at < from.bytes.length; ) {
      const ordinal = source.getUint32(at + ROW_TAG_OFFSET, true);
      // Behind the last row that was copied, which is where the state ends.
      if (this.#next[ordinal] > 0) {
        const state = this.#next[ordinal] - this.#bytes[ordinal] - HEADER_BYTES;
        const low = source.getUint32(at + ROW_TIME_OFFSET, true);
        const high = source.getUint32(at + ROW_TIME_OFFSET + 4, true);
        view.setUint32(state + ROW_TIME_OFFSET, low, true);
        view.setUint32(state + ROW_TIME_OFFSET + 4, high, true);
      }
      at += source.getUint32(at + ROW_LENGTH_OFFSET, true);
    }
  }
}

interface EntryParts {
  readonly view: DataView;
  /** Where the state is. */
  readonly at: number;
  readonly count: number;
  readonly bytes: number;
}

function appendEntry(
  out: BatchBuilder,
  times: WindowTimes,
  ordinal: number,
  { view, at, count, bytes }: EntryParts,
): void {
  const entry = out.reserve(WINDOW_ENTRY_BYTES);
  const end = times.endOf(ordinal);
  if (Number.isFinite(end)) {
    writeTime(out.view, entry, times.startOf(ordinal));
    writeTime(out.view, entry + 8, end);
    writeTime(out.view, entry + 16, end - 1);
  } else {
    out.view.setUint32(entry, 0, true);
    out.view.setUint32(entry + 4, NO_BOUND_HIGH, true);
    out.view.setUint32(entry + 8, 0xffff_ffff, true);
    out.view.setUint32(entry + 12, NO_BOUND_HIGH - 1, true);
    out.view.setUint32(entry + 16, view.getUint32(at + ROW_TIME_OFFSET, true), true);
    out.view.setUint32(entry + 20, view.getUint32(at + ROW_TIME_OFFSET + 4, true), true);
  }
  out.view.setUint32(entry + 24, count, true);
  out.view.setUint32(entry + 28, bytes, true);
  out.commit(WINDOW_ENTRY_BYTES, 1);
}

function windowTooLarge(bytes: number): MillraceError {
  return new MillraceError(
    'RECORD_TOO_LARGE',
    `the records of a key in one window have ${bytes} bytes, limit ${ROW_BYTES_MAX}`,
    { hint: 'use a reduce or an aggregate, which keep less than all records, or shorter windows' },
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
