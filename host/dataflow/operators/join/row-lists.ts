/**
 * The rows that a join keeps: one list per key (`row-list-layout.ts`) with the rows of both sides in the order in which they came.
 * Used in turns: `load` the lists of a batch's keys, look at them and set flags, `store` them with the rows that are to be added.
 * Nothing is changed in the table before `store`.
 *
 * R1  A list that has a row with an end has a timer at or before the earliest; it is set when the list gets an earlier one.
 * R2  Timers follow from the lists, so they are in no snapshot: restoring sets them again.
 */
import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { eventTimeAt } from '../../../abi/event-time.ts';
import { ROW_HEADER_BYTES, ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import { MillraceError } from '../../../errors.ts';
import { BATCH_BYTES_TARGET, ROW_BYTES_MAX, STATE_BYTES_MAX } from '../../../limits.ts';
import type { Batch } from '../../../model/batch.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { KeySpec } from '../../../model/key-spec.ts';
import type { KeyedSnapshot, StateCapture, StateTable } from '../../../state/state-table.ts';
import { appendTombstone } from '../../../state/tombstone.ts';
import type { OperatorParts } from '../operator-parts.ts';
import { ListTimers } from './list-timers.ts';
import { placeIn, type RowPlace } from './pair-frames.ts';
import {
  earliestAt,
  GONE,
  MATCHED,
  NEVER,
  writeEarliest,
  writeListHeader,
} from './row-list-layout.ts';
import { SideIndex } from './side-index.ts';
import { tableKeys } from './table-keys.ts';

export interface RowListsOptions {
  /** For messages. */
  readonly step: string;
  readonly range: KeyGroupRange;
  /** When a row with these flags and this event time need not be kept any longer, ms, or `NEVER`. */
  readonly expiryOf: (flags: number, timeMs: number) => number;
}

export class RowLists {
  readonly #options: RowListsOptions;
  readonly #table: StateTable;
  readonly #timers: ListTimers;
  /** The lists that are loaded; tags are ordinals. */
  readonly lists = new BatchBuilder(BATCH_BYTES_TARGET);
  readonly #sides = new SideIndex();
  #keys = 0;
  /** By ordinal: where the list is in `lists`, -1 = there is none. */
  #starts = new Int32Array(1024);
  /** By ordinal: 1 = the list changes, 2 = and has its timer. */
  #dirty = new Uint8Array(1024);
  /** By ordinal, of the list to be stored: its bytes, its earliest expiry, where its next row goes. */
  #sizes = new Float64Array(1024);
  #earliest = new Float64Array(1024);
  #places = new Int32Array(1024);
  readonly #stored = new BatchBuilder(BATCH_BYTES_TARGET);

  constructor(options: RowListsOptions, { context, createStateTable }: OperatorParts) {
    const { keyGroups } = context;
    this.#options = options;
    this.#table = createStateTable({ keyGroups, range: options.range, bytesMax: STATE_BYTES_MAX });
    this.#timers = new ListTimers(keyGroups);
  }

  /** Keys that have rows. */
  get entries(): number {
    return this.#table.entries;
  }

  get bytes(): number {
    return this.#table.bytes;
  }

  /** When the time of some row is up at the earliest, or `NEVER`. */
  get nextMs(): number {
    return this.#timers.nextMs;
  }

  /** Loads the lists of the rows' keys. The tags of `rows` are hashes and become ordinals. */
  load(rows: Batch, key: KeySpec): void {
    this.lists.clear();
    this.#index(this.#table.resolve(rows, key, this.lists));
  }

  /** Where the list of a key is in `lists`; -1 = it has none. Its rows begin `ROW_HEADER_BYTES` later. */
  startOf(ordinal: number): number {
    return this.#starts[ordinal];
  }

  /** The rows of each side of the list of a key. */
  sidesOf(ordinal: number): SideIndex {
    this.#sides.look(ordinal, this.#starts[ordinal], this.lists);
    return this.#sides;
  }

  /** Says that flags of the list have been changed. */
  touch(ordinal: number): void {
    this.#dirty[ordinal] = 1;
  }

  /**
   * Stores the lists that were touched, and adds the rows given to `load` with these flags; a row with `GONE` is not added.
   * Throws `STATE_LIMIT`.
   */
  store(rows: Batch, key: KeySpec, flags: Uint8Array | Uint32Array): void {
    const view = new DataView(rows.bytes.buffer, rows.bytes.byteOffset, rows.bytes.length);
    this.#measureKept();
    this.#measureAdded(view, rows.count, flags);
    this.#placeLists();
    this.#setTimers(view, rows.count, key);
    this.#addRows(rows, view, flags);
    this.#settle();
  }

  /**
   * Looks at the rows whose time is up at `untilMs`: `visit` is called with each and the ordinal of its key, those of a key together, the
   * key with the earliest first. It answers with the flags that the row has from then on, by which its time must not be up any more.
   */
  expire(untilMs: number, visit: (row: RowPlace, ordinal: number) => number): void {
    const { expiryOf } = this.#options;
    while (this.#timers.nextMs <= untilMs) {
      const taken = this.#timers.take(untilMs);
      this.#loadEntries(taken);
      const row = placeIn(this.lists.batch());
      const { view } = row;
      for (let ordinal = 0; ordinal < this.#keys; ordinal++) {
        const end = this.#endOf(ordinal);
        for (let at = this.#firstOf(ordinal); at < end; ) {
          const flags = view.getUint32(at + ROW_TAG_OFFSET, true);
          if ((flags & GONE) === 0 && expiryOf(flags, eventTimeAt(view, at)) <= untilMs) {
            row.at = at;
            view.setUint32(at + ROW_TAG_OFFSET, visit(row, ordinal), true);
            this.touch(ordinal);
          }
          at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
        }
      }
      this.#storeKept();
      this.#timers.setForEntries(taken, (entries, at) => {
        return this.#earliest[entries.getUint32(at + 12, true)];
      });
      this.#timers.settle();
    }
  }

  /** Calls `visit` with each row, in no order of keys. With true for an answer the row is `MATCHED` from then on. */
  visitAll(visit: (row: RowPlace) => boolean): void {
    for (const keys of tableKeys(this.#table, this.#options.range)) {
      this.#loadEntries(keys);
      const row = placeIn(this.lists.batch());
      const { view } = row;
      for (let ordinal = 0; ordinal < this.#keys; ordinal++) {
        const end = this.#endOf(ordinal);
        for (let at = this.#firstOf(ordinal); at < end; ) {
          row.at = at;
          if (visit(row)) {
            const flags = view.getUint32(at + ROW_TAG_OFFSET, true);
            view.setUint32(at + ROW_TAG_OFFSET, flags | MATCHED, true);
            this.touch(ordinal);
          }
          at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
        }
      }
      this.#storeKept();
    }
  }

  snapshot(): KeyedSnapshot {
    return this.#table.snapshot();
  }

  capture(changes: boolean): StateCapture {
    return this.#table.capture(changes);
  }

  restore(snapshot: KeyedSnapshot): void {
    const { range } = this.#options;
    this.#table.restore(snapshot, range);
    const entries = new BatchBuilder(BATCH_BYTES_TARGET);
    for (let cursor = 0; cursor >= 0; ) {
      entries.clear();
      cursor = this.#table.scanEntries(range, cursor, BATCH_BYTES_TARGET, entries);
      this.#timers.setForEntries(entries.batch(), (view, _entry, list) => earliestAt(view, list));
      this.#timers.settle();
    }
  }

  close(): void {
    this.#table.close();
    this.#timers.close();
  }

  #loadEntries(entries: Batch): void {
    this.lists.clear();
    this.#index(this.#table.resolveEntries(entries, this.lists));
  }

  #index(keys: number): void {
    this.#keys = keys;
    this.#sides.reset(keys);
    if (keys > this.#starts.length) {
      this.#starts = new Int32Array(keys * 2);
      this.#dirty = new Uint8Array(keys * 2);
      this.#sizes = new Float64Array(keys * 2);
      this.#earliest = new Float64Array(keys * 2);
      this.#places = new Int32Array(keys * 2);
    }
    this.#starts.fill(-1, 0, keys);
    this.#dirty.fill(0, 0, keys);
    const { view, length } = this.lists;
    for (let at = 0; at < length; at += view.getUint32(at + ROW_LENGTH_OFFSET, true)) {
      this.#starts[view.getUint32(at + ROW_TAG_OFFSET, true)] = at;
    }
  }

  /** Where the rows of a list begin and end; the same without a list. */
  #firstOf(ordinal: number): number {
    return this.#starts[ordinal] + ROW_HEADER_BYTES;
  }

  #endOf(ordinal: number): number {
    const start = this.#starts[ordinal];
    return start < 0 ? 0 : start + this.lists.view.getUint32(start + ROW_LENGTH_OFFSET, true);
  }

  #storeKept(): void {
    this.#measureKept();
    this.#placeLists();
    this.#settle();
  }

  /** What is left of each list. */
  #measureKept(): void {
    const { view } = this.lists;
    const { expiryOf } = this.#options;
    for (let ordinal = 0; ordinal < this.#keys; ordinal++) {
      const start = this.#starts[ordinal];
      const end = this.#endOf(ordinal);
      this.#sizes[ordinal] = start < 0 ? 0 : end - start;
      this.#earliest[ordinal] = start < 0 ? NEVER : earliestAt(view, start);
      if (start < 0 || this.#dirty[ordinal] === 0) continue;
      let bytes = 0;
      let earliest = NEVER;
      for (let at = start + ROW_HEADER_BYTES; at < end; ) {
        const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
        const flags = view.getUint32(at + ROW_TAG_OFFSET, true);
        if ((flags & GONE) === 0) {
          bytes += length;
          earliest = Math.min(earliest, expiryOf(flags, eventTimeAt(view, at)));
        }
        at += length;
      }
      this.#sizes[ordinal] = bytes === 0 ? 0 : ROW_HEADER_BYTES + bytes;
      this.#earliest[ordinal] = earliest;
    }
  }

  #measureAdded(view: DataView, count: number, flags: Uint8Array | Uint32Array): void {
    const { expiryOf } = this.#options;
    for (let at = 0, row = 0; row < count; row++) {
      const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
      if ((flags[row] & GONE) === 0) {
        const ordinal = view.getUint32(at + ROW_TAG_OFFSET, true);
        const before = this.#sizes[ordinal];
        this.#sizes[ordinal] = (before === 0 ? ROW_HEADER_BYTES : before) + length;
        const expiry = expiryOf(flags[row], eventTimeAt(view, at));
        if (expiry < this.#earliest[ordinal]) this.#earliest[ordinal] = expiry;
        this.#dirty[ordinal] = 1;
      }
      at += length;
    }
  }

  /** Gives each list that changes its place in `#stored`, with the rows that are left of it. */
  #placeLists(): void {
    const stored = this.#stored;
    stored.clear();
    for (let ordinal = 0; ordinal < this.#keys; ordinal++) {
      if (this.#dirty[ordinal] === 0) continue;
      const bytes = this.#sizes[ordinal];
      if (bytes === 0) {
        if (this.#starts[ordinal] >= 0) appendTombstone(stored, ordinal);
        continue;
      }
      if (bytes > ROW_BYTES_MAX) throw this.#tooLong();
      const at = stored.reserve(bytes);
      writeListHeader(stored.view, at, bytes, ordinal);
      writeEarliest(stored.view, at, this.#earliest[ordinal]);
      stored.commit(bytes, 1);
      this.#places[ordinal] = at + ROW_HEADER_BYTES;
      this.#copyKept(ordinal);
    }
  }

  #copyKept(ordinal: number): void {
    if (this.#starts[ordinal] < 0) return;
    const { bytes, view } = this.lists;
    const stored = this.#stored;
    const end = this.#endOf(ordinal);
    let to = this.#places[ordinal];
    // Rows that stay are copied a run at a time.
    let run = this.#firstOf(ordinal);
    for (let at = run; at < end; ) {
      const next = at + view.getUint32(at + ROW_LENGTH_OFFSET, true);
      if ((view.getUint32(at + ROW_TAG_OFFSET, true) & GONE) !== 0) {
        stored.bytes.set(bytes.subarray(run, at), to);
        to += at - run;
        run = next;
      }
      at = next;
    }
    stored.bytes.set(bytes.subarray(run, end), to);
    this.#places[ordinal] = to + end - run;
  }

  #addRows(rows: Batch, from: DataView, flags: Uint8Array | Uint32Array): void {
    const { bytes, view } = this.#stored;
    for (let at = 0, row = 0; row < rows.count; row++) {
      const length = from.getUint32(at + ROW_LENGTH_OFFSET, true);
      if ((flags[row] & GONE) === 0) {
        const ordinal = from.getUint32(at + ROW_TAG_OFFSET, true);
        const to = this.#places[ordinal];
        bytes.set(rows.bytes.subarray(at, at + length), to);
        view.setUint32(to + ROW_TAG_OFFSET, flags[row], true);
        this.#places[ordinal] = to + length;
      }
      at += length;
    }
  }

  /** R1, for lists that rows are added to. */
  #setTimers(view: DataView, count: number, key: KeySpec): void {
    for (let at = 0, row = 0; row < count; row++) {
      const ordinal = view.getUint32(at + ROW_TAG_OFFSET, true);
      const start = this.#starts[ordinal];
      const earliest = this.#earliest[ordinal];
      const before = start < 0 ? NEVER : earliestAt(this.lists.view, start);
      if (this.#dirty[ordinal] === 1 && earliest < before) {
        this.#timers.setForRow(earliest, view, at, key);
        this.#dirty[ordinal] = 2;
      }
      at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
    }
  }

  #settle(): void {
    if (this.#stored.count > 0) this.#table.apply(this.#stored.batch());
    this.#timers.settle();
  }

  #tooLong(): MillraceError {
    const { step } = this.#options;
    const message = `join "${step}" would keep more than ${ROW_BYTES_MAX} bytes of rows for one key`;
    return new MillraceError('STATE_LIMIT', message, {
      hint: 'join by a key that fewer rows share, with a narrower interval, a shorter ttl or smaller records',
    });
  }
}
