/**
 * `sort`: the records of a window leave in order when the watermark has passed its end. One task sorts the whole stream, so all of its
 * output is in order: windows one after the other, records by their fields within, those that are equal as they came.
 *
 * A record of a window that has left, or one without event time, leaves by `late`, or is counted as dropped when nobody reads that.
 *
 * Rows are kept in one state table a window, under their number in it. They all are of key group 0, which is the one task's.
 */
import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { eventTimeAt } from '../../../abi/event-time.ts';
import { ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import { MillraceError } from '../../../errors.ts';
import { BATCH_BYTES_TARGET, STATE_BYTES_MAX } from '../../../limits.ts';
import { type Batch, EMPTY_BATCH } from '../../../model/batch.ts';
import { WATERMARK_MIN_MS } from '../../../model/element.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { CreateStateTable, StateTable } from '../../../state/state-table.ts';
import {
  newCounters,
  type Operator,
  type OperatorContext,
  type OperatorSnapshot,
  type Output,
} from '../../operator.ts';
import type { SortSpec } from '../../plan.ts';
import type { OperatorParts } from '../operator-parts.ts';
import { type CompareRows, compareBy } from './compare-rows.ts';
import { RowDealer } from './row-dealer.ts';

const STATE_PREFIX = 'window:';
const ENTRY_HEADER_BYTES = 16;
/** An entry's key: the row's number in its window, 8 bytes. */
const ENTRY_BYTES = ENTRY_HEADER_BYTES + 8;
const KEPT = 0;
const LATE = 1;

export function createSortOperator(spec: SortSpec, parts: OperatorParts): Operator {
  return new SortOperator(spec, parts);
}

class SortOperator implements Operator {
  readonly counters = newCounters();
  readonly #spec: SortSpec;
  readonly #context: OperatorContext;
  readonly #createStateTable: CreateStateTable;
  readonly #compare: CompareRows;
  readonly #dealer = new RowDealer(2);
  /** By the end of the window. */
  readonly #windows = new Map<number, StateTable>();
  #watermarkMs = WATERMARK_MIN_MS;

  constructor(spec: SortSpec, { context, createStateTable }: OperatorParts) {
    this.#spec = spec;
    this.#context = context;
    this.#createStateTable = createStateTable;
    const orders = spec.by.map((field) => compareBy(spec.schema, field, spec.descending));
    this.#compare = (a, atA, b, atB) => {
      for (let i = 0; i < orders.length; i++) {
        const order = orders[i](a, atA, b, atB);
        if (order !== 0) return order;
      }
      return 0;
    };
  }

  get id(): string {
    return this.#spec.id;
  }

  onBatch(batch: Batch, out: Output): void {
    if (batch.count === 0) return;
    const { counters } = this;
    counters.batches += 1;
    counters.recordsIn += batch.count;
    counters.bytesIn += batch.bytes.length;
    this.#dealer.deal(batch, (view, at) => {
      const timeMs = eventTimeAt(view, at);
      const late = timeMs === WATERMARK_MIN_MS || this.#endOf(timeMs) - 1 <= this.#watermarkMs;
      return late ? LATE : KEPT;
    });
    this.#keep(this.#dealer.pile(KEPT));
    this.#giveLate(this.#dealer.pile(LATE), out);
  }

  onWatermark(timeMs: number, out: Output): void {
    this.#watermarkMs = Math.max(this.#watermarkMs, timeMs);
    const ends = [...this.#windows.keys()].filter((end) => end - 1 <= timeMs);
    for (const end of ends.sort((a, b) => a - b)) this.#release(end, out);
    if (ends.length > 0) this.#countState();
  }

  onEnd(): void {}

  snapshot(): OperatorSnapshot {
    const windows = [...this.#windows].map(
      ([end, table]) => [`${STATE_PREFIX}${end}`, table.snapshot()] as const,
    );
    return { keyed: Object.fromEntries(windows), values: { watermarkMs: this.#watermarkMs } };
  }

  restore({ keyed, values }: OperatorSnapshot, range: KeyGroupRange): void {
    for (const [state, snapshot] of Object.entries(keyed)) {
      const end = Number(state.slice(STATE_PREFIX.length));
      if (!state.startsWith(STATE_PREFIX) || !Number.isSafeInteger(end)) {
        throw corrupt(`a sort has a state "${state}"`);
      }
      this.#tableOf(end).restore(snapshot, range);
    }
    const watermarkMs = (values as { readonly watermarkMs?: unknown } | null)?.watermarkMs;
    if (typeof watermarkMs !== 'number') throw corrupt('a sort has no watermark');
    this.#watermarkMs = Math.max(this.#watermarkMs, watermarkMs);
    this.#countState();
  }

  close(): void {
    for (const table of this.#windows.values()) table.close();
    this.#windows.clear();
  }

  #endOf(timeMs: number): number {
    const { sizeMs, offsetMs } = this.#spec;
    return Math.floor((timeMs - offsetMs) / sizeMs) * sizeMs + offsetMs + sizeMs;
  }

  #tableOf(end: number): StateTable {
    const found = this.#windows.get(end);
    if (found !== undefined) return found;
    const { keyGroups, range } = this.#context;
    const options = { keyGroups, range, bytesMax: STATE_BYTES_MAX, composite: true };
    const table = this.#createStateTable(options);
    this.#windows.set(end, table);
    return table;
  }

  #keep(rows: Batch): void {
    if (rows.count === 0) return;
    const byWindow = new Map<number, BatchBuilder>();
    const view = viewOf(rows.bytes);
    for (let at = 0; at < rows.bytes.length; ) {
      const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
      const end = this.#endOf(eventTimeAt(view, at));
      const own = byWindow.get(end) ?? new BatchBuilder(rows.bytes.length);
      byWindow.set(end, own);
      own.append({ bytes: rows.bytes.subarray(at, at + length), count: 1 });
      at += length;
    }
    const { keyGroups } = this.#context;
    for (const [end, own] of byWindow) addRows(this.#tableOf(end), own, keyGroups);
    this.counters.windowedRecords += rows.count;
    this.#countState();
  }

  #giveLate(rows: Batch, out: Output): void {
    if (rows.count === 0) return;
    if (!this.#spec.lateRead) {
      this.counters.droppedRecords += rows.count;
      return;
    }
    this.counters.lateRecords += rows.count;
    out.side('late', rows);
  }

  /** Emits a window in order and forgets it. */
  #release(end: number, out: Output): void {
    const table = this.#windows.get(end);
    if (table === undefined) return;
    const entries = new BatchBuilder(BATCH_BYTES_TARGET);
    const { range } = this.#context;
    for (let cursor = 0; cursor >= 0; ) {
      cursor = table.scanEntries(range, cursor, BATCH_BYTES_TARGET, entries);
    }
    this.#windows.delete(end);
    table.close();
    const rows = new BatchBuilder(BATCH_BYTES_TARGET);
    for (const at of this.#order(entries)) {
      const row = at + ENTRY_BYTES;
      const length = entries.view.getUint32(row + ROW_LENGTH_OFFSET, true);
      rows.append({ bytes: entries.bytes.subarray(row, row + length), count: 1 });
      if (rows.length >= BATCH_BYTES_TARGET) this.#emit(rows, out);
    }
    this.#emit(rows, out);
  }

  /** Where the entries stand, in the order of their rows. */
  #order(entries: BatchBuilder): Uint32Array {
    const { view } = entries;
    const places = new Uint32Array(entries.count);
    for (let at = 0, i = 0; i < entries.count; i++) {
      places[i] = at;
      at += ENTRY_BYTES + view.getUint32(at + 8, true);
    }
    const numberOf = (at: number) => view.getFloat64(at + ENTRY_HEADER_BYTES, true);
    return places.sort(
      (a, b) =>
        this.#compare(view, a + ENTRY_BYTES, view, b + ENTRY_BYTES) || numberOf(a) - numberOf(b),
    );
  }

  #emit(rows: BatchBuilder, out: Output): void {
    const batch = rows.count === 0 ? EMPTY_BATCH : rows.batch();
    if (batch.count === 0) return;
    this.counters.recordsOut += batch.count;
    this.counters.bytesOut += batch.bytes.length;
    out.batch(batch);
    rows.clear();
  }

  #countState(): void {
    const tables = [...this.#windows.values()];
    this.counters.stateEntries = tables.reduce((sum, table) => sum + table.entries, 0);
    this.counters.stateBytes = tables.reduce((sum, table) => sum + table.bytes, 0);
  }
}

/** Adds rows to a window's table, numbered on from those that are there. */
function addRows(table: StateTable, rows: BatchBuilder, keyGroups: number): void {
  // Hashes of key group 0; tables tell keys with equal hashes apart by their bytes.
  const turns = Math.floor(2 ** 32 / keyGroups);
  const entries = new BatchBuilder(rows.count * ENTRY_BYTES);
  for (let i = 0, number = table.entries; i < rows.count; i++) {
    const at = entries.reserve(ENTRY_BYTES);
    entries.view.setUint32(at, (number % turns) * keyGroups, true);
    entries.view.setUint32(at + 4, 8, true);
    entries.view.setUint32(at + 8, 0, true);
    entries.view.setUint32(at + 12, 0, true);
    entries.view.setFloat64(at + ENTRY_HEADER_BYTES, number, true);
    entries.commit(ENTRY_BYTES, 1);
    number += 1;
  }
  table.resolveEntries(entries.batch(), new BatchBuilder(64));
  let row = 0;
  for (let at = 0; at < rows.length; at += rows.view.getUint32(at + ROW_LENGTH_OFFSET, true)) {
    rows.view.setUint32(at + ROW_TAG_OFFSET, row, true);
    row += 1;
  }
  table.apply(rows.batch());
}

function corrupt(message: string): MillraceError {
  return new MillraceError('CHECKPOINT_CORRUPT', message, {
    hint: 'restore an older checkpoint or a savepoint',
  });
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
