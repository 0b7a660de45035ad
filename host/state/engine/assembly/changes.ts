/**
 * Which entries changed since the last capture, and what they were at the moment of the one that is under way.
 *
 * Each capture begins an epoch; an entry's stamp is the epoch of its last change. What changes for the first time in an epoch, and
 * nothing else, comes by here (`touch`): it is noted in a list, and its old state is saved if a capture still has to copy it.
 *
 *     list, per item:  entry │ gravestone | 1, an entry without a state that tells of a removal │ saved copy | 2 │ 0
 *
 * C1  An entry with a stamp of this epoch stands in the list at its index, while the list is kept. So it can be found when it moves or is removed.
 * C2  Stamps step by two: the odd one in between says "copied by the capture under way and not changed since it began".
 * C3  The list is given up when it is no shorter than copying all would be; the next capture is then of everything, and begins it anew.
 */
import { align8 } from '../../../abi/kernel/assembly/copy';
import { allocate, classOf, free } from './arena';
import {
  bornOf,
  ENTRY_HEADER,
  hashOf,
  indexOf,
  keyLengthOf,
  setIndex,
  setStamp,
  sizeClassOf,
  stampOf,
  stateOf,
  writeHeader,
} from './entry';
import { giveRegion, region } from './memory';
import { entries } from './slots';

export const GRAVESTONE: u32 = 1;
export const SAVED: u32 = 2;
export const MARKS: u32 = 15;

/** Items of the list that are always worth keeping. */
const LIST_MIN: u32 = 1 << 16;
const NOTHING: u32 = u32.MAX_VALUE;

export let epoch: u32 = 2;

let tracking: bool = false;
let list: usize = 0;
let listRoom: u32 = 0;
let listCount: u32 = 0;

/** Items of the capture under way: the list of the epoch before, or the copies that were saved from a capture of everything. */
export let frozen: usize = 0;
export let frozenCount: u32 = 0;
let frozenRoom: u32 = 0;
let frozenChanges: bool = false;
/** No entry has stamp 0. Stamps from here to before `frozenEnd` are of entries that the capture has still to copy. */
let frozenFrom: u32 = NOTHING;
let frozenEnd: u32 = 0;
/** A copy could not be saved: the capture cannot be completed. */
export let frozenLost: bool = false;

/** Whether a capture has still to copy an entry. */
// @ts-ignore: decorator
@inline
export function isFrozen(entry: usize): bool {
  const stamp = stampOf(entry);
  return stamp >= frozenFrom && stamp < frozenEnd;
}

/** An entry that was not touched in this epoch is about to change. */
export function touch(entry: usize): void {
  if (isFrozen(entry)) save(entry);
  note(entry);
}

/** Stamps an entry, new or changed, and puts it into the list. */
export function note(entry: usize): void {
  setStamp(entry, epoch);
  if (!tracking) return;
  setIndex(entry, listCount);
  push(<u32>entry);
}

/** An entry has another block. */
export function noteMove(entry: usize): void {
  if (tracking) store<u32>(list + (<usize>indexOf(entry) << 2), <u32>entry);
}

/** An entry is about to be removed. */
export function noteRemoval(entry: usize): void {
  if (isFrozen(entry)) save(entry);
  if (!tracking) return;
  const listed = stampOf(entry) == epoch;
  const item = list + (<usize>indexOf(entry) << 2);
  // Of an entry that came in this epoch no capture knows.
  if (bornOf(entry) == epoch) {
    store<u32>(item, 0);
    return;
  }
  const keyLength = keyLengthOf(entry);
  const sizeClass = classOf(ENTRY_HEADER + align8(keyLength));
  const stone = allocate(sizeClass);
  if (stone == 0) {
    stopTracking();
    return;
  }
  writeHeader(stone, hashOf(entry), keyLength, sizeClass);
  setStamp(stone, 0);
  memory.copy(stone + ENTRY_HEADER, entry + ENTRY_HEADER, align8(keyLength));
  if (listed) store<u32>(item, <u32>stone | GRAVESTONE);
  else push(<u32>stone | GRAVESTONE);
}

/** Begins an epoch, and a capture of what changed in the last one, or of everything. Whether it is of changes. */
export function freeze(changes: bool): bool {
  epoch += 2;
  frozenEnd = epoch - 1;
  frozenLost = false;
  frozenChanges = changes && tracking;
  frozenFrom = frozenChanges ? epoch - 2 : 1;
  if (frozenChanges) {
    const spare = frozen;
    const spareRoom = frozenRoom;
    frozen = list;
    frozenRoom = listRoom;
    frozenCount = listCount;
    list = spare;
    listRoom = spareRoom;
    listCount = 0;
  } else {
    stopTracking();
    tracking = true;
    frozenCount = 0;
  }
  return frozenChanges;
}

/** The capture is over. What it did not copy is given back. */
export function thaw(from: u32): void {
  for (let i = from; i < frozenCount; i++) freeOwned(load<u32>(frozen + (<usize>i << 2)));
  frozenCount = 0;
  frozenFrom = NOTHING;
}

/** The next capture is of everything. */
export function stopTracking(): void {
  for (let i: u32 = 0; i < listCount; i++) freeOwned(load<u32>(list + (<usize>i << 2)));
  listCount = 0;
  tracking = false;
}

/** Gravestones and saved copies belong to the list they stand in. */
// @ts-ignore: decorator
@inline
export function freeOwned(item: u32): void {
  if ((item & MARKS) == 0) return;
  const block: usize = item & ~MARKS;
  free(block, sizeClassOf(block));
}

/** Copies an entry as it is for the capture under way. */
function save(entry: usize): void {
  const sizeClass = sizeClassOf(entry);
  const copy = allocate(sizeClass);
  if (copy == 0 || (!frozenChanges && !makeFrozenRoom())) {
    if (copy != 0) free(copy, sizeClass);
    frozenLost = true;
    return;
  }
  memory.copy(copy, entry, ENTRY_HEADER + align8(keyLengthOf(entry)) + load<u32>(stateOf(entry)));
  setStamp(copy, 0);
  const index = frozenChanges ? indexOf(entry) : frozenCount++;
  store<u32>(frozen + (<usize>index << 2), <u32>copy | SAVED);
}

function push(item: u32): void {
  if (listCount >= max<u32>(LIST_MIN, entries >> 1) || !makeListRoom()) {
    if ((item & MARKS) != 0) freeOwned(item);
    stopTracking();
    return;
  }
  store<u32>(list + (<usize>(listCount++) << 2), item);
}

function makeListRoom(): bool {
  if (listCount < listRoom) return true;
  const room = max<u32>(256, listRoom << 1);
  const at = enlarge(list, listRoom, room);
  if (at == 0) return false;
  list = at;
  listRoom = room;
  return true;
}

function makeFrozenRoom(): bool {
  if (frozenCount < frozenRoom) return true;
  const room = max<u32>(256, frozenRoom << 1);
  const at = enlarge(frozen, frozenRoom, room);
  if (at == 0) return false;
  frozen = at;
  frozenRoom = room;
  return true;
}

/** Moves a list to a larger region; 0 when there is no memory. */
function enlarge(from: usize, count: u32, room: u32): usize {
  const at = region(room << 2);
  if (at == 0) return 0;
  memory.copy(at, from, <usize>count << 2);
  giveRegion(from, from + (<usize>count << 2));
  return at;
}
