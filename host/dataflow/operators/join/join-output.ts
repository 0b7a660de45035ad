import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { MillraceError } from '../../../errors.ts';
import { BATCH_BYTES_TARGET } from '../../../limits.ts';
import { type Batch, EMPTY_BATCH } from '../../../model/batch.ts';
import type { RecordSchema } from '../../../model/schema.ts';
import type { CompiledModule } from '../../../sandbox/guest.ts';
import type { JoinSpec } from '../../join-spec.ts';
import type { OperatorCounters, Output } from '../../operator.ts';
import type { FunctionRef, GuestSpec } from '../../plan.ts';
import { type GuardedStep, giveUp, recoverBatch } from '../error-policy.ts';
import { GuestCall } from '../guest-call.ts';
import type { GuestOperatorParts } from '../operator-parts.ts';
import { RowSample } from '../row-sample.ts';
import { rowText } from '../row-text.ts';
import { stampResults } from '../window/stamp-results.ts';
import { SingleWindow } from '../window/window-times.ts';
import { joinDifferences } from './join-fit.ts';
import { copyRow, PairFrames, type RowPlace, rowsOfPair, writeEventTime } from './pair-frames.ts';

/** What becomes of the pairs that a join finds. Pairs are gathered and leave when there are enough, or by `flush`. */
export interface JoinOutput {
  /** A row without a partner, or a pair. `timeMs` is the event time of what is put out; `WATERMARK_MIN_MS` = none. */
  pair(left: RowPlace | undefined, right: RowPlace | undefined, timeMs: number, out: Output): void;
  flush(out: Output): void;
  /** The window of the pairs from now on, whose bounds are written into results. Nothing is gathered when it is called. */
  window(startMs: number, endMs: number): void;
}

/** Left rows leave as they are; a right row alone is nothing. */
export class LeftRows implements JoinOutput {
  readonly #counters: OperatorCounters;
  readonly #rows = new BatchBuilder(BATCH_BYTES_TARGET);

  constructor(counters: OperatorCounters) {
    this.#counters = counters;
  }

  pair(
    left: RowPlace | undefined,
    _right: RowPlace | undefined,
    timeMs: number,
    out: Output,
  ): void {
    if (left === undefined) return;
    const rows = this.#rows;
    const bytes = left.view.getUint32(left.at, true);
    const at = rows.reserve(bytes);
    copyRow(rows, left, at, bytes);
    writeEventTime(rows.view, at, timeMs);
    rows.commit(bytes, 1);
    if (rows.length >= BATCH_BYTES_TARGET) this.flush(out);
  }

  /** Left rows stay as they are. */
  window(): void {}

  flush(out: Output): void {
    const rows = this.#rows.batch();
    if (rows.count === 0) return;
    this.#counters.recordsOut += rows.count;
    this.#counters.bytesOut += rows.bytes.length;
    out.batch(rows);
    this.#rows.clear();
  }
}

/**
 * Pairs become results of the guest's function, one call per batch of them. What a call fails on is a pair: the error policy decides
 * about that one. Which rows are kept, and which have had a partner, does not depend on it.
 */
export class GuestPairs implements JoinOutput {
  readonly #spec: JoinSpec & { readonly function: FunctionRef };
  readonly #counters: OperatorCounters;
  readonly #guest: GuestCall;
  readonly #guarded: GuardedStep;
  readonly #frames = new PairFrames();
  readonly #sample = new RowSample();
  #result: Batch = EMPTY_BATCH;
  #window: SingleWindow | undefined;

  constructor(
    spec: JoinSpec & { readonly function: FunctionRef },
    parts: GuestOperatorParts,
    counters: OperatorCounters,
  ) {
    this.#spec = spec;
    this.#counters = counters;
    const { id, function: reference, input, output, onError, limits } = spec;
    const call: GuestSpec = {
      ...{ kind: 'guest', id, function: reference },
      ...{ input, output, onError, limits },
    };
    const { context } = parts;
    checkFit(spec, parts.module);
    this.#guest = new GuestCall({ ...parts, spec: call, counters });
    this.#guarded = {
      ...{ spec: call, guest: this.#guest, context, counters, schema: input },
      attempt: (pairs) => this.#attempt(pairs),
      accept: (out) => this.#accept(out),
      records: (pair) => recordsOf(pair),
      describe: (pair) => this.#describe(pair),
    };
  }

  pair(left: RowPlace | undefined, right: RowPlace | undefined, timeMs: number, out: Output): void {
    this.#frames.append(left, right, timeMs);
    if (this.#frames.full) this.flush(out);
  }

  window(startMs: number, endMs: number): void {
    this.#window = new SingleWindow();
    this.#window.startMs = startMs;
    this.#window.endMs = endMs;
  }

  flush(out: Output): void {
    const pairs = this.#frames.batch();
    if (pairs.count === 0) return;
    this.#sample.offer(pairs);
    try {
      this.#attempt(pairs);
    } catch (thrown) {
      recoverBatch(pairs, thrown, this.#guarded, out);
      this.#frames.clear();
      return;
    }
    this.#accept(out);
    this.#frames.clear();
  }

  /** Throws `UPDATE_REFUSED`. */
  stage(module: CompiledModule): void {
    const details = joinDifferences(this.#spec, module);
    if (details.length > 0) {
      const message = `step "${this.#spec.id}" cannot run the new version: ${details[0]}`;
      const hint = 'a version takes over when its function has the same kind and the same records';
      throw new MillraceError('UPDATE_REFUSED', message, { details, hint });
    }
    this.#guest.stage(module, (instance) => {
      instance.run(this.#spec.function.name, this.#sample.rows);
    });
  }

  swap(): void {
    this.#guest.swap();
  }

  unstage(): void {
    this.#guest.unstage();
  }

  /** Something else than the function failed for a left row: the step's policy decides about that as well. Throws under `fail`. */
  giveUp(left: Batch, error: MillraceError): void {
    const { records: _records, describe: _describe, ...step } = this.#guarded;
    giveUp(left, error, step);
  }

  #describe(pair: Batch): string {
    const { left, right } = rowsOfPair(pair);
    const text = (record: RecordSchema, row: Batch | undefined) =>
      row === undefined ? 'no record' : rowText(record, row.bytes, 0);
    return `${text(this.#spec.input, left)} with ${text(this.#spec.right, right)}`;
  }

  #attempt(pairs: Batch): void {
    const { instance } = this.#guest;
    this.#result = instance.run(this.#spec.function.name, pairs);
    this.#counters.fuel += instance.lastFuel;
  }

  #accept(out: Output): void {
    const result = this.#result;
    if (result.count === 0) return;
    if (this.#window !== undefined) stampResults(result, this.#window, this.#spec.stamps);
    this.#counters.recordsOut += result.count;
    this.#counters.bytesOut += result.bytes.length;
    out.batch(result);
  }
}

/** The rows of a pair that stands alone, the left one first: dead letters hold records. */
function recordsOf(pair: Batch): readonly Batch[] {
  const { left, right } = rowsOfPair(pair);
  return [left, right].filter((row) => row !== undefined);
}

function checkFit(spec: JoinSpec, module: CompiledModule): void {
  const details = joinDifferences(spec, module);
  if (details.length === 0) return;
  const message = `step "${spec.id}" was given a module that does not fit`;
  throw new MillraceError('INTERNAL', message, { details });
}
