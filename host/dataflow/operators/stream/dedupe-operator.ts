/**
 * `dedupe` and `distinct`: of each key the first record passes. With a `ttl` a key is forgotten that long after the record that passed,
 * by event time: a record that is later than that passes again. What is forgotten is freed as the watermark goes on.
 *
 * The state of a key is a row without fields whose event time is that of the record that passed.
 */
import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { eventTimeAt } from '../../../abi/event-time.ts';
import {
  ROW_HEADER_BYTES,
  ROW_LENGTH_OFFSET,
  ROW_TAG_OFFSET,
  ROW_TIME_OFFSET,
} from '../../../abi/layout.ts';
import { BATCH_BYTES_TARGET, STATE_BYTES_MAX } from '../../../limits.ts';
import type { Batch } from '../../../model/batch.ts';
import { WATERMARK_MAX_MS, WATERMARK_MIN_MS } from '../../../model/element.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { StateTable } from '../../../state/state-table.ts';
import { newCounters, type Operator, type OperatorSnapshot, type Output } from '../../operator.ts';
import type { DedupeSpec } from '../../plan.ts';
import type { OperatorParts } from '../operator-parts.ts';
import { removeExpired } from './remove-expired.ts';
import { RowDealer } from './row-dealer.ts';

const SEEN_STATE = 'seen';

export function createDedupeOperator(spec: DedupeSpec, parts: OperatorParts): Operator {
  return new DedupeOperator(spec, parts);
}

class DedupeOperator implements Operator {
  readonly counters = newCounters();
  readonly #spec: DedupeSpec;
  readonly #range: KeyGroupRange;
  readonly #table: StateTable;
  readonly #dealer = new RowDealer(1);
  readonly #known = new BatchBuilder(BATCH_BYTES_TARGET);
  readonly #states = new BatchBuilder(BATCH_BYTES_TARGET);
  /** By ordinal: the event time of the record that passed last; NaN when none has. */
  #passedMs = new Float64Array(0);
  #sweptMs = WATERMARK_MIN_MS;

  constructor(spec: DedupeSpec, { context, createStateTable }: OperatorParts) {
    this.#spec = spec;
    this.#range = context.range;
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
    this.#readKnown(batch);
    const passedMs = this.#passedMs;
    const ttlMs = this.#spec.ttlMs ?? Number.POSITIVE_INFINITY;
    this.#dealer.deal(batch, (view, at) => {
      const ordinal = view.getUint32(at + ROW_TAG_OFFSET, true);
      const timeMs = eventTimeAt(view, at);
      // False as well when nothing has passed: nothing compares with NaN.
      if (timeMs < passedMs[ordinal] + ttlMs) return -1;
      passedMs[ordinal] = timeMs;
      return 0;
    });
    const passed = this.#dealer.pile(0);
    if (passed.count === 0) return;
    this.#remember(passed);
    counters.recordsOut += passed.count;
    counters.bytesOut += passed.bytes.length;
    out.batch(passed);
  }

  onWatermark(timeMs: number): void {
    const { ttlMs } = this.#spec;
    // At the end of the input nothing is freed: the last checkpoint keeps what was seen.
    if (ttlMs === undefined || timeMs === WATERMARK_MAX_MS) return;
    // Every entry is looked at each time, so not at every watermark.
    if (timeMs - this.#sweptMs < ttlMs / 2) return;
    this.#sweptMs = timeMs;
    removeExpired(this.#table, this.#range, timeMs - ttlMs);
    this.#countState();
  }

  onEnd(): void {}

  snapshot(): OperatorSnapshot {
    return { keyed: { [SEEN_STATE]: this.#table.snapshot() }, values: null };
  }

  restore(snapshot: OperatorSnapshot, range: KeyGroupRange): void {
    const seen = snapshot.keyed[SEEN_STATE];
    if (seen !== undefined) this.#table.restore(seen, range);
    this.#countState();
  }

  close(): void {
    this.#table.close();
  }

  /** Numbers the batch's keys and reads when a record of each has passed. */
  #readKnown(batch: Batch): void {
    const known = this.#known;
    known.clear();
    const keys = this.#table.resolve(batch, this.#spec.key, known);
    if (this.#passedMs.length < keys) this.#passedMs = new Float64Array(keys * 2);
    this.#passedMs.fill(Number.NaN, 0, keys);
    for (let at = 0; at < known.length; at += ROW_HEADER_BYTES) {
      const ordinal = known.view.getUint32(at + ROW_TAG_OFFSET, true);
      this.#passedMs[ordinal] = eventTimeAt(known.view, at);
    }
  }

  /** Stores, of each key that had a record pass, the event time of the last one. */
  #remember(passed: Batch): void {
    const { bytes, count } = passed;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const states = this.#states;
    states.clear();
    let at = 0;
    for (let row = 0; row < count; row++) {
      const ordinal = view.getUint32(at + ROW_TAG_OFFSET, true);
      // A key whose records span more than the ttl passes twice in a batch: only the last time is kept.
      if (eventTimeAt(view, at) === this.#passedMs[ordinal]) appendSeen(states, view, at);
      at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
    }
    this.#table.apply(states.batch());
    this.#countState();
  }

  #countState(): void {
    this.counters.stateEntries = this.#table.entries;
    this.counters.stateBytes = this.#table.bytes;
  }
}

function appendSeen(states: BatchBuilder, view: DataView, at: number): void {
  const to = states.reserve(ROW_HEADER_BYTES);
  states.view.setUint32(to + ROW_LENGTH_OFFSET, ROW_HEADER_BYTES, true);
  states.view.setUint32(to + ROW_TAG_OFFSET, view.getUint32(at + ROW_TAG_OFFSET, true), true);
  states.view.setUint32(to + ROW_TIME_OFFSET, view.getUint32(at + ROW_TIME_OFFSET, true), true);
  states.view.setUint32(
    to + ROW_TIME_OFFSET + 4,
    view.getUint32(at + ROW_TIME_OFFSET + 4, true),
    true,
  );
  states.commit(ROW_HEADER_BYTES, 1);
}
