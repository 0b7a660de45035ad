/**
 * One key and its state:
 *
 *     0 u32 hash · 4 u24 key length, u8 size class · 8 u32 ordinal · 12 u32 stamp · 16 u32 index · 20 u32 born
 *     24 key, padded with zeros to 8 · state row, tag 0
 *
 * The ordinal is scratch of `resolve`. Stamp, index, and the epoch the entry was added in belong to `changes.ts`.
 */
import { align8, copyWords } from '../../../abi/kernel/assembly/copy';
import { firstBytes, textBlock } from '../../../abi/kernel/assembly/hash';

export const ENTRY_HEADER: u32 = 24;
const KEY_LENGTH: u32 = 0xff_ffff;

// @ts-ignore: decorator
@inline
export function hashOf(entry: usize): u32 {
  return load<u32>(entry);
}

// @ts-ignore: decorator
@inline
export function keyLengthOf(entry: usize): u32 {
  return load<u32>(entry, 4) & KEY_LENGTH;
}

// @ts-ignore: decorator
@inline
export function sizeClassOf(entry: usize): u32 {
  return load<u8>(entry, 7);
}

// @ts-ignore: decorator
@inline
export function ordinalOf(entry: usize): u32 {
  return load<u32>(entry, 8);
}

// @ts-ignore: decorator
@inline
export function setOrdinal(entry: usize, ordinal: u32): void {
  store<u32>(entry, ordinal, 8);
}

// @ts-ignore: decorator
@inline
export function stampOf(entry: usize): u32 {
  return load<u32>(entry, 12);
}

// @ts-ignore: decorator
@inline
export function setStamp(entry: usize, stamp: u32): void {
  store<u32>(entry, stamp, 12);
}

// @ts-ignore: decorator
@inline
export function indexOf(entry: usize): u32 {
  return load<u32>(entry, 16);
}

// @ts-ignore: decorator
@inline
export function setIndex(entry: usize, index: u32): void {
  store<u32>(entry, index, 16);
}

// @ts-ignore: decorator
@inline
export function bornOf(entry: usize): u32 {
  return load<u32>(entry, 20);
}

// @ts-ignore: decorator
@inline
export function setBorn(entry: usize, epoch: u32): void {
  store<u32>(entry, epoch, 20);
}

/** Address of the state row. */
// @ts-ignore: decorator
@inline
export function stateOf(entry: usize): usize {
  return entry + ENTRY_HEADER + align8(keyLengthOf(entry));
}

// @ts-ignore: decorator
@inline
export function writeHeader(entry: usize, hash: u32, keyLength: u32, sizeClass: u32): void {
  store<u32>(entry, hash);
  store<u32>(entry, keyLength | (sizeClass << 24), 4);
  store<u32>(entry, 0, 8);
}

/** Copies a state row in, without its tag. */
// @ts-ignore: decorator
@inline
export function writeState(entry: usize, row: usize, bytes: u32): void {
  const state = stateOf(entry);
  copyWords(state, row, bytes);
  store<u32>(state, 0, 4);
}

/** Whether the entry's key is the `length` bytes at `key`, both padded with zeros. */
// @ts-ignore: decorator
@inline
export function hasKey(entry: usize, key: usize, length: u32): bool {
  if (keyLengthOf(entry) != length) return false;
  return sameWords(entry + ENTRY_HEADER, key, align8(length));
}

/** Whether the entry's key is these 8 bytes. */
// @ts-ignore: decorator
@inline
export function hasNumber(entry: usize, key: u64): bool {
  return keyLengthOf(entry) == 8 && load<u64>(entry + ENTRY_HEADER) == key;
}

/**
 * Whether the entry's key is the one string at `slot` of the row at `row`. False as well when the slot leads out of the row.
 * Reads, and ignores, up to 16 bytes behind both keys: an entry has its state there, an area of rows some slack.
 */
// @ts-ignore: decorator
@inline
export function hasText(entry: usize, row: usize, slot: usize): bool {
  const rowBytes = load<u32>(row);
  const offset = load<u32>(slot);
  const length = load<u32>(slot, 4);
  const key = entry + ENTRY_HEADER;
  // One branch for all that can differ in the first 16 bytes, as which it is cannot be predicted.
  const wrong = <u32>(offset > rowBytes) | <u32>(length > rowBytes - offset);
  if (wrong) return false;
  const text = row + offset;
  const block = v128.xor(textBlock(text, length), firstBytes(v128.load(key), length + 4));
  if (<u32>v128.any_true(block) | (keyLengthOf(entry) ^ (length + 4))) return false;
  return length <= 12 || sameBytes(key + 16, text + 12, length - 12);
}

/** Whether `bytes` bytes are the same, at least one. Reads, and ignores, up to 16 bytes behind both. */
function sameBytes(a: usize, b: usize, bytes: u32): bool {
  for (; bytes > 16; bytes -= 16) {
    if (v128.any_true(v128.xor(v128.load(a), v128.load(b)))) return false;
    a += 16;
    b += 16;
  }
  return !v128.any_true(firstBytes(v128.xor(v128.load(a), v128.load(b)), bytes));
}

// @ts-ignore: decorator
@inline
export function sameWords(a: usize, b: usize, bytes: u32): bool {
  const end = a + bytes;
  while (a < end) {
    if (load<u64>(a) != load<u64>(b)) return false;
    a += 8;
    b += 8;
  }
  return true;
}
