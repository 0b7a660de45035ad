/**
 * What codecs need to know of a record type, worked out once: where each slot is, what it holds, what the
 * fixed part of an empty row looks like. Kinds are small integers so that a `switch` over them is a jump.
 */
import type { Field, RecordSchema, ScalarKind, ValueType } from '../model/schema.ts';
import { fixedBytes, NO_TIME_HIGH, nullsOffset, slotOffset } from './layout.ts';

export const KIND_BOOL = 0;
export const KIND_I32 = 1;
export const KIND_U32 = 2;
export const KIND_F32 = 3;
export const KIND_F64 = 4;
export const KIND_I64 = 5;
export const KIND_U64 = 6;
export const KIND_TIMESTAMP = 7;
/** From here on the slot points at a piece of the tail. */
export const KIND_STRING = 8;
export const KIND_BYTES = 9;
export const KIND_LIST = 10;
export const KIND_RECORD = 11;

const SCALAR_KINDS: Readonly<Record<ScalarKind, number>> = {
  bool: KIND_BOOL,
  i32: KIND_I32,
  u32: KIND_U32,
  f32: KIND_F32,
  f64: KIND_F64,
  i64: KIND_I64,
  u64: KIND_U64,
  timestamp: KIND_TIMESTAMP,
  string: KIND_STRING,
  bytes: KIND_BYTES,
};

export interface ValuePlan {
  readonly kind: number;
  /** As written by the user, the optional taken off; for messages. */
  readonly type: ValueType;
  /** Of a list. */
  readonly element: ValuePlan | undefined;
  /** Of a record. */
  readonly record: RecordPlan | undefined;
}

export interface FieldPlan {
  readonly name: string;
  readonly index: number;
  readonly value: ValuePlan;
  readonly optional: boolean;
  /** Offset of the slot in the row. */
  readonly slot: number;
  /** Offset in the row of the byte with the null bit, and the bit; of no use when the field is required. */
  readonly nullByte: number;
  readonly nullBit: number;
}

export interface RecordPlan {
  readonly record: RecordSchema;
  readonly fields: readonly FieldPlan[];
  /** Bytes before the tail. */
  readonly fixed: number;
  /** The fixed part of a row without values: no event time, optionals null. In 32-bit words. */
  readonly template: Int32Array;
}

/** The plan of a record type. Records that occur in several places share theirs. */
export function planRecord(
  record: RecordSchema,
  known: Map<RecordSchema, RecordPlan> = new Map(),
): RecordPlan {
  const made = known.get(record);
  if (made !== undefined) return made;
  const fields = record.fields.map((field, index) => planField(record, field, index, known));
  const fixed = fixedBytes(record);
  const plan = { record, fields, fixed, template: emptyRow(fields, fixed) };
  known.set(record, plan);
  return plan;
}

function planField(
  record: RecordSchema,
  { name, type }: Field,
  index: number,
  known: Map<RecordSchema, RecordPlan>,
): FieldPlan {
  const optional = type.kind === 'optional';
  return {
    name,
    index,
    value: planValue(optional ? type.of : type, known),
    optional,
    slot: slotOffset(index),
    nullByte: nullsOffset(record) + (index >> 3),
    nullBit: 1 << (index & 7),
  };
}

function planValue(type: ValueType, known: Map<RecordSchema, RecordPlan>): ValuePlan {
  switch (type.kind) {
    case 'list': {
      const element = planValue(type.of, known);
      return { kind: KIND_LIST, type, element, record: undefined };
    }
    case 'record': {
      const record = planRecord(type.record, known);
      return { kind: KIND_RECORD, type, element: undefined, record };
    }
    case 'optional':
      throw new Error('an optional stands outermost in a field');
    default:
      return { kind: SCALAR_KINDS[type.kind], type, element: undefined, record: undefined };
  }
}

function emptyRow(fields: readonly FieldPlan[], fixed: number): Int32Array {
  const bytes = new Uint8Array(fixed);
  for (const { optional, nullByte, nullBit } of fields) {
    if (optional) bytes[nullByte] |= nullBit;
  }
  const words = new Int32Array(bytes.buffer);
  words[0] = fixed;
  words[3] = NO_TIME_HIGH;
  return words;
}
