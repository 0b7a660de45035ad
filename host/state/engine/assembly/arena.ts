/**
 * Where entries live: blocks of size classes, cut from chunks. A block that is given back goes to the free list of its class
 * and is the first to be handed out again.
 *
 * Captures walk over the blocks of each chunk, from one to the next by their classes: every block has its class in the last byte of its second
 * word, as entries have, and a block that is free has 0 where entries have their stamp.
 *
 * Classes step by 16 bytes up to 512, then four to a doubling. A class never gives its blocks to another one: states that all
 * grow for good leave the blocks of their old size behind for keys to come.
 */
import { FREE_LISTS, freshRegion, giveRegion, largestSpare, region, RESULTS } from './memory';

const SMALL_BYTES: u32 = 512;
const SMALL_CLASSES: u32 = 32;
const CHUNK_BYTES_MIN: u32 = 1 << 14;
const CHUNK_BYTES_MAX: u32 = 1 << 20;

let bump: usize = 0;
let bumpEnd: usize = 0;
/** Per chunk: u32 first block · u32 end of the last; the end of the chunk in use is `bump`. */
let chunks: usize = 0;
let chunkRoom: u32 = 0;
export let chunkCount: u32 = 0;
/** Doubles from chunk to chunk, so that a small table stays small. */
let chunkBytes: u32 = CHUNK_BYTES_MIN;

/** The class whose blocks are the smallest that hold `bytes`. */
// @ts-ignore: decorator
@inline
export function classOf(bytes: u32): u32 {
  if (bytes <= SMALL_BYTES) return (bytes + 15) >> 4;
  const last = bytes - 1;
  const log = 31 - clz<u32>(last);
  return SMALL_CLASSES + 1 + ((log - 9) << 2) + ((last >> (log - 2)) & 3);
}

/** Bytes of the blocks of a class. */
// @ts-ignore: decorator
@inline
export function classBytes(index: u32): u32 {
  if (index <= SMALL_CLASSES) return index << 4;
  const large = index - SMALL_CLASSES - 1;
  return (5 + (large & 3)) << ((large >> 2) + 7);
}

/** A block of the class; 0 when there is no memory. */
export function allocate(index: u32): usize {
  const list = FREE_LISTS + (index << 2);
  const head = load<u32>(list);
  if (head != 0) {
    store<u32>(list, load<u32>(head));
    return head;
  }
  const bytes = classBytes(index);
  if (<u32>(bumpEnd - bump) < bytes && !nextChunk(bytes)) return 0;
  const at = bump;
  bump += bytes;
  return at;
}

export function free(block: usize, index: u32): void {
  store<u32>(block, 0, 12);
  const list = FREE_LISTS + (index << 2);
  store<u32>(block, load<u32>(list));
  store<u32>(list, <u32>block);
}

export function chunkStart(index: u32): usize {
  return load<u32>(chunks + (<usize>index << 3));
}

/** Where the blocks of a chunk end for now. */
export function chunkEnd(index: u32): usize {
  return index + 1 == chunkCount ? bump : load<u32>(chunks + (<usize>index << 3), 4);
}

function nextChunk(bytes: u32): bool {
  retireRest();
  if (!takeChunk(bytes)) return false;
  store<u32>(chunks + (<usize>chunkCount << 3), <u32>bump);
  chunkCount++;
  return true;
}

function takeChunk(bytes: u32): bool {
  if (chunkCount == chunkRoom && !makeChunkRoom()) return false;
  const spare = largestSpare(max<u32>(bytes, CHUNK_BYTES_MIN));
  if (spare != 0) {
    bump = spare;
    bumpEnd = load<u32>(RESULTS + 60);
    return true;
  }
  const wanted = max<u32>(bytes, chunkBytes);
  bump = freshRegion(wanted);
  bumpEnd = bump == 0 ? 0 : bump + wanted;
  chunkBytes = min<u32>(chunkBytes << 1, CHUNK_BYTES_MAX);
  return bump != 0;
}

/** What is left of a chunk becomes one free block, of the largest class that fits. */
function retireRest(): void {
  const rest = <u32>(bumpEnd - bump);
  let index = classOf(rest);
  if (rest > 0 && classBytes(index) > rest) index--;
  if (rest >= 32) {
    store<u32>(bump, index << 24, 4);
    free(bump, index);
    bump += classBytes(index);
  }
  if (chunkCount > 0) store<u32>(chunks + (<usize>(chunkCount - 1) << 3), <u32>bump, 4);
  bump = bumpEnd;
}

function makeChunkRoom(): bool {
  const room = max<u32>(64, chunkRoom << 1);
  const at = region(room << 3);
  if (at == 0) return false;
  memory.copy(at, chunks, <usize>chunkRoom << 3);
  giveRegion(chunks, chunks + (<usize>chunkRoom << 3));
  chunks = at;
  chunkRoom = room;
  return true;
}
