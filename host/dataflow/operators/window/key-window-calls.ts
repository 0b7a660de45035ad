/**
 * The guest calls of a step whose keys have windows of their own: on a batch of records, and on keys of which windows are due. Each is a
 * transaction with the step's error policy around it.
 *
 * C1  An attempt that failed has changed no window, no timer and no counter, and emitted nothing.
 * C2  A failing record is given up alone; a failing result with the windows of its key that were due, and no others.
 */
import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { eventTimeAt } from '../../../abi/event-time.ts';
import { keyBytesOf } from '../../../abi/key-bytes.ts';
import { ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import { type Batch, EMPTY_BATCH } from '../../../model/batch.ts';
import type { StateTable } from '../../../state/state-table.ts';
import { appendTimer, DELETE_TIMER, type HashedKey } from '../../../state/timer-entry.ts';
import type { TimerTable } from '../../../state/timer-table.ts';
import { appendTombstone } from '../../../state/tombstone.ts';
import type { Output } from '../../operator.ts';
import { type GuardedStep, recoverBatch } from '../error-policy.ts';
import { collectedRecords } from './collected-fold.ts';
import { appendStates, entriesBehind, entryKeys, tagByEntries } from './entry-rows.ts';
import {
  type KeyWindows,
  NO_TIMER,
  noWindows,
  readKeyWindows,
  sealed,
  statesIn,
  writeKeyWindows,
} from './key-windows.ts';
import { NodeStates } from './node-states.ts';
import { EVENT_TIME_MAX_MS } from './pane-dealer.ts';
import { stampResults } from './stamp-results.ts';
import { type DueResult, WindowAssigner } from './window-assigner.ts';
import { createWindowFunction, type WindowCallsParts } from './window-calls.ts';
import type { WindowFunction } from './window-function.ts';
import type { WindowTimes } from './window-times.ts';

export interface KeyWindowParts extends WindowCallsParts {
  readonly table: StateTable;
  readonly timers: TimerTable;
}

/** What is done with the windows of keys that are looked at. */
export type Visit =
  /** The watermark was at `beforeMs`; those that have ended since fire. */
  { readonly kind: 'advance'; readonly beforeMs: number } | { readonly kind: 'fire all' };

/** The windows of a key in a call. */
interface VisitedKey {
  readonly windows: KeyWindows;
  readonly ordinal: number;
  hashed(): HashedKey;
}

export class KeyWindowCalls {
  readonly #parts: KeyWindowParts;
  readonly #function: WindowFunction;
  readonly #nodes = new NodeStates();
  readonly #assigner: WindowAssigner;
  readonly #states = new BatchBuilder();
  readonly #rows = new BatchBuilder();
  readonly #dueStates = new BatchBuilder();
  readonly #changed = new BatchBuilder();
  readonly #timerChanges = new BatchBuilder(1024);
  readonly #late = new BatchBuilder(64);
  readonly #times: WindowTimes;
  readonly #taking: GuardedStep;
  readonly #visiting: GuardedStep;
  #due: readonly DueResult[] = [];
  #entries: Batch = EMPTY_BATCH;
  #visit: Visit = { kind: 'fire all' };
  #isSilent = false;
  #result: Batch = EMPTY_BATCH;
  /** Records of the last attempt that are in a window. */
  #windowed = 0;

  constructor(parts: KeyWindowParts) {
    const { spec, guest, context, counters, kernel } = parts;
    this.#parts = parts;
    this.#function = createWindowFunction(parts);
    this.#assigner = new WindowAssigner(spec, this.#nodes);
    this.#times = {
      startOf: (ordinal) => this.#due[ordinal].startMs,
      endOf: (ordinal) => this.#due[ordinal].endMs,
    };
    const step = { spec, guest, context, counters, accept: (out: Output) => this.#accept(out) };
    this.#taking = {
      ...step,
      schema: spec.input,
      attempt: (rows) => {
        // The failed call left ordinals in the tags.
        kernel.hashKeys(rows, spec.key);
        this.#takeRows(rows);
      },
    };
    const isCollected = spec.function.kind === 'apply';
    this.#visiting = {
      ...step,
      schema: spec.state,
      records: ({ bytes }) =>
        statesIn(bytes).flatMap((state) => (isCollected ? collectedRecords(state.bytes) : state)),
      attempt: (rows) => this.#visitRows(rows),
    };
  }

  get watermarkMs(): number {
    return this.#assigner.watermarkMs;
  }

  set watermarkMs(timeMs: number) {
    this.#assigner.watermarkMs = timeMs;
  }

  /** Puts records, whose tags are key hashes, into their windows. */
  take(rows: Batch, out: Output): void {
    try {
      this.#takeRows(rows);
    } catch (thrown) {
      const before = this.#givenUp();
      recoverBatch(rows, thrown, this.#taking, out);
      // They were in a window, if only for a moment.
      this.#parts.counters.windowedRecords += this.#givenUp() - before;
      return;
    }
    this.#accept(out);
  }

  /** Looks at the windows of keys; `entries` are theirs, as `StateTable.scanEntries` yields them. */
  look(entries: Batch, visit: Visit, out: Output): void {
    if (entries.count === 0) return;
    this.#entries = entries;
    this.#visit = visit;
    this.#rows.clear();
    appendStates(entries, this.#rows);
    const rows = this.#rows.batch();
    try {
      this.#visitRows(rows);
    } catch (thrown) {
      const before = this.#givenUp();
      recoverBatch(rows, thrown, this.#visiting, out);
      if (this.#givenUp() > before && visit.kind === 'advance') this.#forget(out);
      return;
    }
    this.#accept(out);
  }

  /** What was given up has ended all the same: its windows are as if they had fired. */
  #forget(out: Output): void {
    const { table } = this.#parts;
    const states = new BatchBuilder();
    table.resolveEntries(this.#entries, states);
    this.#isSilent = true;
    for (const key of entryKeys(this.#entries)) {
      const state = table.get(key.hash, key.key);
      if (state === undefined) continue;
      this.#begin();
      table.resolveEntries(key.entry, states);
      const windows = readKeyWindows(state, 0, this.#nodes);
      this.#finish([{ windows, ordinal: 0, hashed: () => key }]);
      this.#accept(out);
    }
    this.#isSilent = false;
  }

  #takeRows(rows: Batch): void {
    const { table, spec } = this.#parts;
    this.#begin();
    const view = new DataView(rows.bytes.buffer, rows.bytes.byteOffset, rows.bytes.length);
    const hashes = this.#tagsOf(rows, view);
    const count = table.resolve(rows, spec.key, this.#states);
    const keys = this.#readKeys(count);
    const firstRows: number[] = [];
    const touched = new Set<number>();
    let row = 0;
    for (let at = 0; at < rows.bytes.length; row++) {
      const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
      const ordinal = view.getUint32(at + ROW_TAG_OFFSET, true);
      const timeMs = eventTimeAt(view, at);
      const place = at;
      const isTaken = this.#assigner.take(
        keys[ordinal],
        Math.abs(timeMs) <= EVENT_TIME_MAX_MS ? timeMs : Number.NaN,
        (node) => this.#nodes.add(node, rows.bytes, place, length),
      );
      if (isTaken) {
        touched.add(ordinal);
        firstRows[ordinal] ??= row;
        this.#windowed += 1;
      } else {
        const to = this.#late.length;
        this.#late.append({ bytes: rows.bytes.subarray(at, at + length), count: 1 });
        this.#late.view.setUint32(to + ROW_TAG_OFFSET, 0, true);
      }
      at += length;
    }
    const offsets = touched.size === 0 ? [] : offsetsOf(rows, view);
    this.#finish(
      [...touched].map((ordinal) => ({
        windows: keys[ordinal],
        ordinal,
        hashed: () => ({
          hash: hashes[firstRows[ordinal]],
          key: keyBytesOf(view, offsets[firstRows[ordinal]], spec.key),
        }),
      })),
    );
  }

  #visitRows(rows: Batch): void {
    this.#begin();
    const from = rows.bytes.byteOffset - this.#rows.bytes.byteOffset;
    const entries = entriesBehind(this.#entries, from, rows.count);
    this.#parts.table.resolveEntries(entries, this.#states);
    tagByEntries(rows, entries);
    const offsets = offsetsOf(rows, new DataView(rows.bytes.buffer, rows.bytes.byteOffset));
    const hashed = entryKeys(entries);
    this.#finish(
      hashed.map((key, ordinal) => ({
        windows: readKeyWindows(rows.bytes, offsets[ordinal], this.#nodes),
        ordinal,
        hashed: () => key,
      })),
    );
  }

  #begin(): void {
    this.#nodes.clear();
    this.#states.clear();
    this.#late.clear();
    this.#changed.clear();
    this.#timerChanges.clear();
    this.#assigner.due = [];
    this.#due = [];
    this.#windowed = 0;
    this.#result = EMPTY_BATCH;
  }

  /** Computes what the keys' windows are now, their results, and what is to be written. */
  #finish(keys: readonly VisitedKey[]): void {
    const isVisit = this.#windowed === 0 && this.#late.count === 0;
    for (const { windows } of keys) {
      if (isVisit) this.#visitKey(windows);
      for (const window of windows.windows) sealed(window, this.#nodes);
    }
    this.#nodes.compute(this.#function);
    if (!this.#isSilent) this.#makeResults(isVisit);
    for (const key of keys) this.#write(key);
  }

  #visitKey(windows: KeyWindows): void {
    const visit = this.#visit;
    if (visit.kind === 'fire all') {
      this.#assigner.fireAll(windows);
      return;
    }
    // The timer that led here is spent.
    if (windows.timerMs <= this.#assigner.watermarkMs) windows.timerMs = NO_TIMER;
    this.#assigner.advance(windows, visit.beforeMs);
  }

  #makeResults(isVisit: boolean): void {
    const { due } = this.#assigner;
    if (due.length === 0) return;
    // Of several keys at once; those of a batch come in the order of its records.
    this.#due = isVisit ? due.toSorted((a, b) => a.endMs - b.endMs) : due;
    this.#dueStates.clear();
    for (const { node } of this.#due) this.#nodes.appendState(node, this.#dueStates);
    this.#result = this.#function.results(this.#dueStates.batch(), this.#times);
  }

  #write({ windows, ordinal, hashed }: VisitedKey): void {
    const next = this.#assigner.nextMs(windows);
    if (next < windows.timerMs) {
      const key = hashed();
      if (windows.timerMs < NO_TIMER) {
        appendTimer(this.#timerChanges, windows.timerMs, key, DELETE_TIMER);
      }
      appendTimer(this.#timerChanges, next, key);
      windows.timerMs = next;
    }
    if (windows.windows.length === 0) appendTombstone(this.#changed, ordinal);
    else writeKeyWindows(windows, ordinal, this.#nodes, this.#changed);
  }

  #accept(out: Output): void {
    const { table, timers, counters, spec } = this.#parts;
    if (this.#changed.count > 0) table.apply(this.#changed.batch());
    if (this.#timerChanges.count > 0) timers.update(this.#timerChanges.batch().bytes);
    counters.windowedRecords += this.#windowed;
    if (this.#late.count > 0 && spec.lateRead) {
      counters.lateRecords += this.#late.count;
      out.side('late', this.#late.batch());
    } else counters.droppedRecords += this.#late.count;
    const rows = this.#result;
    if (rows.count === 0) return;
    stampResults(rows, this.#times, spec.stamps);
    counters.recordsOut += rows.count;
    counters.bytesOut += rows.bytes.length;
    out.batch(rows);
  }

  #readKeys(count: number): KeyWindows[] {
    const keys = Array.from({ length: count }, noWindows);
    const { bytes, view, length } = this.#states;
    for (let at = 0; at < length; at += view.getUint32(at + ROW_LENGTH_OFFSET, true)) {
      keys[view.getUint32(at + ROW_TAG_OFFSET, true)] = readKeyWindows(bytes, at, this.#nodes);
    }
    return keys;
  }

  #tagsOf(rows: Batch, view: DataView): Uint32Array {
    const tags = new Uint32Array(rows.count);
    for (let at = 0, i = 0; i < rows.count; i++) {
      tags[i] = view.getUint32(at + ROW_TAG_OFFSET, true);
      at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
    }
    return tags;
  }

  #givenUp(): number {
    return this.#parts.counters.skipped + this.#parts.counters.deadLetters;
  }
}

function offsetsOf(rows: Batch, view: DataView): number[] {
  const offsets: number[] = [];
  for (let at = 0; at < rows.bytes.length; at += view.getUint32(at + ROW_LENGTH_OFFSET, true)) {
    offsets.push(at);
  }
  return offsets;
}
