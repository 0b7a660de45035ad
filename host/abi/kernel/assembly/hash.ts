/**
 * The hash of `abi/key-hash.ts`, which says why it is made like this. It is inlined and, for keys of up to 16 bytes, free of
 * branches, so that the loops over rows keep many rows in flight.
 */
const SEEDS: v128 = i32x4(0x6d696c6c, 0x72616365, 0x3c6ef372, 0x1f83d9ab);
const FACTORS: v128 = i32x4(0x9e3779b1, 0xc2b2ae3d, 0x85ebca6b, 0x27d4eb2f);
const FACTORS_2: v128 = i32x4(0x165667b1, 0xcc9e2d51, 0x1b873593, 0xe6546b65);
const F1: u32 = 0x7feb352d;
const F2: u32 = 0x846ca68b;
/** Sixteen bytes of ones, then as many of zeros. */
const MASKS: usize = memory.data<u64>([-1, -1, 0, 0]);

/** The first `bytes` of the 16 bytes at `at`, zeros behind them; more than 16 count as 16. Reads all 16. */
// @ts-ignore: decorator
@inline
export function firstBytes(block: v128, bytes: u32): v128 {
  return v128.and(block, v128.load(MASKS + 16 - min<u32>(bytes, 16)));
}

// @ts-ignore: decorator
@inline
function mix(lanes: v128, block: v128): v128 {
  const product = i32x4.mul(v128.xor(lanes, block), FACTORS);
  return i32x4.mul(v128.xor(product, i32x4.shr_u(product, 15)), FACTORS_2);
}

// @ts-ignore: decorator
@inline
function finish(lanes: v128, length: u32): u32 {
  const halves = i64x2.extract_lane(lanes, 0) ^ i64x2.extract_lane(lanes, 1);
  let hash = <u32>halves ^ <u32>(<u64>halves >> 32) ^ length;
  hash = (hash ^ (hash >> 16)) * F1;
  hash = (hash ^ (hash >> 15)) * F2;
  return hash ^ (hash >> 16);
}

/** Hash of a key of 8 bytes: one number, bool or timestamp. */
// @ts-ignore: decorator
@inline
export function hashFixed(at: usize): u32 {
  return finish(mix(SEEDS, v128.load64_zero(at)), 8);
}

/** Hash of `length` bytes. Reads, and ignores, up to 16 bytes behind them. */
export function hashPadded(at: usize, length: u32): u32 {
  return finish(mixRest(SEEDS, at, length), length);
}

/** The key that is one string of `length` bytes at `at`, or its first 16 bytes: the length, then the string. */
// @ts-ignore: decorator
@inline
export function textBlock(at: usize, length: u32): v128 {
  return firstBytes(i32x4.replace_lane(v128.load(at - 4), 0, length), length + 4);
}

/** Hash of the key that is one string. Reads, and ignores, up to 16 bytes behind it. */
// @ts-ignore: decorator
@inline
export function hashText(at: usize, length: u32): u32 {
  let lanes = mix(SEEDS, textBlock(at, length));
  if (length > 12) lanes = mixRest(lanes, at + 12, length - 12);
  return finish(lanes, length + 4);
}

function mixRest(lanes: v128, at: usize, left: u32): v128 {
  for (; left > 16; left -= 16) {
    lanes = mix(lanes, v128.load(at));
    at += 16;
  }
  return left == 0 ? lanes : mix(lanes, firstBytes(v128.load(at), left));
}
