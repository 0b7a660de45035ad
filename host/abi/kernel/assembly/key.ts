/**
 * Reading keys from rows (`model/key-spec.ts`). The host compiles a key spec into a descriptor (`key-descriptor.ts`):
 *
 *     0 u32 number of fields · 4 u32 shape · 8 u32 shortest row · 12 u32 0
 *     then per field:  u32 offset of the slot · u32 flags · u32 offset of the null byte · u32 null mask
 *
 * Rows were validated by the sandbox. What is read through an offset is checked against its row all the same: a wrong
 * row must give an error here and not another row's bytes.
 */
import { align8 } from './copy';
import { hashPadded, hashFixed, hashText } from './hash';

export const SHAPE_GENERAL: u32 = 0;
/** One field of 8 bytes that is never null. */
export const SHAPE_FIXED: u32 = 1;
/** One string or bytes field that is never null. */
export const SHAPE_TEXT: u32 = 2;

const FIELD_VARIABLE: u32 = 1;
const FIELD_OPTIONAL: u32 = 2;

/** Room for the descriptor of a key of 256 fields. */
export const DESCRIPTOR_BYTES: usize = 4096 + 64;

/** A row does not hold its key. */
export const BAD_ROW: i32 = -1;
/** The key has more bytes than a key may have. */
export const KEY_TOO_LARGE: i32 = -2;
/** Memory cannot grow. */
export const NO_MEMORY: i32 = -3;

let descriptor: usize = 0;
let keyBytesMax: u32 = 0;
export let shape: u32 = 0;
/** Offset of the slot of the first field. */
export let firstSlot: u32 = 0;
export let rowBytesMin: u32 = 16;

/** Takes the descriptor that was written to `at`. */
export function useDescriptor(at: usize, bytesMax: u32): void {
  descriptor = at;
  keyBytesMax = bytesMax;
  shape = load<u32>(at, 4);
  rowBytesMin = load<u32>(at, 8);
  firstSlot = load<u32>(at, 16);
}

/** Length of the row at `at`, or 0 when it is not one that ends at `end` or before. */
// @ts-ignore: decorator
@inline
export function rowBytes(at: usize, end: usize): u32 {
  if (end - at < 16) return 0;
  const length = load<u32>(at);
  return length < rowBytesMin || length > <u32>(end - at) || (length & 7) != 0 ? 0 : length;
}

/** Bytes of the key of the row at `row`, or an error. Checks everything `writeKey` reads. */
// @ts-ignore: decorator
@inline
export function keyLength(row: usize): i32 {
  if (shape == SHAPE_FIXED) return 8;
  return shape == SHAPE_TEXT ? textKeyLength(row) : generalKeyLength(row);
}

// @ts-ignore: decorator
@inline
function textKeyLength(row: usize): i32 {
  const length = load<u32>(row);
  const offset = load<u32>(row + firstSlot);
  const extent = load<u32>(row + firstSlot, 4);
  if (offset > length || extent > length - offset) return BAD_ROW;
  return extent > keyBytesMax - 4 ? KEY_TOO_LARGE : 4 + extent;
}

function generalKeyLength(row: usize): i32 {
  const length = load<u32>(row);
  const end = descriptor + 16 + (load<u32>(descriptor) << 4);
  let bytes: u32 = 0;
  for (let field = descriptor + 16; field < end; field += 16) {
    const flags = load<u32>(field, 4);
    if (flags & FIELD_OPTIONAL) {
      bytes++;
      if (isNull(row, field)) continue;
    }
    if (flags & FIELD_VARIABLE) {
      const slot = row + load<u32>(field);
      const offset = load<u32>(slot);
      const extent = load<u32>(slot, 4);
      if (offset > length || extent > length - offset) return BAD_ROW;
      bytes += 4 + extent;
    } else {
      bytes += 8;
    }
    if (bytes > keyBytesMax) return KEY_TOO_LARGE;
  }
  return bytes;
}

/** Writes the key of a row for which `keyLength` gave `length` to `to`, padded with zeros to 8. */
export function writeKey(row: usize, to: usize, length: u32): void {
  if (length > 0) store<u64>(to + align8(length) - 8, 0);
  const end = descriptor + 16 + (load<u32>(descriptor) << 4);
  for (let field = descriptor + 16; field < end; field += 16) {
    const flags = load<u32>(field, 4);
    if (flags & FIELD_OPTIONAL) {
      const nothing = isNull(row, field);
      store<u8>(to++, nothing ? 0 : 1);
      if (nothing) continue;
    }
    const slot = row + load<u32>(field);
    if (flags & FIELD_VARIABLE) {
      const extent = load<u32>(slot, 4);
      store<u32>(to, extent);
      copyBytes(to + 4, row + load<u32>(slot), extent);
      to += 4 + extent;
    } else {
      store<u64>(to, load<u64>(slot));
      to += 8;
    }
  }
}

/** Hash of the key of a row for which `keyLength` gave `length`; `scratch` has room for it and 16 bytes behind. */
// @ts-ignore: decorator
@inline
export function hashOfKey(row: usize, length: u32, scratch: usize): u32 {
  if (shape == SHAPE_FIXED) return hashFixed(row + firstSlot);
  if (shape == SHAPE_TEXT) {
    const slot = row + firstSlot;
    return hashText(row + load<u32>(slot), load<u32>(slot, 4));
  }
  writeKey(row, scratch, length);
  return hashPadded(scratch, length);
}

function copyBytes(to: usize, from: usize, bytes: u32): void {
  if (bytes >= 64) {
    memory.copy(to, from, bytes);
    return;
  }
  const end = from + bytes;
  while (from + 8 <= end) {
    store<u64>(to, load<u64>(from));
    from += 8;
    to += 8;
  }
  while (from < end) store<u8>(to++, load<u8>(from++));
}

// @ts-ignore: decorator
@inline
function isNull(row: usize, field: usize): bool {
  return (load<u8>(row + load<u32>(field, 8)) & <u8>load<u32>(field, 12)) != 0;
}
