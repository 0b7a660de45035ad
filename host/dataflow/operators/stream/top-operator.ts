/**
 * `topN`: the best records of each key, by a field. Either each record leaves as it enters the best (and stays out there when a
 * better one pushes it from the list: downstream sees it come, not go), or the best of each key leave when the input ends, in order.
 *
 * The state of a key is one row without fields, behind which its best rows stand, best first:
 *
 *     u32 length · u32 0 · i64 event time (none) · row · row · …
 */
import { BatchBuilder } from '../../../abi/batch-builder.ts';
import {
  NO_TIME_HIGH,
  ROW_HEADER_BYTES,
  ROW_LENGTH_OFFSET,
  ROW_TAG_OFFSET,
  ROW_TIME_OFFSET,
  slotOffset,
} from '../../../abi/layout.ts';
import { BATCH_BYTES_TARGET, STATE_BYTES_MAX } from '../../../limits.ts';
import type { Batch } from '../../../model/batch.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { StateTable } from '../../../state/state-table.ts';
import {
  newCounters,
  type Operator,
  type OperatorContext,
  type OperatorSnapshot,
  type Output,
} from '../../operator.ts';
import type { TopSpec } from '../../plan.ts';
import { EmittedGroups } from '../emitted-groups.ts';
import type { OperatorParts } from '../operator-parts.ts';
import { type CompareRows, compareBy } from './compare-rows.ts';
import { RowDealer } from './row-dealer.ts';

const BEST_STATE = 'best';

/** The best rows of a key, best first, each a copy with tag 0. */
type BestRows = DataView[];

export function createTopOperator(spec: TopSpec, parts: OperatorParts): Operator {
  return new TopOperator(spec, parts);
}

class TopOperator implements Operator {
  readonly counters = newCounters();
  readonly #spec: TopSpec;
  readonly #context: OperatorContext;
  readonly #table: StateTable;
  readonly #compare: CompareRows;
  readonly #dealer = new RowDealer(1);
  readonly #states = new BatchBuilder(BATCH_BYTES_TARGET);
  readonly #emitted = new EmittedGroups();

  constructor(spec: TopSpec, { context, createStateTable }: OperatorParts) {
    this.#spec = spec;
    this.#context = context;
    this.#compare = compareBy(spec.schema, spec.by, spec.descending);
    const { keyGroups, range } = context;
    this.#table = createStateTable({ keyGroups, range, bytesMax: STATE_BYTES_MAX });
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
    this.#emitted.clear();
    const best = this.#resolve(batch);
    const changed = new Set<number>();
    this.#dealer.deal(batch, (view, at) => {
      const ordinal = view.getUint32(at + ROW_TAG_OFFSET, true);
      const place = this.#enter(best[ordinal], view, at);
      if (place < 0) return -1;
      this.#writeRank(view, at, place);
      changed.add(ordinal);
      return 0;
    });
    this.#store(best, changed);
    if (this.#spec.emit === 'record') this.#emit(this.#dealer.pile(0), out);
  }

  onWatermark(): void {}

  onEnd(out: Output): void {
    if (this.#spec.emit !== 'end') return;
    const { range } = this.#context;
    for (const left of this.#emitted.missing(range)) this.#emitBest(left, out);
    this.#emitted.complete(range);
  }

  snapshot(): OperatorSnapshot {
    return { keyed: { [BEST_STATE]: this.#table.snapshot() }, values: this.#emitted.toJson() };
  }

  restore(snapshot: OperatorSnapshot, range: KeyGroupRange): void {
    const best = snapshot.keyed[BEST_STATE];
    if (best !== undefined) this.#table.restore(best, range);
    this.#emitted.restore(snapshot.values);
    this.#countState();
  }

  close(): void {
    this.#table.close();
  }

  /** Numbers the batch's keys; the best rows of each, by ordinal. */
  #resolve(batch: Batch): BestRows[] {
    const states = this.#states;
    states.clear();
    const keys = this.#table.resolve(batch, this.#spec.key, states);
    const best: BestRows[] = Array.from({ length: keys }, () => []);
    for (let at = 0; at < states.length; ) {
      const end = at + states.view.getUint32(at + ROW_LENGTH_OFFSET, true);
      best[states.view.getUint32(at + ROW_TAG_OFFSET, true)] = rowsIn(states, at, end);
      at = end;
    }
    return best;
  }

  /** Puts the row at `at` among the best and gives its place; -1 = it has none. Of equal rows the earlier one is better. */
  #enter(best: BestRows, view: DataView, at: number): number {
    const { count } = this.#spec;
    let place = best.length;
    while (place > 0 && this.#compare(view, at, best[place - 1], 0) < 0) place -= 1;
    if (place >= count) return -1;
    best.splice(place, 0, copyOf(view, at));
    if (best.length > count) best.pop();
    return place;
  }

  #writeRank(view: DataView, at: number, place: number): void {
    if (this.#spec.rank === undefined) return;
    const slot = at + slotOffset(this.#spec.rank);
    view.setUint32(slot, place + 1, true);
    view.setUint32(slot + 4, 0, true);
  }

  #store(best: readonly BestRows[], changed: ReadonlySet<number>): void {
    const states = this.#states;
    states.clear();
    for (const ordinal of changed) appendState(states, ordinal, best[ordinal]);
    this.#table.apply(states.batch());
    this.#countState();
  }

  /** Emits the best rows of every key in these groups. */
  #emitBest(range: KeyGroupRange, out: Output): void {
    const states = this.#states;
    for (let cursor = 0; cursor >= 0; ) {
      states.clear();
      cursor = this.#table.scan(range, cursor, BATCH_BYTES_TARGET, states);
      const rows = new BatchBuilder(states.length);
      for (let at = 0; at < states.length; ) {
        const end = at + states.view.getUint32(at + ROW_LENGTH_OFFSET, true);
        for (const [place, row] of rowsIn(states, at, end).entries()) {
          this.#writeRank(row, 0, place);
          rows.append({ bytes: bytesOf(row), count: 1 });
        }
        at = end;
      }
      this.#emit(rows.batch(), out);
    }
  }

  #emit(rows: Batch, out: Output): void {
    if (rows.count === 0) return;
    this.counters.recordsOut += rows.count;
    this.counters.bytesOut += rows.bytes.length;
    out.batch(rows);
  }

  #countState(): void {
    this.counters.stateEntries = this.#table.entries;
    this.counters.stateBytes = this.#table.bytes;
  }
}

/** The rows behind the header of the state at `at`. */
function rowsIn(states: BatchBuilder, at: number, end: number): BestRows {
  const rows: BestRows = [];
  for (let row = at + ROW_HEADER_BYTES; row < end; ) {
    rows.push(copyOf(states.view, row));
    row += states.view.getUint32(row + ROW_LENGTH_OFFSET, true);
  }
  return rows;
}

function appendState(states: BatchBuilder, ordinal: number, best: BestRows): void {
  const length = best.reduce((sum, row) => sum + row.byteLength, ROW_HEADER_BYTES);
  let at = states.reserve(length);
  states.view.setUint32(at + ROW_LENGTH_OFFSET, length, true);
  states.view.setUint32(at + ROW_TAG_OFFSET, ordinal, true);
  states.view.setUint32(at + ROW_TIME_OFFSET, 0, true);
  states.view.setInt32(at + ROW_TIME_OFFSET + 4, NO_TIME_HIGH, true);
  at += ROW_HEADER_BYTES;
  for (const row of best) {
    states.bytes.set(bytesOf(row), at);
    at += row.byteLength;
  }
  states.commit(length, 1);
}

/** A copy of the row at `at` with tag 0. */
function copyOf(view: DataView, at: number): DataView {
  const from = view.byteOffset + at;
  const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
  const copy = new DataView(view.buffer.slice(from, from + length));
  copy.setUint32(ROW_TAG_OFFSET, 0, true);
  return copy;
}

function bytesOf(row: DataView): Uint8Array {
  return new Uint8Array(row.buffer, row.byteOffset, row.byteLength);
}
