/**
 * What happens when a guest call fails on some record of a batch. The batch is cut in pieces and the call made on each, and
 * on the pieces of those that fail, until each failing record stands alone; what does not fail goes on, in order, as
 * if the others had not been there.
 *
 * A call that fails costs a new instance, 100 to 300 µs; one that works on a few rows costs 2 µs. So the pieces are many:
 * halves would fail eleven times for one record in 1024, 32 pieces fail three times.
 *
 * P1  An attempt that failed has no effect: no output, no state.
 * P2  Every row is in exactly one accepted attempt, or was given up on its own.
 * P3  Attempts are accepted in the order of the rows.
 */
import { MillraceError } from '../../errors.ts';
import type { Batch } from '../../model/batch.ts';
import type { RecordSchema } from '../../model/schema.ts';
import type { OperatorContext, OperatorCounters, Output } from '../operator.ts';
import type { FunctionSpec } from '../plan.ts';
import type { GuestCall } from './guest-call.ts';
import { rowText } from './row-text.ts';
import { copyRow, rowOffsets, rowsBetween } from './row-walk.ts';

/** A step whose calls may fail. */
export interface GuardedStep {
  readonly spec: FunctionSpec;
  readonly guest: GuestCall;
  readonly context: OperatorContext;
  readonly counters: OperatorCounters;
  /** Record type of the rows that are attempted. */
  readonly schema: RecordSchema;
  /** The records that a row stands for, when it is not one itself: dead letters hold records. */
  records?(row: Batch): readonly Batch[];
  /** The row for messages, when those records are not all of `schema`. */
  describe?(row: Batch): string;
  /** One guest call on these rows, whose tags are unspecified; throws without effect. */
  attempt(rows: Batch): void;
  /** Lets what the last attempt did count. */
  accept(out: Output): void;
}

/** Pieces of a failed range. */
const PIECES = 32;

interface Range {
  readonly from: number;
  readonly to: number;
  /** Why it failed as a whole; undefined = not tried yet. */
  readonly error: MillraceError | undefined;
}

/**
 * Goes on after a call on `rows` threw `thrown`: everything but the failing records gets through, these meet the
 * step's policy. Throws the record's error under `fail`, and what is not a record's error.
 */
export function recoverBatch(rows: Batch, thrown: unknown, step: GuardedStep, out: Output): void {
  const error = step.guest.revive(thrown);
  const offsets = rowOffsets(rows);
  const pending: Range[] = [{ from: 0, to: rows.count, error }];
  for (let range = pending.pop(); range !== undefined; range = pending.pop()) {
    const { from, to } = range;
    const part = rowsBetween(rows, offsets, from, to);
    const failure = range.error ?? attempt(part, step, out);
    if (failure === undefined) continue;
    if (to - from > 1) pushPieces(range, pending);
    else settle(part, failure, step, out);
  }
}

/** The first piece ends up on top. */
function pushPieces({ from, to }: Range, pending: Range[]): void {
  const size = Math.ceil((to - from) / PIECES);
  const last = from + Math.floor((to - from - 1) / size) * size;
  for (let start = last; start >= from; start -= size) {
    pending.push({ from: start, to: Math.min(to, start + size), error: undefined });
  }
}

/** Undefined when it worked. What happens downstream is outside of the catch: it is not this step's failure. */
function attempt(rows: Batch, step: GuardedStep, out: Output): MillraceError | undefined {
  try {
    step.attempt(rows);
  } catch (thrown) {
    return step.guest.revive(thrown);
  }
  step.accept(out);
  return undefined;
}

/**
 * Retries a record that failed alone, then gives it up. A guest sees neither time nor chance change, so its
 * retries follow at once; `backoffMs` is for steps that wait for something outside.
 */
function settle(row: Batch, first: MillraceError, step: GuardedStep, out: Output): void {
  let error = first;
  for (let retry = 0; retry < step.spec.onError.retries; retry++) {
    const failure = attempt(row, step, out);
    if (failure === undefined) return;
    error = failure;
  }
  giveUp(row, error, step);
}

/** A record that fails whatever is tried meets the step's policy. Throws its error under `fail`. */
export function giveUp(row: Batch, error: MillraceError, step: GuardedStep): void {
  const { spec, context, counters } = step;
  const { then: verdict } = spec.onError;
  switch (verdict) {
    case 'fail':
      throw recordFailed(row, error, step);
    case 'skip':
      counters.skipped += 1;
      if (isLogged(counters.skipped)) {
        const text = `step "${spec.id}" skipped ${counters.skipped} records so far, this one for ${error.code}: ${error.message}`;
        context.log('warn', text);
      }
      return;
    case 'deadLetter':
      counters.deadLetters += 1;
      for (const record of step.records?.(row) ?? [row]) {
        context.deadLetter({
          step: spec.id,
          function: spec.function.name,
          digest: step.guest.digest,
          code: error.code,
          message: error.message,
          row: copyRow(record),
        });
      }
      return;
    default:
      verdict satisfies never;
  }
}

/** The first few, then every power of ten: a bad input must not fill the disk with log. */
function isLogged(count: number): boolean {
  return count <= 5 || Number.isInteger(Math.log10(count));
}

function recordFailed(row: Batch, error: MillraceError, step: GuardedStep): MillraceError {
  const { id } = step.spec;
  const { module, name } = step.spec.function;
  return new MillraceError(error.code, `step "${id}" failed on a record: ${error.message}`, {
    details: [
      `record ${step.describe?.(row) ?? rowText(step.schema, (step.records?.(row)[0] ?? row).bytes, 0)}`,
      `function ${module}.${name} of module ${step.guest.digest.slice(0, 12)}`,
      ...error.details,
    ],
    hint:
      error.hint === ''
        ? 'onError: skip or deadLetter lets the step go on without such records'
        : error.hint,
    cause: error,
  });
}
