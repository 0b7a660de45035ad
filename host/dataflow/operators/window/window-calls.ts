/**
 * What a step over aligned windows does with tables of states, each with the step's error policy around it.
 *
 * W1  A call that failed has changed no table and emitted nothing.
 * W2  A failing record is given up alone; a failing merge or result is given up with the state of its key, and no other.
 * W3  Results carry the window's last millisecond as event time, and its bounds in the fields made for them.
 */
import { BatchBuilder } from '../../../abi/batch-builder.ts';
import type { RowKernel } from '../../../abi/row-kernel.ts';
import { BATCH_BYTES_TARGET } from '../../../limits.ts';
import { type Batch, EMPTY_BATCH } from '../../../model/batch.ts';
import type { StateTable } from '../../../state/state-table.ts';
import type { OperatorContext, OperatorCounters, Output } from '../../operator.ts';
import type { WindowedSpec } from '../../window-spec.ts';
import { type GuardedStep, recoverBatch } from '../error-policy.ts';
import type { GuestCall } from '../guest-call.ts';
import { rowOffsets, rowsBetween } from '../row-walk.ts';
import { collectedRecords, createCollectedFold } from './collected-fold.ts';
import { appendStates, entriesBehind, tagByEntries } from './entry-rows.ts';
import { createGuestFold } from './guest-fold.ts';
import { stampResults } from './stamp-results.ts';
import type { WindowFunction } from './window-function.ts';
import { WindowGuest } from './window-guest.ts';
import { SingleWindow } from './window-times.ts';

export interface WindowCallsParts {
  readonly spec: WindowedSpec;
  readonly guest: GuestCall;
  readonly context: OperatorContext;
  readonly counters: OperatorCounters;
  readonly kernel: RowKernel;
}

/** The life of the function that a step has. */
export function createWindowFunction({ spec, guest, counters }: WindowCallsParts): WindowFunction {
  const measured = new WindowGuest(guest, counters);
  return spec.function.kind === 'apply'
    ? createCollectedFold(spec, measured)
    : createGuestFold(spec, measured);
}

export class WindowCalls {
  readonly #parts: WindowCallsParts;
  readonly #function: WindowFunction;
  readonly #window = new SingleWindow();
  readonly #states = new BatchBuilder(BATCH_BYTES_TARGET);
  readonly #entries = new BatchBuilder(BATCH_BYTES_TARGET);
  readonly #rows = new BatchBuilder(BATCH_BYTES_TARGET);
  readonly #folding: GuardedStep;
  readonly #merging: GuardedStep;
  readonly #finishing: GuardedStep;
  readonly #joining: GuardedStep;
  /** The table that is written, or that the other is joined with. */
  #table!: StateTable;
  #result: Batch = EMPTY_BATCH;
  /** Keys that the last attempt found in both tables. */
  #matched = 0;

  constructor(parts: WindowCallsParts) {
    const { spec, guest, context, counters, kernel } = parts;
    this.#parts = parts;
    this.#function = createWindowFunction(parts);
    const step = { spec, guest, context, counters };
    const states = {
      ...step,
      schema: spec.state,
      ...(spec.function.kind === 'apply'
        ? { records: (state: Batch) => collectedRecords(state.bytes) }
        : {}),
    };
    this.#folding = {
      ...step,
      schema: spec.input,
      attempt: (rows) => {
        // The failed call left ordinals in the tags.
        kernel.hashKeys(rows, spec.key);
        this.#fold(rows);
      },
      accept: () => this.#table.apply(this.#result),
    };
    this.#merging = {
      ...states,
      attempt: (rows) => this.#merge(rows),
      accept: () => this.#table.apply(this.#result),
    };
    this.#finishing = {
      ...states,
      attempt: (rows) => {
        this.#result = this.#function.results(rows, this.#window);
      },
      accept: (out) => this.#emit(out),
    };
    this.#joining = {
      ...states,
      attempt: (rows) => this.#join(rows),
      accept: (out) => this.#emit(out),
    };
  }

  /** Folds rows, whose tags are key hashes, into the states of a table. */
  foldInto(table: StateTable, rows: Batch, out: Output): void {
    this.#table = table;
    try {
      this.#fold(rows);
    } catch (thrown) {
      recoverBatch(rows, thrown, this.#folding, out);
      return;
    }
    table.apply(this.#result);
  }

  /** Puts key hashes back into the tags of rows that were folded before. */
  hash(rows: Batch): void {
    this.#parts.kernel.hashKeys(rows, this.#parts.spec.key);
  }

  /** Merges the states of `newer` into those of `older`; `newer` stays as it is. */
  mergeInto(older: StateTable, newer: StateTable, out: Output): void {
    this.#eachChunk(newer, (rows) => {
      this.#table = older;
      this.#guarded(this.#merging, rows, out);
    });
  }

  /** Emits the results of all states of a table. */
  emitAll(table: StateTable, startMs: number, endMs: number, out: Output): void {
    this.#setWindow(startMs, endMs);
    const { range } = this.#parts.context;
    for (let cursor = 0; cursor >= 0; ) {
      this.#rows.clear();
      cursor = table.scan(range, cursor, BATCH_BYTES_TARGET, this.#rows);
      this.#guarded(this.#finishing, this.#rows.batch(), out);
    }
  }

  /** Emits the results of the states of two tables, merged where a key is in both. */
  emitMerged(
    tables: { readonly older: StateTable; readonly newer: StateTable },
    startMs: number,
    endMs: number,
    out: Output,
  ): void {
    this.#setWindow(startMs, endMs);
    const { older, newer } = tables;
    let matched = 0;
    this.#eachChunk(older, (rows) => {
      this.#table = newer;
      this.#matched = 0;
      this.#guarded(this.#joining, rows, out);
      matched += this.#matched;
    });
    if (matched >= newer.entries) return;
    this.#eachChunk(newer, (rows) => {
      const own = this.#without(older, rows);
      this.#guarded(this.#finishing, own, out);
    });
  }

  /** Emits the result of the key of one row, over tables from the oldest to the newest. */
  emitKey(tables: readonly StateTable[], row: Batch, times: SingleWindow, out: Output): void {
    this.#setWindow(times.startMs, times.endMs);
    this.#guarded(
      {
        ...this.#folding,
        attempt: (rows) => this.#gather(tables, rows),
        accept: (to) => this.#emit(to),
      },
      row,
      out,
    );
  }

  #guarded(step: GuardedStep, rows: Batch, out: Output): void {
    if (rows.count === 0) return;
    try {
      step.attempt(rows);
    } catch (thrown) {
      recoverBatch(rows, thrown, step, out);
      return;
    }
    step.accept(out);
  }

  #fold(rows: Batch): void {
    this.#states.clear();
    const keys = this.#table.resolve(rows, this.#parts.spec.key, this.#states);
    this.#result = this.#function.fold(rows, this.#states.batch(), keys);
  }

  #merge(rows: Batch): void {
    const keys = this.#resolve(rows, this.#table);
    this.#result = this.#function.merge(rows, this.#states.batch(), keys);
  }

  #join(rows: Batch): void {
    const keys = this.#resolve(rows, this.#table);
    const newer = this.#states.batch();
    this.#matched += newer.count;
    this.#result = this.#function.mergedResults(newer, rows, keys, this.#window);
  }

  /** The results of one key over several tables. */
  #gather(tables: readonly StateTable[], row: Batch): void {
    const { kernel, spec } = this.#parts;
    let gathered: Batch = EMPTY_BATCH;
    for (const table of tables) {
      kernel.hashKeys(row, spec.key);
      this.#states.clear();
      table.resolve(row, spec.key, this.#states);
      const state = this.#states.batch();
      if (state.count === 0) continue;
      const merged = gathered.count === 0 ? state : this.#function.merge(state, gathered, 1);
      gathered = { bytes: merged.bytes.slice(), count: 1 };
    }
    this.#result =
      gathered.count === 0 ? EMPTY_BATCH : this.#function.results(gathered, this.#window);
  }

  #emit(out: Output): void {
    const rows = this.#result;
    if (rows.count === 0) return;
    stampResults(rows, this.#window, this.#parts.spec.stamps);
    const { counters } = this.#parts;
    counters.recordsOut += rows.count;
    counters.bytesOut += rows.bytes.length;
    out.batch(rows);
  }

  /** The states of a table as rows in `#rows`, their entries in `#entries`, a chunk at a time. */
  #eachChunk(table: StateTable, visit: (rows: Batch) => void): void {
    const { range } = this.#parts.context;
    for (let cursor = 0; cursor >= 0; ) {
      this.#entries.clear();
      this.#rows.clear();
      cursor = table.scanEntries(range, cursor, BATCH_BYTES_TARGET, this.#entries);
      appendStates(this.#entries.batch(), this.#rows);
      if (this.#rows.count > 0) visit(this.#rows.batch());
    }
  }

  /** Looks up the keys of rows of `#rows` in a table: ordinals into the rows, states into `#states`. Returns the number of keys. */
  #resolve(rows: Batch, table: StateTable): number {
    const from = rows.bytes.byteOffset - this.#rows.bytes.byteOffset;
    const entries = entriesBehind(this.#entries.batch(), from, rows.count);
    this.#states.clear();
    const keys = table.resolveEntries(entries, this.#states);
    tagByEntries(rows, entries);
    return keys;
  }

  /** The rows, of `#rows`, whose keys have no state in a table. */
  #without(table: StateTable, rows: Batch): Batch {
    this.#resolve(rows, table);
    const found = rowOffsets(this.#states.batch());
    const held = new Set<number>();
    const { view } = this.#states;
    for (let i = 0; i < this.#states.count; i++) held.add(view.getUint32(found[i] + 4, true));
    const offsets = rowOffsets(rows);
    const own = new BatchBuilder(rows.bytes.length);
    // Every entry of a table is a key of its own: ordinals count the rows.
    for (let i = 0; i < rows.count; i++) {
      if (!held.has(i)) own.append(rowsBetween(rows, offsets, i, i + 1));
    }
    return own.batch();
  }

  #setWindow(startMs: number, endMs: number): void {
    this.#window.startMs = startMs;
    this.#window.endMs = endMs;
  }
}
