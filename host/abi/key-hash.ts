import { align8 } from './layout.ts';

/**
 * The 32-bit hash of a key's bytes (`model/key-spec.ts`). It is part of every checkpoint, so it never changes.
 *
 * The bytes, padded with zeros to a multiple of 8, are read as little-endian words; even words feed lane `a`, odd
 * words lane `b`, so that a processor works on both at once. A step is a bijection of the lane for a given word and
 * of the word for a given lane: keys that differ in one word never collide.
 *
 *     a ← rotl((a ^ even word) × M1, 15)        b ← rotl((b ^ odd word) × M2, 13)
 *     hash = finish(a ^ (b × M3) ^ length)
 *
 * `kernel/assembly/hash.ts` is the same in WebAssembly; a test holds both equal.
 */
const SEED_A = 0x6d696c6c;
const SEED_B = 0x72616365;
const M1 = 0x9e3779b1;
const M2 = 0xc2b2ae3d;
const M3 = 0x85ebca6b;
const F1 = 0x7feb352d;
const F2 = 0x846ca68b;

/** Hash of `bytes[offset, offset + length)`, unsigned. */
export function hashKey(bytes: Uint8Array, offset = 0, length = bytes.length - offset): number {
  let a = SEED_A;
  let b = SEED_B;
  const end = offset + length;
  const padded = offset + align8(length);
  for (let at = offset; at < padded; at += 8) {
    const even = Math.imul(a ^ wordAt(bytes, at, end), M1);
    const odd = Math.imul(b ^ wordAt(bytes, at + 4, end), M2);
    a = (even << 15) | (even >>> 17);
    b = (odd << 13) | (odd >>> 19);
  }
  let hash = a ^ Math.imul(b, M3) ^ length;
  hash = Math.imul(hash ^ (hash >>> 16), F1);
  hash = Math.imul(hash ^ (hash >>> 15), F2);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The little-endian word at `at`; bytes from `end` on count as zero. */
function wordAt(bytes: Uint8Array, at: number, end: number): number {
  let word = 0;
  for (let i = Math.min(at + 4, end) - 1; i >= at; i--) word = (word << 8) | bytes[i];
  return word;
}
