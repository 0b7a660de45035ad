/**
 * The keys of a batch that have no entry: numbered through a small table of their own, place → ordinal + 1.
 */
import { align8, copyWords } from '../../../abi/kernel/assembly/copy';
import { firstSlot, SHAPE_FIXED, shape, writeKey } from '../../../abi/kernel/assembly/key';
import { KEY_COUNT, KEY_ROOM, KEYS, NEW_KEYS } from './areas';
import { ENTRY_HEADER, hashOf, keyLengthOf, sameWords } from './entry';
import { addEntry, removeEntry } from './store';

/** 32 - log2 of the places for new keys; 32 while there are none in this batch. */
let newShift: u32 = 32;
let rowsInBatch: u32 = 0;
/** The batch in flight is of entries (`resolve-entries.ts`): what names a new key is the 4th word of its header, less 4. */
let byEntries: bool = false;

/** No new key is numbered yet. */
export function beginNewKeys(rows: u32, ofEntries: bool): void {
  rowsInBatch = rows;
  byEntries = ofEntries;
  newShift = 32;
}

/** Numbers a key that has no entry. */
export function resolveNew(row: usize, hash: u32, key: usize, length: u32): void {
  const keys: usize = load<u32>(KEYS);
  const places: usize = load<u32>(NEW_KEYS);
  if (newShift == 32) {
    const count = newPlaces(rowsInBatch);
    newShift = 32 - ctz(count);
    memory.fill(places, 0, <usize>count << 2);
  }
  const newMask = (<u32>1 << (32 - newShift)) - 1;
  let index = (hash * 0x9e3779b1) >> newShift;
  while (true) {
    const place = places + (<usize>index << 2);
    const found = load<u32>(place);
    if (found == 0) {
      const ordinal = load<u32>(KEY_COUNT);
      const item = keys + (<usize>ordinal << 4);
      store<u32>(item, 0);
      store<u32>(item, <u32>row, 4);
      store<u32>(item, hash, 8);
      store<u32>(item, length, 12);
      store<u32>(place, ordinal + 1);
      store<u32>(KEY_COUNT, ordinal + 1);
      store<u32>(row, ordinal, 4);
      return;
    }
    const item = keys + (<usize>(found - 1) << 4);
    if (load<u32>(item, 8) == hash && isKeyOf(item, key, length)) {
      store<u32>(row, found - 1, 4);
      return;
    }
    index = (index + 1) & newMask;
  }
}

/** Whether the row that named a new key first has this key. */
function isKeyOf(item: usize, key: usize, length: u32): bool {
  if (load<u32>(item, 12) != length) return false;
  const row: usize = load<u32>(item, 4);
  if (byEntries) return sameWords(row + 8, key, align8(length));
  if (shape == SHAPE_FIXED) return load<u64>(row + firstSlot) == load<u64>(key);
  const other = load<u32>(KEY_ROOM) + align8(length) + 16;
  writeKey(row, other, length);
  return sameWords(key, other, align8(length));
}

/** The key of an entry is as good as new. */
export function removeKey(item: usize, entry: usize): void {
  store<u32>(item, 0);
  store<u32>(item, hashOf(entry), 8);
  store<u32>(item, keyLengthOf(entry), 12);
  removeEntry(entry);
}

/** Makes an entry of a new key. */
export function addKey(item: usize, state: usize): usize {
  const row: usize = load<u32>(item, 4);
  const length = load<u32>(item, 12);
  const entry = addEntry(load<u32>(item, 8), length, state);
  if (entry == 0) return 0;
  if (byEntries) copyWords(entry + ENTRY_HEADER, row + 8, align8(length));
  else if (shape == SHAPE_FIXED) store<u64>(entry + ENTRY_HEADER, load<u64>(row + firstSlot));
  else writeKey(row, entry + ENTRY_HEADER, length);
  return entry;
}

/** Places for new keys: at least twice as many as rows, a power of two. */
export function newPlaces(rows: u32): u32 {
  return <u32>1 << (32 - clz<u32>(max<u32>(rows, 8)) + 1);
}

/** Two keys, each with room behind it for reading on. */
// @ts-ignore: decorator
@inline
export function keyRoom(length: u32): u32 {
  return 2 * (align8(length) + 16);
}
