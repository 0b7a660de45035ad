/**
 * The 32-bit hash of a key's bytes (`model/key-spec.ts`). It is part of every checkpoint, so it never changes.
 *
 * The bytes are taken in blocks of 16, the last one padded with zeros, each as four little-endian words for four lanes: a
 * processor works on all four at once, and most keys are a single block, which takes no loop and no branch. A step is a
 * bijection of the lane for a given word and of the word for a given lane: keys that differ in one word never collide.
 *
 *     lane ← (lane ^ word) × its factor        lane ← (lane ^ (lane >>> 15)) × its second factor
 *     hash = finish(lane 0 ^ lane 1 ^ lane 2 ^ lane 3 ^ length)
 *
 * `kernel/assembly/hash.ts` is the same in WebAssembly; a test holds both equal.
 */
const SEEDS = [0x6d696c6c, 0x72616365, 0x3c6ef372, 0x1f83d9ab];
const FACTORS = [0x9e3779b1, 0xc2b2ae3d, 0x85ebca6b, 0x27d4eb2f];
const FACTORS_2 = [0x165667b1, 0xcc9e2d51, 0x1b873593, 0xe6546b65];
const F1 = 0x7feb352d;
const F2 = 0x846ca68b;

/** Hash of `bytes[offset, offset + length)`, unsigned. */
export function hashKey(bytes: Uint8Array, offset = 0, length = bytes.length - offset): number {
  const lanes = [...SEEDS];
  const end = offset + length;
  for (let block = offset; block < end; block += 16) {
    for (let i = 0; i < 4; i++) {
      const product = Math.imul(lanes[i] ^ wordAt(bytes, block + 4 * i, end), FACTORS[i]);
      lanes[i] = Math.imul(product ^ (product >>> 15), FACTORS_2[i]);
    }
  }
  let hash = lanes[0] ^ lanes[1] ^ lanes[2] ^ lanes[3] ^ length;
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
