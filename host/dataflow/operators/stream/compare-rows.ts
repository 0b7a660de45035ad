import { nullsOffset, slotOffset } from '../../../abi/layout.ts';
import type { RecordSchema } from '../../../model/schema.ts';

/** Below 0 when the row at `a` comes before the one at `b` by its value; 0 when the values are equal. */
export type CompareRows = (a: DataView, atA: number, b: DataView, atB: number) => number;

/**
 * Orders rows by a field: numbers by value (NaN above all), texts and bytes by their bytes, false before true. Null comes last, in both
 * directions.
 */
export function compareBy(
  schema: RecordSchema,
  fieldIndex: number,
  descending: boolean,
): CompareRows {
  const { type } = schema.fields[fieldIndex];
  const inner = type.kind === 'optional' ? type.of : type;
  const ascending = compareKind(inner.kind, slotOffset(fieldIndex));
  const directed: CompareRows = descending
    ? (a, atA, b, atB) => ascending(b, atB, a, atA)
    : ascending;
  if (type.kind !== 'optional') return directed;
  const nulls = nullsOffset(schema) + (fieldIndex >> 3);
  const bit = 1 << (fieldIndex & 7);
  return (a, atA, b, atB) => {
    const missing = (a.getUint8(atA + nulls) & bit) - (b.getUint8(atB + nulls) & bit);
    if (missing !== 0) return missing;
    return (a.getUint8(atA + nulls) & bit) !== 0 ? 0 : directed(a, atA, b, atB);
  };
}

function compareKind(kind: string, slot: number): CompareRows {
  switch (kind) {
    case 'bool':
    case 'u32':
      return (a, atA, b, atB) => a.getUint32(atA + slot, true) - b.getUint32(atB + slot, true);
    case 'i32':
      return (a, atA, b, atB) => a.getInt32(atA + slot, true) - b.getInt32(atB + slot, true);
    case 'f32':
      return (a, atA, b, atB) =>
        compareFloats(a.getFloat32(atA + slot, true), b.getFloat32(atB + slot, true));
    case 'f64':
      return (a, atA, b, atB) =>
        compareFloats(a.getFloat64(atA + slot, true), b.getFloat64(atB + slot, true));
    case 'u64':
      return (a, atA, b, atB) =>
        a.getUint32(atA + slot + 4, true) - b.getUint32(atB + slot + 4, true) ||
        a.getUint32(atA + slot, true) - b.getUint32(atB + slot, true);
    case 'i64':
    case 'timestamp':
      return (a, atA, b, atB) =>
        a.getInt32(atA + slot + 4, true) - b.getInt32(atB + slot + 4, true) ||
        a.getUint32(atA + slot, true) - b.getUint32(atB + slot, true);
    default:
      return (a, atA, b, atB) => compareBytes(bytesAt(a, atA, slot), bytesAt(b, atB, slot));
  }
}

function compareFloats(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : Number(a > b);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

function bytesAt(view: DataView, at: number, slot: number): Uint8Array {
  const from = view.byteOffset + at + view.getUint32(at + slot, true);
  return new Uint8Array(view.buffer, from, view.getUint32(at + slot + 4, true));
}
