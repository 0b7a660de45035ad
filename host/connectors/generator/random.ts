/**
 * Randomness without state: the value of record `index` under `seed` is a function of both, so a reader
 * starts at any index and yields what it yielded before.
 */

/** 32 well-mixed bits (unsigned) of a seed and an index below 2^53. */
export function randomBits(seed: number, index: number): number {
  const high = Math.floor(index / 0x1_0000_0000);
  let bits = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(index | 0, 0xc2b2_ae35);
  bits = Math.imul(bits ^ (bits >>> 16) ^ high, 0x7feb_352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846c_a68b);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** A number in [0, 1) with 53 random bits. */
export function randomFraction(seed: number, index: number): number {
  const high = randomBits(seed, index) >>> 5;
  const low = randomBits(seed + 0x5bd1_e995, index) >>> 6;
  return (high * 0x400_0000 + low) / 2 ** 53;
}
