/**
 * Rows from and to JavaScript objects. For control paths, tests and tools: it allocates per value and
 * uses BigInt, which no path that carries records may do.
 *
 * A value is, by type: `bool` a boolean; `i32 u32 f32 f64` a number; `i64 u64 timestamp` a bigint (a safe
 * integer is taken as well); `string` a string; `bytes` a Uint8Array; a list an array; a record an object; an
 * absent optional null (undefined or a missing property is taken as well).
 */
import { MillraceError } from '../errors.ts';
import { ROW_BYTES_MAX } from '../limits.ts';
import { type Field, formatType, type RecordSchema, type ValueType } from '../model/schema.ts';
import type { BatchBuilder } from './batch-builder.ts';
import {
  align8,
  fixedBytes,
  NO_TIME_HIGH,
  nullsOffset,
  ROW_TIME_OFFSET,
  SLOT_BYTES,
  slotOffset,
} from './layout.ts';

export type RowValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly RowValue[]
  | RowObject;

export type RowObject = { readonly [field: string]: RowValue };

/** Where the next tail piece goes, an offset in `builder.bytes`. */
interface Cursor {
  readonly builder: BatchBuilder;
  tail: number;
}

/**
 * Appends `object` to `builder` as one row in canonical form. Throws `RECORD_MALFORMED` when it does not fit
 * the schema and `RECORD_TOO_LARGE`; the builder is then as it was.
 *
 *     encodeObject(LINE_SCHEMA, { text: 'hello' }, builder, 1_700_000_000_000)
 */
export function encodeObject(
  schema: RecordSchema,
  object: { readonly [field: string]: unknown },
  builder: BatchBuilder,
  timeMs?: number | bigint,
): void {
  const base = builder.length;
  const cursor: Cursor = { builder, tail: base };
  writeRow(cursor, schema, object);
  if (timeMs !== undefined) {
    builder.view.setBigInt64(base + ROW_TIME_OFFSET, BigInt(timeMs), true);
  }
  builder.commit(cursor.tail - base, 1);
}

/** The row at `offset` of `bytes` as an object. The row must be valid; ill-formed UTF-8 reads as U+FFFD. */
export function decodeObject(schema: RecordSchema, bytes: Uint8Array, offset: number): RowObject {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return readRow(view, schema, offset);
}

/** The event time in milliseconds of the row at `offset`, or undefined when it has none. */
export function decodeTime(bytes: Uint8Array, offset: number): bigint | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const time = view.getBigInt64(offset + ROW_TIME_OFFSET, true);
  return time === -(2n ** 63n) ? undefined : time;
}

function writeRow(cursor: Cursor, schema: RecordSchema, object: object): number {
  const base = cursor.tail;
  claim(cursor, fixedBytes(schema));
  for (const [index, field] of schema.fields.entries()) {
    const value = Object.hasOwn(object, field.name) ? Reflect.get(object, field.name) : undefined;
    const site: Site = { cursor, base, record: schema, field };
    if (field.type.kind !== 'optional') {
      writeValue(site, base + slotOffset(index), field.type, value);
    } else if (value === null || value === undefined) {
      const byte = base + nullsOffset(schema) + (index >> 3);
      cursor.builder.bytes[byte] |= 1 << (index & 7);
    } else {
      writeValue(site, base + slotOffset(index), field.type.of, value);
    }
  }
  pad(cursor);
  const length = cursor.tail - base;
  cursor.builder.view.setUint32(base, length, true);
  cursor.builder.view.setInt32(base + ROW_TIME_OFFSET + 4, NO_TIME_HIGH, true);
  return length;
}

/** Where a value stands: for its offsets, which count from `base`, and for messages. */
interface Site {
  readonly cursor: Cursor;
  readonly base: number;
  readonly record: RecordSchema;
  readonly field: Field;
}

function writeValue(site: Site, slot: number, type: ValueType, value: unknown): void {
  const { cursor } = site;
  switch (type.kind) {
    case 'optional':
      throw misfit(site, type, value);
    case 'list': {
      if (!Array.isArray(value)) throw misfit(site, type, value);
      if (value.length === 0) return;
      pad(cursor);
      const start = cursor.tail;
      claim(cursor, value.length * SLOT_BYTES);
      setPiece(site, slot, start, value.length);
      for (const [i, element] of value.entries()) {
        writeValue(site, start + i * SLOT_BYTES, type.of, element);
      }
      return;
    }
    case 'record': {
      if (typeof value !== 'object' || value === null) throw misfit(site, type, value);
      pad(cursor);
      const start = cursor.tail;
      setPiece(site, slot, start, writeRow(cursor, type.record, value));
      return;
    }
    case 'string':
    case 'bytes': {
      const piece = typeof value === 'string' && type.kind === 'string' ? toUtf8(value) : value;
      if (!(piece instanceof Uint8Array)) throw misfit(site, type, value);
      if (piece.length === 0) return;
      const start = cursor.tail;
      claim(cursor, piece.length);
      cursor.builder.bytes.set(piece, start);
      setPiece(site, slot, start, piece.length);
      return;
    }
    default:
      if (!writeScalar(cursor.builder.view, slot, type.kind, value)) {
        throw misfit(site, type, value);
      }
  }
}

type FixedKind = 'bool' | 'i32' | 'u32' | 'i64' | 'u64' | 'f32' | 'f64' | 'timestamp';

function writeScalar(view: DataView, slot: number, kind: FixedKind, value: unknown): boolean {
  switch (kind) {
    case 'bool':
      if (typeof value !== 'boolean') return false;
      view.setUint8(slot, value ? 1 : 0);
      return true;
    case 'i32':
      if (typeof value !== 'number' || (value | 0) !== value) return false;
      view.setInt32(slot, value, true);
      return true;
    case 'u32':
      if (typeof value !== 'number' || value >>> 0 !== value) return false;
      view.setUint32(slot, value, true);
      return true;
    case 'f32':
      if (typeof value !== 'number') return false;
      view.setFloat32(slot, value, true);
      return true;
    case 'f64':
      if (typeof value !== 'number') return false;
      view.setFloat64(slot, value, true);
      return true;
    case 'i64':
    case 'timestamp':
    case 'u64': {
      if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return false;
      const wide = BigInt(value as bigint | number);
      const fits = kind === 'u64' ? BigInt.asUintN(64, wide) : BigInt.asIntN(64, wide);
      if (fits !== wide) return false;
      view.setBigInt64(slot, wide, true);
      return true;
    }
    default:
      return kind satisfies never;
  }
}

function readRow(view: DataView, schema: RecordSchema, base: number): RowObject {
  const object: { [field: string]: RowValue } = {};
  for (const [index, field] of schema.fields.entries()) {
    const slot = base + slotOffset(index);
    if (field.type.kind !== 'optional') {
      object[field.name] = readValue(view, field.type, base, slot);
      continue;
    }
    const nulls = view.getUint8(base + nullsOffset(schema) + (index >> 3));
    const absent = (nulls & (1 << (index & 7))) !== 0;
    object[field.name] = absent ? null : readValue(view, field.type.of, base, slot);
  }
  return object;
}

function readValue(view: DataView, type: ValueType, base: number, slot: number): RowValue {
  const piece = base + view.getUint32(slot, true);
  const extent = view.getUint32(slot + 4, true);
  switch (type.kind) {
    case 'bool':
      return view.getUint8(slot) !== 0;
    case 'i32':
      return view.getInt32(slot, true);
    case 'u32':
      return view.getUint32(slot, true);
    case 'i64':
    case 'timestamp':
      return view.getBigInt64(slot, true);
    case 'u64':
      return view.getBigUint64(slot, true);
    case 'f32':
      return view.getFloat32(slot, true);
    case 'f64':
      return view.getFloat64(slot, true);
    case 'string':
      return fromUtf8(new Uint8Array(view.buffer, view.byteOffset + piece, extent));
    case 'bytes':
      return new Uint8Array(view.buffer, view.byteOffset + piece, extent).slice();
    case 'list':
      return Array.from({ length: extent }, (_, i) =>
        readValue(view, type.of, base, piece + i * SLOT_BYTES),
      );
    case 'record':
      return readRow(view, type.record, piece);
    case 'optional':
      throw new Error('optionals are read where their null bit is known');
    default:
      return type satisfies never;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function toUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function setPiece(site: Site, slot: number, start: number, extent: number): void {
  const { view } = site.cursor.builder;
  view.setUint32(slot, start - site.base, true);
  view.setUint32(slot + 4, extent, true);
}

/** Takes `bytes` zeroed bytes at the tail. */
function claim(cursor: Cursor, bytes: number): void {
  const { builder } = cursor;
  const end = cursor.tail + bytes;
  if (end - builder.length > ROW_BYTES_MAX) {
    throw new MillraceError(
      'RECORD_TOO_LARGE',
      `a row is longer than ${ROW_BYTES_MAX} bytes, the limit of one record`,
    );
  }
  builder.reserve(end - builder.length);
  builder.bytes.fill(0, cursor.tail, end);
  cursor.tail = end;
}

function pad(cursor: Cursor): void {
  claim(cursor, align8(cursor.tail) - cursor.tail);
}

function misfit(site: Site, type: ValueType, value: unknown): MillraceError {
  const shown =
    typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : describeValue(value);
  return new MillraceError(
    'RECORD_MALFORMED',
    `field "${site.field.name}" of record "${site.record.name}" takes ${formatType(type)}, not ${shown}`,
  );
}

function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
