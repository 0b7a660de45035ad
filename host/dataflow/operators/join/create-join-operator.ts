/**
 * The operator around every join: it counts, gives away what comes too late, and keeps the watermark.
 *
 * J1  A row that comes too late is put out by `lateLeft` or `lateRight` if somebody reads that, else it is counted as dropped; in both
 *     cases the join does not see it.
 * J2  The watermark is part of the snapshot: a row that was late before is late after a restore.
 */
import { z } from 'zod';
import { eventTimeAt } from '../../../abi/event-time.ts';
import { ROW_LENGTH_OFFSET } from '../../../abi/layout.ts';
import { MillraceError } from '../../../errors.ts';
import type { Batch } from '../../../model/batch.ts';
import { WATERMARK_MAX_MS, WATERMARK_MIN_MS } from '../../../model/element.ts';
import type { Json } from '../../../model/json.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { CompiledModule } from '../../../sandbox/guest.ts';
import type { JoinSpec } from '../../join-spec.ts';
import {
  newCounters,
  type Operator,
  type OperatorCapture,
  type OperatorCounters,
  type OperatorSnapshot,
  type Output,
  type SwappableOperator,
} from '../../operator.ts';
import type { OperatorParts } from '../operator-parts.ts';
import { RowDealer } from '../stream/row-dealer.ts';
import { createBroadcastJoin } from './broadcast-join.ts';
import { createBufferedJoin } from './buffered-join.ts';
import type { JoinCore, Side } from './join-core.ts';
import { GuestPairs, type JoinOutput, LeftRows } from './join-output.ts';
import { createTemporalJoin } from './temporal-join.ts';
import { createWindowJoin } from './window-join.ts';

const valuesSchema = z.union([z.null(), z.strictObject({ watermarkMs: z.int() })]);

/** Makes a join. One with a function is a `SwappableOperator`, and needs `parts.module`. */
export function createJoinOperator(spec: JoinSpec, parts: OperatorParts): Operator {
  const { function: reference } = spec;
  const { module } = parts;
  const counters = newCounters();
  if (reference === undefined || module === undefined) {
    return new JoinOperator(spec, parts, new LeftRows(counters), counters);
  }
  const pairs = new GuestPairs({ ...spec, function: reference }, { ...parts, module }, counters);
  return new SwappableJoin(new JoinOperator(spec, parts, pairs, counters), pairs);
}

function createCore(spec: JoinSpec, parts: OperatorParts, output: JoinOutput): JoinCore {
  const { how } = spec;
  switch (how.kind) {
    case 'interval':
    case 'regular':
      return createBufferedJoin(spec, parts, output);
    case 'temporal':
      return createTemporalJoin(spec, parts, output);
    case 'broadcast':
      return createBroadcastJoin(spec, parts, output);
    case 'window':
      return createWindowJoin({ ...spec, how }, parts, output);
    default:
      return how satisfies never;
  }
}

class JoinOperator implements Operator {
  readonly counters: OperatorCounters;
  readonly #spec: JoinSpec;
  readonly #output: JoinOutput;
  readonly #core: JoinCore;
  readonly #dealer = new RowDealer(2);
  #watermarkMs = WATERMARK_MIN_MS;

  constructor(
    spec: JoinSpec,
    parts: OperatorParts,
    output: JoinOutput,
    counters: OperatorCounters,
  ) {
    this.counters = counters;
    this.#spec = spec;
    this.#output = output;
    this.#core = createCore(spec, parts, output);
  }

  get id(): string {
    return this.#spec.id;
  }

  onBatch(batch: Batch, out: Output, input = 0): void {
    if (batch.count === 0) return;
    const { counters } = this;
    counters.batches += 1;
    counters.recordsIn += batch.count;
    counters.bytesIn += batch.bytes.length;
    const side: Side = input === 0 ? 0 : 1;
    const rows = this.#timely(batch, side, out);
    counters.windowedRecords += rows.count;
    if (rows.count > 0) this.#core.onRows(rows, side, out);
    this.#output.flush(out);
    this.#countState();
  }

  onWatermark(timeMs: number, out: Output): void {
    if (timeMs <= this.#watermarkMs) return;
    this.#core.onWatermark(timeMs, out);
    this.#output.flush(out);
    this.#countState();
    // The end of the input is not a time: who goes on from here with more input is where the input was.
    if (timeMs !== WATERMARK_MAX_MS) this.#watermarkMs = timeMs;
  }

  /** Without event time no watermark has come yet that says so. What has left does not leave again. */
  onEnd(out: Output): void {
    this.onWatermark(WATERMARK_MAX_MS, out);
  }

  snapshot(): OperatorSnapshot {
    return { keyed: this.#core.snapshot(), values: this.#values() };
  }

  capture(changes: boolean): OperatorCapture {
    return { keyed: this.#core.capture(changes), values: this.#values() };
  }

  restore({ keyed, values }: OperatorSnapshot, range: KeyGroupRange): void {
    const watermarkMs = readValues(this.id, values);
    if (watermarkMs > this.#watermarkMs) {
      this.#watermarkMs = watermarkMs;
      this.#core.restoreWatermark(watermarkMs);
    }
    this.#core.restore(keyed, range);
    this.#countState();
  }

  close(): void {
    this.#core.close();
  }

  /** J2 */
  #values(): Json {
    return this.#watermarkMs === WATERMARK_MIN_MS ? null : { watermarkMs: this.#watermarkMs };
  }

  /** J1: the rows that are not late. */
  #timely(batch: Batch, side: Side, out: Output): Batch {
    const { counters } = this;
    const core = this.#core;
    if (!hasLate(batch, side, core)) return batch;
    this.#dealer.deal(batch, (view, at) => (core.isLate(side, eventTimeAt(view, at)) ? 1 : 0));
    const late = this.#dealer.pile(1);
    const { left, right } = this.#spec.lateRead;
    if (side === 0 ? left : right) {
      counters.lateRecords += late.count;
      out.side(side === 0 ? 'lateLeft' : 'lateRight', late);
    } else counters.droppedRecords += late.count;
    return this.#dealer.pile(0);
  }

  #countState(): void {
    this.counters.stateEntries = this.#core.entries;
    this.counters.stateBytes = this.#core.bytes;
  }
}

/** A join whose function can be exchanged. */
class SwappableJoin implements SwappableOperator {
  readonly #join: JoinOperator;
  readonly #pairs: GuestPairs;

  constructor(join: JoinOperator, pairs: GuestPairs) {
    this.#join = join;
    this.#pairs = pairs;
  }

  get id(): string {
    return this.#join.id;
  }

  get counters(): OperatorCounters {
    return this.#join.counters;
  }

  onBatch(batch: Batch, out: Output, input?: number): void {
    this.#join.onBatch(batch, out, input);
  }

  onWatermark(timeMs: number, out: Output): void {
    this.#join.onWatermark(timeMs, out);
  }

  onEnd(out: Output): void {
    this.#join.onEnd(out);
  }

  snapshot(): OperatorSnapshot {
    return this.#join.snapshot();
  }

  capture(changes: boolean): OperatorCapture {
    return this.#join.capture(changes);
  }

  restore(snapshot: OperatorSnapshot, range: KeyGroupRange): void {
    this.#join.restore(snapshot, range);
  }

  stage(module: CompiledModule): void {
    this.#pairs.stage(module);
  }

  swap(): void {
    this.#pairs.swap();
  }

  unstage(): void {
    this.#pairs.unstage();
  }

  close(): void {
    this.#pairs.unstage();
    this.#join.close();
  }
}

function hasLate({ bytes, count }: Batch, side: Side, core: JoinCore): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0, row = 0; row < count; row++) {
    if (core.isLate(side, eventTimeAt(view, at))) return true;
    at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
  }
  return false;
}

function readValues(id: string, values: Json): number {
  const parsed = valuesSchema.safeParse(values);
  if (!parsed.success) {
    throw new MillraceError('CHECKPOINT_CORRUPT', `the values of join "${id}" cannot be read`, {
      details: parsed.error.issues.map((issue) => issue.message),
    });
  }
  return parsed.data?.watermarkMs ?? WATERMARK_MIN_MS;
}
