import type { BatchBuilder } from '../../abi/batch-builder.ts';
import {
  align8,
  fixedBytes,
  NO_TIME_HIGH,
  nullsOffset,
  ROW_LENGTH_OFFSET,
  ROW_TIME_OFFSET,
  slotOffset,
} from '../../abi/layout.ts';
import type { Clock } from '../../clock.ts';
import { MillraceError } from '../../errors.ts';
import type { RecordSchema } from '../../model/schema.ts';
import type { PollResult, SourceContext, SourceReader, Split } from '../source.ts';
import { createFieldWriter, type FieldWriter, type RowTarget } from './field-writer.ts';
import type { FieldOptions, GeneratorOptions } from './generator-options.ts';

/** Rows of one split before the next one gets its turn. */
const ROWS_PER_TURN = 256;
const SEED_STEP = 0x2545_f491;
const NO_RULE: FieldOptions = { nulls: 0 };

/**
 * Writes records straight into the batch.
 *
 * G1  Record `i` of the whole source has the same bytes whoever writes it, at any parallelism and after any restart. Split `s`
 *     of `n` owns the records with `i % n = s`; its position is how many of them it has written.
 * G2  With a rate, no more than `rate × time since open` records come, and after a pause at most one second's worth at once.
 */
export class GeneratorReader implements SourceReader {
  readonly #splits: readonly Split[];
  readonly #owned: readonly number[];
  readonly #positions: number[];
  readonly #context: SourceContext;
  readonly #options: GeneratorOptions;
  readonly #clock: Clock;
  readonly #row: RowWriter;
  #turn = 0;
  /** When the allowance was last computed, and the records (with a fraction) that may be written since. */
  #allowedAtMs: number;
  #allowance = 0;
  #cancelWake: (() => void) | undefined;

  constructor(
    splits: readonly Split[],
    context: SourceContext,
    options: GeneratorOptions,
    clock: Clock,
  ) {
    this.#splits = splits;
    this.#owned = splits.map(({ spec }) => Number(spec));
    this.#positions = splits.map(({ position }) => Number(position ?? 0));
    this.#context = context;
    this.#options = options;
    this.#clock = clock;
    this.#row = new RowWriter(context, options);
    // They are read side by side.
    for (const i of splits.keys()) context.progress?.opened(i);
    this.#allowedAtMs = clock.monotonicMs();
  }

  poll(out: BatchBuilder, bytesMax: number): PollResult {
    const stopAt = out.length + bytesMax;
    let turnsWithoutRows = 0;
    let allowed = this.#allowed();
    while (turnsWithoutRows < this.#splits.length) {
      if (allowed < 1) return this.#waitForAllowance();
      if (out.length >= stopAt) return 'more';
      const rowsMax = Math.min(ROWS_PER_TURN, allowed);
      const rows = this.#writeTurn(out, stopAt, rowsMax);
      turnsWithoutRows = rows === 0 ? turnsWithoutRows + 1 : 0;
      allowed -= rows;
      this.#allowance -= rows;
    }
    return 'end';
  }

  snapshot(): readonly Split[] {
    return this.#splits.map((split, i) => ({ ...split, position: this.#positions[i] }));
  }

  async close(): Promise<void> {
    this.#cancelWake?.();
  }

  /** Writes rows of the split whose turn it is. Returns how many; 0 = it has no more. */
  #writeTurn(out: BatchBuilder, stopAt: number, rowsMax: number): number {
    const turn = this.#turn;
    this.#turn = (turn + 1) % this.#splits.length;
    const { count, splits } = this.#options;
    const owned = this.#owned[turn];
    const total =
      count === undefined ? Number.MAX_SAFE_INTEGER : Math.ceil((count - owned) / splits);
    let rows = Math.max(0, Math.min(rowsMax, total - this.#positions[turn]));
    const room = Math.ceil((stopAt - out.length) / this.#row.bytesMax);
    rows = Math.min(rows, Math.max(1, room));
    if (rows > 0) this.#context.progress?.rows(turn, out.length);
    let index = this.#positions[turn] * splits + owned;
    this.#row.begin(out, rows);
    for (let row = 0; row < rows; row++) {
      this.#row.write(out, index);
      index += splits;
    }
    this.#positions[turn] += rows;
    if (this.#isWritten(turn, this.#positions[turn])) this.#context.progress?.ended(turn);
    return rows;
  }

  /** Whole records that may be written now. */
  #allowed(): number {
    const { rate, splits } = this.#options;
    if (rate === undefined) return Number.POSITIVE_INFINITY;
    const perSecond = (rate * this.#splits.length) / splits;
    const nowMs = this.#clock.monotonicMs();
    this.#allowance += ((nowMs - this.#allowedAtMs) * perSecond) / 1000;
    this.#allowance = Math.min(this.#allowance, Math.max(1, perSecond));
    this.#allowedAtMs = nowMs;
    return Math.floor(this.#allowance);
  }

  #waitForAllowance(): PollResult {
    if (this.#positions.every((position, i) => this.#isWritten(i, position))) return 'end';
    const perSecond = (this.#options.rate! * this.#splits.length) / this.#options.splits;
    const delayMs = Math.max(1, Math.ceil(((1 - this.#allowance) * 1000) / perSecond));
    this.#cancelWake?.();
    this.#cancelWake = this.#clock.after(delayMs, () => this.#context.wake());
    return 'idle';
  }

  #isWritten(index: number, position: number): boolean {
    const { count, splits } = this.#options;
    return count !== undefined && position >= Math.ceil((count - this.#owned[index]) / splits);
  }
}

/** Writes rows of one schema; specialised once. */
class RowWriter {
  /** Bytes one row takes at most. */
  readonly bytesMax: number;
  readonly #fields: readonly FieldWriter[];
  readonly #fixedBytes: number;
  readonly #nullsOffset: number;
  readonly #target: RowTarget = {
    bytes: new Uint8Array(0),
    view: new DataView(new ArrayBuffer(0)),
    row: 0,
    tail: 0,
  };

  constructor(context: SourceContext, options: GeneratorOptions) {
    const { schema } = context;
    assertFieldsExist(context.id, schema, options);
    this.#fields = schema.fields.map((field, i) =>
      createFieldWriter(
        field,
        options.fields[field.name] ?? NO_RULE,
        options.seed + (i + 1) * SEED_STEP,
      ),
    );
    this.#fixedBytes = fixedBytes(schema);
    this.#nullsOffset = nullsOffset(schema);
    const tail = this.#fields.reduce((sum, field) => sum + field.tailBytesMax, 0);
    this.bytesMax = align8(this.#fixedBytes + tail);
  }

  /** Makes zeroed room for `rows` rows: what a row does not write is 0 then, its padding included. */
  begin(out: BatchBuilder, rows: number): void {
    const bytes = rows * this.bytesMax;
    const at = out.reserve(bytes);
    out.bytes.fill(0, at, at + bytes);
    this.#target.bytes = out.bytes;
    this.#target.view = out.view;
  }

  write(out: BatchBuilder, index: number): void {
    const target = this.#target;
    const { view } = target;
    const row = out.length;
    target.row = row;
    target.tail = row + this.#fixedBytes;
    view.setInt32(row + ROW_TIME_OFFSET + 4, NO_TIME_HIGH, true);
    for (let i = 0; i < this.#fields.length; i++) {
      const isNull = this.#fields[i].write(target, row + slotOffset(i), index);
      if (isNull) target.bytes[row + this.#nullsOffset + (i >> 3)] |= 1 << (i & 7);
    }
    const bytes = align8(target.tail - row);
    view.setUint32(row + ROW_LENGTH_OFFSET, bytes, true);
    out.commit(bytes, 1);
  }
}

function assertFieldsExist(id: string, schema: RecordSchema, options: GeneratorOptions): void {
  for (const name of Object.keys(options.fields)) {
    if (schema.fields.some((field) => field.name === name)) continue;
    throw new MillraceError(
      'CONNECTOR_OPTION',
      `source "${id}": record "${schema.name}" has no field "${name}"`,
      { hint: `its fields are ${schema.fields.map((field) => `"${field.name}"`).join(', ')}` },
    );
  }
}
