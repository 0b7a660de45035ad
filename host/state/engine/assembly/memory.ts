/**
 * The engine's linear memory: fixed places first, then regions in the order they were asked for.
 *
 *     results │ free lists │ spare regions │ key descriptor │ grave │ block of rows │ notes │ missed rows │ regions …
 *
 * Memory never shrinks, so a region that is given back is kept as a spare for the next that fits. Tables give back their
 * old slots when they grow, and the arena takes those over: growth leaves no holes behind.
 */
import { DESCRIPTOR_BYTES, NO_MEMORY } from '../../../abi/kernel/assembly/key';

/** Numbers for the host; `load-engine.ts` names them. */
export const RESULTS: usize = (__heap_base + 63) & ~63;
/** Head of the free blocks of each size class, see `arena.ts`. */
export const FREE_LISTS: usize = RESULTS + 64;
const SPARES: usize = FREE_LISTS + 128 * 4;
const SPARES_MAX: u32 = 64;
export const DESCRIPTOR: usize = SPARES + SPARES_MAX * 8;
/** Where the slots of removed entries point, see `slots.ts`: an entry whose key no other is equal to. */
export const GRAVE: usize = (DESCRIPTOR + DESCRIPTOR_BYTES + 63) & ~63;
const GRAVE_BYTES: usize = 64;
/** The rows that `resolve` has in flight, see `resolve.ts`. */
export const BLOCK: usize = GRAVE + GRAVE_BYTES;
export const BLOCK_ROWS: u32 = 128;

/** Spares below this are not worth their place in the list. */
const SPARE_BYTES_MIN: u32 = 1024;

/** Entries met lately, see `slots.ts`. */
export const RECENT: usize = BLOCK + (BLOCK_ROWS << 4);
export const RECENT_BITS: u32 = 13;
/** Rows of the block that have no such entry. */
export const MISSED: usize = RECENT + (8 << RECENT_BITS);

let top: usize = MISSED + (BLOCK_ROWS << 2);
let spares: u32 = 0;

/** A region of fresh memory, all zeros; 0 when there is none. */
export function freshRegion(bytes: u32): usize {
  const from = (top + 63) & ~63;
  const end = <u64>from + <u64>bytes;
  if (end > <u64>memory.size() << 16 && !grow(end)) return 0;
  top = <usize>end;
  return from;
}

/** Bytes in use, holes and spares included; memory behind has not been touched and takes no room on the machine. */
export function usedBytes(): usize {
  return top;
}

/**
 * Grows memory to `end`, and by half of what there is if that is more: V8 counts the whole memory as new garbage each time,
 * and growing by little and little makes it collect over and over, some milliseconds each.
 */
function grow(end: u64): bool {
  const pages = memory.size();
  const needed = <i32>((end + 0xffff) >> 16) - pages;
  return memory.grow(max<i32>(needed, pages >> 1)) >= 0 || memory.grow(needed) >= 0;
}

/** A region of any content: the smallest spare that fits, else fresh memory; 0 when there is none. */
export function region(bytes: u32): usize {
  let best: usize = 0;
  let bestBytes: u32 = u32.MAX_VALUE;
  for (let i: u32 = 0; i < spares; i++) {
    const spare = SPARES + (i << 3);
    const size = load<u32>(spare, 4) - load<u32>(spare);
    if (size >= bytes && size < bestBytes) {
      best = spare;
      bestBytes = size;
    }
  }
  if (best == 0) return freshRegion(bytes);
  const from = load<u32>(best);
  const rest = (from + bytes + 63) & ~63;
  const end = load<u32>(best, 4);
  store<u64>(best, load<u64>(SPARES + (--spares << 3)));
  if (rest < end) giveRegion(rest, end);
  return from;
}

/** The largest spare of at least `bytes`, whole; its end is at `RESULTS + 60`. 0 when there is none. */
export function largestSpare(bytes: u32): usize {
  let best: usize = 0;
  let bestBytes: u32 = bytes;
  for (let i: u32 = 0; i < spares; i++) {
    const spare = SPARES + (i << 3);
    const size = load<u32>(spare, 4) - load<u32>(spare);
    if (size >= bestBytes) {
      best = spare;
      bestBytes = size;
    }
  }
  if (best == 0) return 0;
  const from = load<u32>(best);
  store<u32>(RESULTS + 60, load<u32>(best, 4));
  store<u64>(best, load<u64>(SPARES + (--spares << 3)));
  return from;
}

/** Gives a region back. With too many spares the piece is lost, which costs room and nothing else. */
export function giveRegion(from: usize, end: usize): void {
  const start = (from + 63) & ~63;
  if (start >= end || end - start < SPARE_BYTES_MIN || spares == SPARES_MAX) return;
  const spare = SPARES + (spares++ << 3);
  store<u32>(spare, start);
  store<u32>(spare, end, 4);
}

/** An area that only ever grows: keeps its address and size in two words at `area`. */
export function ensureArea(area: usize, bytes: u32): i32 {
  const size = load<u32>(area, 4);
  if (size >= bytes) return 0;
  const wanted = max<u32>(bytes, min<u32>(size << 1, 1 << 24));
  const at = region(wanted);
  if (at == 0) return NO_MEMORY;
  const old = load<u32>(area);
  giveRegion(old, old + size);
  store<u32>(area, at);
  store<u32>(area, wanted, 4);
  return 0;
}
