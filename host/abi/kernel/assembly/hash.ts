/**
 * The hash of `abi/key-hash.ts`, which says why it is made like this. Lanes are inlined so that the loops over rows
 * keep several rows in flight.
 */
export const SEED_A: u32 = 0x6d696c6c;
export const SEED_B: u32 = 0x72616365;
const M1: u32 = 0x9e3779b1;
const M2: u32 = 0xc2b2ae3d;
const M3: u32 = 0x85ebca6b;
const F1: u32 = 0x7feb352d;
const F2: u32 = 0x846ca68b;

// @ts-ignore: decorator
@inline
export function mixEven(a: u32, word: u32): u32 {
  return rotl<u32>((a ^ word) * M1, 15);
}

// @ts-ignore: decorator
@inline
export function mixOdd(b: u32, word: u32): u32 {
  return rotl<u32>((b ^ word) * M2, 13);
}

// @ts-ignore: decorator
@inline
export function finish(a: u32, b: u32, length: u32): u32 {
  let hash = a ^ (b * M3) ^ length;
  hash = (hash ^ (hash >> 16)) * F1;
  hash = (hash ^ (hash >> 15)) * F2;
  return hash ^ (hash >> 16);
}

/** Hash of a key of 8 bytes: one number, bool or timestamp. */
// @ts-ignore: decorator
@inline
export function hashFixed(at: usize): u32 {
  return finish(mixEven(SEED_A, load<u32>(at)), mixOdd(SEED_B, load<u32>(at, 4)), 8);
}

/** Hash of `length` bytes that are padded with zeros to a multiple of 8. */
export function hashPadded(at: usize, length: u32): u32 {
  let a = SEED_A;
  let b = SEED_B;
  const end = at + ((length + 7) & ~7);
  for (; at < end; at += 8) {
    a = mixEven(a, load<u32>(at));
    b = mixOdd(b, load<u32>(at, 4));
  }
  return finish(a, b, length);
}

/** Hash of the key that is one string: its length, then its bytes. Reads, and ignores, up to 8 bytes behind them. */
export function hashText(at: usize, length: u32): u32 {
  let a = mixEven(SEED_A, length);
  let b = SEED_B;
  let left = length;
  while (left >= 8) {
    b = mixOdd(b, load<u32>(at));
    a = mixEven(a, load<u32>(at, 4));
    at += 8;
    left -= 8;
  }
  // Padded to 8, the length included: the last odd word is always there, one more even word only behind 4 bytes.
  const word = load<u64>(at) & ~(<u64>-1 << (<u64>left << 3));
  b = mixOdd(b, <u32>word);
  if (left > 4) {
    a = mixEven(a, <u32>(word >> 32));
    b = mixOdd(b, 0);
  }
  return finish(a, b, length + 4);
}
