import assert from 'node:assert';
import { FIELDS_MAX } from '../../limits.ts';
import type { KeySpec } from '../../model/key-spec.ts';
import { isVariable } from '../key-bytes.ts';
import { ROW_HEADER_BYTES, SLOT_BYTES, slotOffset } from '../layout.ts';

const SHAPE_GENERAL = 0;
const SHAPE_FIXED = 1;
const SHAPE_TEXT = 2;
const FIELD_VARIABLE = 1;
const FIELD_OPTIONAL = 2;

/** A key spec as the WebAssembly of row kernel and state engine reads it; drawn in `assembly/key.ts`. */
export function keyDescriptor(key: KeySpec): Uint32Array {
  assert(key.fields.length <= FIELDS_MAX, 'a key has more fields than a record may have');
  const words = [key.fields.length, shapeOf(key), shortestRow(key), 0];
  for (const field of key.fields) {
    assert(Number.isInteger(field.index) && field.index >= 0 && field.index < FIELDS_MAX);
    const flags = (isVariable(field) ? FIELD_VARIABLE : 0) | (field.optional ? FIELD_OPTIONAL : 0);
    const nullByte = field.optional ? slotOffset(key.slots) + (field.index >> 3) : 0;
    assert(Number.isInteger(nullByte), 'a key with optional fields needs its number of slots');
    words.push(slotOffset(field.index), flags, nullByte, 1 << (field.index & 7));
  }
  return Uint32Array.from(words);
}

function shapeOf({ fields }: KeySpec): number {
  if (fields.length !== 1 || fields[0].optional) return SHAPE_GENERAL;
  return isVariable(fields[0]) ? SHAPE_TEXT : SHAPE_FIXED;
}

/** The shortest row in which slots and null bits of the key lie inside the row. */
function shortestRow(key: KeySpec): number {
  let bytes = ROW_HEADER_BYTES;
  for (const { index, optional } of key.fields) {
    const nulls = slotOffset(key.slots) + SLOT_BYTES * (1 + Math.floor(index / 64));
    bytes = Math.max(bytes, slotOffset(index + 1), optional ? nulls : 0);
  }
  return bytes;
}
