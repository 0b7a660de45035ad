import { MillraceError } from '../../errors.ts';
import { type Field, formatType, type ScalarKind } from '../../model/schema.ts';
import type { FieldOptions } from './generator-options.ts';
import { randomBits, randomFraction } from './random.ts';

/** The row that is being written; its fixed part is zero beforehand. */
export interface RowTarget {
  bytes: Uint8Array;
  view: DataView;
  /** Offset of the row. */
  row: number;
  /** Offset of the next tail byte. */
  tail: number;
}

/** Writes one field of record `index` into the slot at offset `slot`. Returns whether the value is null. */
export interface FieldWriter {
  /** Tail bytes one value takes at most. */
  readonly tailBytesMax: number;
  write(target: RowTarget, slot: number, index: number): boolean;
}

type NumberOf = (index: number) => number;
type WriteNumber = (view: DataView, slot: number, value: number) => void;

const TWO_32 = 0x1_0000_0000;

/** How a number goes into a slot, by kind; the numeric kinds are those that are here. */
const WRITE_NUMBER: { readonly [kind in ScalarKind]?: WriteNumber } = {
  i32: (view, slot, value) => view.setInt32(slot, value, true),
  u32: (view, slot, value) => view.setUint32(slot, value, true),
  i64: writeInteger64,
  u64: writeInteger64,
  timestamp: writeInteger64,
  f32: (view, slot, value) => view.setFloat32(slot, value, true),
  f64: (view, slot, value) => view.setFloat64(slot, value, true),
};

/** Makes the writer of a field from its options. Throws `CONNECTOR_OPTION` when the rule does not make values of the field's type. */
export function createFieldWriter(field: Field, options: FieldOptions, seed: number): FieldWriter {
  const optional = field.type.kind === 'optional';
  const type = field.type.kind === 'optional' ? field.type.of : field.type;
  const { nulls } = options;
  if (nulls > 0 && !optional) {
    throw misfit(field, '"nulls" needs an optional type');
  }
  const writer = createValueWriter({ ...field, type }, options, seed);
  if (nulls === 0) return writer;
  const bits = nulls * TWO_32;
  return {
    tailBytesMax: writer.tailBytesMax,
    write: (target, slot, index) =>
      randomBits(seed ^ 0x6e75_6c6c, index) < bits || writer.write(target, slot, index),
  };
}

function createValueWriter(field: Field, options: FieldOptions, seed: number): FieldWriter {
  switch (field.type.kind) {
    case 'record':
      throw misfit(field, 'nested records are not generated');
    case 'list':
    case 'bytes':
      if (hasRule(options)) throw misfit(field, 'its values can only be empty');
      return { tailBytesMax: 0, write: () => false };
    case 'string':
      return createStringWriter(field, options, seed);
    case 'bool':
      return createBoolWriter(field, options, seed);
    default:
      return createNumberWriter(field, options, seed);
  }
}

function createNumberWriter(field: Field, options: FieldOptions, seed: number): FieldWriter {
  const kind = field.type.kind as ScalarKind;
  const numberAt = numberRule(field, options, seed);
  const writeNumber = WRITE_NUMBER[kind]!;
  return {
    tailBytesMax: 0,
    write(target, slot, index) {
      writeNumber(target.view, slot, numberAt(index));
      return false;
    },
  };
}

function numberRule(field: Field, options: FieldOptions, seed: number): NumberOf {
  const { kind } = field.type;
  const real = kind === 'f32' || kind === 'f64';
  if (options.words !== undefined) throw misfit(field, '"words" makes strings');
  if (options.choice !== undefined) {
    const numbers = options.choice.map(Number);
    if (options.choice.some((value) => typeof value !== 'number')) {
      throw misfit(field, 'its "choice" holds what is no number');
    }
    return (index) => numbers[randomBits(seed, index) % numbers.length];
  }
  if (options.uniform !== undefined) {
    const { min, max } = options.uniform;
    if (real) return (index) => min + randomFraction(seed, index) * (max - min);
    const low = Math.ceil(min);
    const values = Math.floor(max) - low + 1;
    if (values < 1) throw misfit(field, 'there is no integer in its "uniform" range');
    return (index) => low + Math.floor(randomFraction(seed, index) * values);
  }
  if (options.timestamp !== undefined || (kind === 'timestamp' && options.sequence === undefined)) {
    const { start, step, jitter } = options.timestamp ?? { start: 0, step: 1, jitter: 0 };
    return (index) => start + step * index - Math.floor(randomFraction(seed, index) * (jitter + 1));
  }
  if (options.sequence === undefined && real) return (index) => randomFraction(seed, index);
  const { start, step } = options.sequence ?? { start: 0, step: 1 };
  return real ? (index) => start + step * index : (index) => Math.floor(start + step * index);
}

function createBoolWriter(field: Field, options: FieldOptions, seed: number): FieldWriter {
  const choice = options.choice ?? [false, true];
  const { choice: _, ...others } = options;
  if (hasRule(others) || choice.some((value) => typeof value !== 'boolean')) {
    throw misfit(field, 'only a "choice" of booleans makes booleans');
  }
  const values = choice.map(Number);
  return {
    tailBytesMax: 0,
    write(target, slot, index) {
      target.bytes[slot] = values[randomBits(seed, index) % values.length];
      return false;
    },
  };
}

function createStringWriter(field: Field, options: FieldOptions, seed: number): FieldWriter {
  const { choice: _, words, ...others } = options;
  if (hasRule(others)) throw misfit(field, 'only "choice" and "words" make strings');
  const texts = words?.of ?? options.choice ?? defaultTexts(field.name);
  const pieces = texts.map((text) => new TextEncoder().encode(String(text)));
  const count = words?.count ?? 1;
  const pieceBytesMax = Math.max(...pieces.map((piece) => piece.length));
  return {
    tailBytesMax: count * (pieceBytesMax + 1),
    write(target, slot, index) {
      const start = target.tail;
      let at = start;
      for (let word = 0; word < count; word++) {
        const piece = pieces[randomBits(seed + word, index) % pieces.length];
        if (word > 0) target.bytes[at++] = 0x20;
        for (let i = 0; i < piece.length; i++) target.bytes[at++] = piece[i];
      }
      if (at === start) return false;
      target.view.setUint32(slot, start - target.row, true);
      target.view.setUint32(slot + 4, at - start, true);
      target.tail = at;
      return false;
    },
  };
}

/** Ten strings, so that a generated text field makes a usable key. */
function defaultTexts(name: string): string[] {
  return Array.from({ length: 10 }, (_, i) => `${name}-${i}`);
}

function hasRule({ nulls: _, ...rules }: FieldOptions): boolean {
  return Object.values(rules).some((rule) => rule !== undefined);
}

/** Integers beyond 2^53 do not occur: every rule computes in doubles. */
function writeInteger64(view: DataView, slot: number, value: number): void {
  view.setUint32(slot, value % TWO_32, true);
  view.setInt32(slot + 4, Math.floor(value / TWO_32), true);
}

function misfit(field: Field, reason: string): MillraceError {
  return new MillraceError(
    'CONNECTOR_OPTION',
    `the generator cannot fill field "${field.name}" of type ${formatType(field.type)}: ${reason}`,
    { hint: 'give the field another rule under "fields", or leave it out for a default' },
  );
}
