/**
 * Captures: the entries as they were at one moment, all or those that changed since the capture before, copied out piece by piece while
 * batches come by.
 *
 * A capture of changes walks the frozen list (`changes.ts`), one of everything the blocks of the arena in order of address, which memory is
 * fastest at, and then what was saved meanwhile. Each piece is ordered by key group, by counting, and handed out through the exchange area:
 *
 *     runs, one per group in the piece:  u32 group · u32 bytes · u32 entries
 */
import { align8, copyWords } from '../../../abi/kernel/assembly/copy';
import { NO_MEMORY } from '../../../abi/kernel/assembly/key';
import {
  epoch,
  freeOwned,
  freeze,
  frozen,
  frozenCount,
  frozenLost,
  GRAVESTONE,
  isFrozen,
  MARKS,
  stopTracking,
  thaw,
} from './changes';
import { chunkCount, chunkEnd, chunkStart, classBytes } from './arena';
import { ENTRY_HEADER, hashOf, keyLengthOf, setStamp, sizeClassOf, stateOf } from './entry';
import { groupOf, keyGroups } from './groups';
import { ensureArea, region } from './memory';
import { EXCHANGE, OUT_BYTES, OUT_ROWS } from './areas';
import { snapshotBytes } from './store';

/** A copy that the capture needs could not be made: it is over. */
const LOST: i32 = -8;
const PIECE_ITEMS: u32 = 4096;
const PIECE_BYTES: u32 = 1 << 18;
const TOUCHED_AHEAD: u32 = 64;

/** Picked items · the same by group · per group a cursor · runs. */
let picks: usize = 0;
let ordered: usize = 0;
let cursors: usize = 0;
let runs: usize = 0;

let walking: bool = false;
/** The chunk of the arena that is walked over, and the next block in it; 0 = its first. */
let walkedChunk: u32 = 0;
let walkedAt: usize = 0;
let nextItem: u32 = 0;
let picked: u32 = 0;
let pickedBytes: u32 = 0;
let touched: u32 = 0;

/** Begins a capture, of changes if asked to and if they are known. 1 = of changes, 0 = of everything, or an error. */
export function beginCapture(changes: bool): i32 {
  if (picks == 0 && !makeRoom()) return NO_MEMORY;
  if (ensureArea(EXCHANGE, PIECE_BYTES) < 0) return NO_MEMORY;
  const ofChanges = freeze(changes);
  nextItem = 0;
  walking = !ofChanges;
  walkedChunk = 0;
  walkedAt = 0;
  return ofChanges ? 1 : 0;
}

/** Copies a piece to the exchange area. Its bytes, 0 when all is copied, or an error; `OUT_ROWS` is the number of runs. */
export function continueCapture(): i32 {
  picked = 0;
  pickedBytes = 0;
  if (frozenLost) {
    cancelCapture();
    return LOST;
  }
  if (walking) pickBlocks();
  // Not before all blocks are done: until then there may be more to come.
  if (!walking) pickItems();
  if (picked == 0) {
    if (walking) return continueCapture();
    thaw(nextItem);
    return 0;
  }
  if (ensureArea(EXCHANGE, pickedBytes) < 0) {
    for (let i: u32 = 0; i < picked; i++) freeOwned(load<u32>(picks + (<usize>i << 2)));
    cancelCapture();
    return NO_MEMORY;
  }
  store<u32>(OUT_BYTES, pickedBytes);
  store<u32>(OUT_ROWS, orderPicks());
  copyPicks();
  return <i32>pickedBytes;
}

/** Gives a capture up; the next one is of everything. */
export function cancelCapture(): void {
  thaw(nextItem);
  stopTracking();
}

/** Address of the runs of the last piece. */
export function runsAt(): usize {
  return runs;
}

function makeRoom(): bool {
  const runsMax = min<u32>(PIECE_ITEMS, keyGroups);
  const bytes = (PIECE_ITEMS << 3) + (keyGroups << 2) + runsMax * 12;
  picks = region(bytes);
  ordered = picks + (PIECE_ITEMS << 2);
  cursors = ordered + (PIECE_ITEMS << 2);
  runs = cursors + (<usize>keyGroups << 2);
  return picks != 0;
}

/**
 * Picks entries from the arena until the piece is full or all is done. Who comes into a block meanwhile is of this epoch, wherever it is.
 */
function pickBlocks(): void {
  for (; walkedChunk < chunkCount; walkedChunk++) {
    if (walkedAt == 0) walkedAt = chunkStart(walkedChunk);
    const end = chunkEnd(walkedChunk);
    while (walkedAt < end) {
      const entry = walkedAt;
      if (isFrozen(entry)) {
        if (!pick(<u32>entry, snapshotBytes(keyLengthOf(entry), load<u32>(stateOf(entry))))) return;
        setStamp(entry, epoch - 1);
      }
      walkedAt += classBytes(sizeClassOf(entry));
    }
    walkedAt = 0;
  }
  walking = false;
}

/** Picks from the frozen list, or from what was saved. */
function pickItems(): void {
  while (nextItem < frozenCount) {
    const blockEnd = min<u32>(nextItem + TOUCHED_AHEAD, frozenCount);
    let sum: u32 = 0;
    for (let i = nextItem; i < blockEnd; i++) {
      sum += load<u32>(load<u32>(frozen + (<usize>i << 2)) & ~MARKS, 12);
    }
    touched = sum;
    for (; nextItem < blockEnd; nextItem++) {
      const item = load<u32>(frozen + (<usize>nextItem << 2));
      if (item == 0) continue;
      if (!pick(item, itemBytes(item))) return;
      // Nobody's change is of interest to the capture any more.
      if ((item & MARKS) == 0) setStamp(item, epoch - 1);
    }
  }
}

function itemBytes(item: u32): u32 {
  const entry: usize = item & ~MARKS;
  const state = (item & MARKS) == GRAVESTONE ? 0 : load<u32>(stateOf(entry));
  return snapshotBytes(keyLengthOf(entry), state);
}

/** False = the piece is full without it. */
// @ts-ignore: decorator
@inline
function pick(item: u32, bytes: u32): bool {
  if (picked == PIECE_ITEMS) return false;
  if (picked > 0 && bytes > PIECE_BYTES - pickedBytes) return false;
  store<u32>(picks + (<usize>(picked++) << 2), item);
  pickedBytes += bytes;
  return true;
}

/** Orders the picked items by group, keeping their order within one, and writes the runs. The number of runs. */
function orderPicks(): u32 {
  memory.fill(cursors, 0, <usize>keyGroups << 2);
  for (let i: u32 = 0; i < picked; i++) {
    const cursor = cursorOf(load<u32>(picks + (<usize>i << 2)));
    store<u32>(cursor, load<u32>(cursor) + 1);
  }
  let from: u32 = 0;
  let count: u32 = 0;
  for (let group: u32 = 0; group < keyGroups; group++) {
    const cursor = cursors + (<usize>group << 2);
    const inGroup = load<u32>(cursor);
    store<u32>(cursor, from);
    from += inGroup;
    if (inGroup == 0) continue;
    const run = runs + <usize>(count++) * 12;
    store<u32>(run, group);
    store<u32>(run, 0, 4);
    store<u32>(run, inGroup, 8);
  }
  for (let i: u32 = 0; i < picked; i++) {
    const item = load<u32>(picks + (<usize>i << 2));
    const cursor = cursorOf(item);
    const to = load<u32>(cursor);
    store<u32>(ordered + (<usize>to << 2), item);
    store<u32>(cursor, to + 1);
  }
  return count;
}

// @ts-ignore: decorator
@inline
function cursorOf(item: u32): usize {
  return cursors + (<usize>groupOf(hashOf(item & ~MARKS)) << 2);
}

function copyPicks(): void {
  let to: usize = load<u32>(EXCHANGE);
  let item = ordered;
  for (let run = runs; item < ordered + (<usize>picked << 2); run += 12) {
    const end = item + (<usize>load<u32>(run, 8) << 2);
    const start = to;
    for (; item < end; item += 4) {
      const one = load<u32>(item);
      const bytes = itemBytes(one);
      writeSnapshotEntry(to, one & ~MARKS, (one & MARKS) == GRAVESTONE ? 0 : load<u32>(stateOf(one & ~MARKS)));
      freeOwned(one);
      to += bytes;
    }
    store<u32>(run, <u32>(to - start), 4);
  }
}

/** Writes an entry as snapshots hold it. */
export function writeSnapshotEntry(to: usize, entry: usize, state: u32): void {
  const keyLength = keyLengthOf(entry);
  store<u32>(to, hashOf(entry));
  store<u32>(to, keyLength, 4);
  store<u64>(to, state, 8);
  // Key and state stand one after the other in the entry as well.
  copyWords(to + 16, entry + ENTRY_HEADER, align8(keyLength) + state);
}
