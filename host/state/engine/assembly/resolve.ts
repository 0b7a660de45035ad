/**
 * A batch as a transaction: `resolve` numbers its keys and hands out their states, `apply` stores new ones.
 *
 * R1  `resolve` changes no key and no state. Keys that are not there yet are numbered through a small table of their own, and
 *     become entries in `apply`; without one they are forgotten.
 * R2  An entry's ordinal counts only if the keys table points back at the entry, so nothing has to be cleared between batches.
 * R3  The exchange area may be full of states before all rows are through: `resolve` then stops between two states, the host
 *     takes them, and `resume` goes on.
 *
 * In a large table every key is a cache miss or two. Rows are therefore taken in blocks, and each pass over a block
 * does one independent load a row, so that the misses of many rows overlap: slots, then entries, then keys, then states.
 *
 *     block, per row:  u32 row · u32 hash · u32 entry with that hash, or 0 · u32 unused
 *     keys, per ordinal:  u32 entry, or 0 while new · u32 row that named the key first · u32 hash · u32 key length, both of new keys
 */
import { copyWords } from '../../../abi/kernel/assembly/copy';
import {
  BAD_ROW,
  firstSlot,
  hashOfKey,
  keyLength,
  NO_MEMORY,
  rowBytes,
  SHAPE_FIXED,
  SHAPE_GENERAL,
  SHAPE_TEXT,
  shape,
  writeKey,
} from '../../../abi/kernel/assembly/key';
import {
  EXCHANGE,
  KEY_COUNT,
  KEY_ROOM,
  KEYS,
  NEW_KEYS,
  OUT_BYTES,
  OUT_ROWS,
  ROWS,
} from './areas';
import { hasKey, hasNumber, hasText, ordinalOf, setOrdinal, stateOf } from './entry';
import { findEntries } from './find-entries';
import { BLOCK, BLOCK_ROWS, ensureArea } from './memory';
import { addKey, beginNewKeys, keyRoom, newPlaces, removeKey, resolveNew } from './new-keys';
import { find, moveSome } from './slots';
import { failure, setState } from './store';

/** The event time of a row, a header alone, that takes the place of a state to be removed. */
const TOMBSTONE: u64 = i64.MAX_VALUE;
/** The exchange area is full; the host takes what is in it and calls `resume`. */
export const FULL: i32 = 1;
/** A state has an ordinal that no key has. */
export const BAD_ORDINAL: i32 = -5;
/**
 * Slots that are moved while a batch comes by, at least and per row, so that growth ends even when no key is new: while it
 * lasts a key is looked for in two places. Moving a slot costs a tenth of what a row costs.
 */
const MOVED_PER_BATCH: u32 = 512;
const MOVED_PER_ROW: u32 = 4;

let at: usize = 0;
let end: usize = 0;
let rowsLeft: u32 = 0;
let rowsAreHashed: bool = false;
let blockCount: u32 = 0;
/** Keys whose states have been handed out, if they had one. */
let handedOut: u32 = 0;

/** Makes room for a batch and gives the address for its rows; 0 when there is no memory. */
export function prepareRows(bytes: u32, rows: u32): usize {
  if (ensureArea(ROWS, bytes + 64) < 0) return 0;
  // One more than there can be keys: `numberRows` writes the next one before it knows whether it is one.
  if (ensureArea(KEYS, (rows + 1) << 4) < 0) return 0;
  if (ensureArea(NEW_KEYS, newPlaces(rows) << 2) < 0) return 0;
  return load<u32>(ROWS);
}

/** Resolves the rows that were written to `prepareRows`; their tags are hashes or anything. 0, `FULL`, or an error. */
export function resolve(bytes: u32, rows: u32, hashed: bool): i32 {
  at = beginBatch(rows, false);
  end = at + bytes;
  rowsLeft = rows;
  rowsAreHashed = hashed;
  return resume();
}

/** Nothing is numbered yet. The address of the rows. */
export function beginBatch(rows: u32, ofEntries: bool): usize {
  moveSome(max<u32>(MOVED_PER_BATCH, MOVED_PER_ROW * rows));
  beginNewKeys(rows, ofEntries);
  handedOut = 0;
  store<u32>(KEY_COUNT, 0);
  return load<u32>(ROWS);
}

export function resume(): i32 {
  store<u64>(OUT_BYTES, 0);
  while (true) {
    const full = handOutStates();
    if (full != 0) return full;
    if (rowsLeft == 0) return at == end ? 0 : BAD_ROW;
    const taken = rowsAreHashed ? takeBlock() : hashBlock();
    if (taken != 0) return taken;
    findEntries(BLOCK + (<usize>blockCount << 4));
    const numbered = numberRows();
    if (numbered != 0) return numbered;
  }
}

/** Stores the states in the exchange area. 0 or an error; what was stored before the error stays. */
export function apply(bytes: u32, rows: u32): i32 {
  const keys: usize = load<u32>(KEYS);
  const keyCount = load<u32>(KEY_COUNT);
  let row: usize = load<u32>(EXCHANGE);
  const last = row + bytes;
  for (; rows > 0; rows--) {
    if (last - row < 16) return BAD_ROW;
    const length = load<u32>(row);
    if (length < 16 || length > <u32>(last - row) || (length & 7) != 0) return BAD_ROW;
    const ordinal = load<u32>(row, 4);
    if (ordinal >= keyCount) return BAD_ORDINAL;
    const key: usize = keys + (<usize>ordinal << 4);
    const entry: usize = load<u32>(key);
    if (length == 16 && load<u64>(row, 8) == TOMBSTONE) {
      if (entry != 0) removeKey(key, entry);
      row += length;
      continue;
    }
    const stored = entry != 0 ? setState(entry, row) : addKey(key, row);
    if (stored == 0) return failure;
    if (stored != entry) store<u32>(key, <u32>stored);
    row += length;
  }
  return row == last ? 0 : BAD_ROW;
}

/** Fills the block with rows whose tags are hashes. 0 or an error. */
function takeBlock(): i32 {
  const blockEnd = nextBlock();
  let row = at;
  for (let item = BLOCK; item < blockEnd; item += 16) {
    const length = rowBytes(row, end);
    if (length == 0) return BAD_ROW;
    store<u64>(item, row | (<u64>load<u32>(row, 4) << 32));
    row += length;
  }
  at = row;
  return 0;
}

/** Fills the block with rows whose tags are anything: hashes their keys. 0 or an error. */
function hashBlock(): i32 {
  const blockEnd = nextBlock();
  let row = at;
  for (let item = BLOCK; item < blockEnd; item += 16) {
    const length = rowBytes(row, end);
    if (length == 0) return BAD_ROW;
    const key = keyLength(row);
    if (key < 0) return key;
    if (shape == SHAPE_GENERAL && ensureArea(KEY_ROOM, keyRoom(key)) < 0) return NO_MEMORY;
    const hash = hashOfKey(row, key, load<u32>(KEY_ROOM));
    store<u64>(item, row | (<u64>hash << 32));
    row += length;
  }
  at = row;
  return 0;
}

/** Makes the next rows the block's. Returns the end of their items. */
// @ts-ignore: decorator
@inline
function nextBlock(): usize {
  blockCount = min<u32>(rowsLeft, BLOCK_ROWS);
  rowsLeft -= blockCount;
  return BLOCK + (<usize>blockCount << 4);
}

/** Writes into each row of the block the ordinal of its key. 0 or an error. */
function numberRows(): i32 {
  const blockEnd = BLOCK + (<usize>blockCount << 4);
  let keyCount = load<u32>(KEY_COUNT);
  for (let item = BLOCK; item < blockEnd; item += 16) {
    const row: usize = load<u32>(item);
    const entry: usize = load<u32>(item, 8);
    // The common case, without writing the key out: a single field, and the first entry with its hash is the one.
    if (entry != 0 && holdsField(entry, row)) {
      keyCount = numberKey(row, entry, keyCount);
      continue;
    }
    store<u32>(KEY_COUNT, keyCount);
    const status = resolveKey(row, load<u32>(item, 4), entry);
    if (status != 0) return status;
    keyCount = load<u32>(KEY_COUNT);
  }
  store<u32>(KEY_COUNT, keyCount);
  return 0;
}

/** Whether the entry has the key of the row, which is one field that is never null; false for keys of other shapes. */
// @ts-ignore: decorator
@inline
function holdsField(entry: usize, row: usize): bool {
  const slot = row + firstSlot;
  if (shape == SHAPE_TEXT) return hasText(entry, row, slot);
  return shape == SHAPE_FIXED && hasNumber(entry, load<u64>(slot));
}

/** `entry` is the first one with this hash, or 0 when there is none. 0 or an error. */
function resolveKey(row: usize, hash: u32, entry: usize): i32 {
  let key = row + firstSlot;
  let length: i32 = 8;
  if (shape != SHAPE_FIXED) {
    length = keyLength(row);
    if (length < 0) return length;
    if (ensureArea(KEY_ROOM, keyRoom(length)) < 0) return NO_MEMORY;
    key = load<u32>(KEY_ROOM);
    writeKey(row, key, length);
  }
  if (entry != 0 && !hasKey(entry, key, length)) entry = find(hash, key, length);
  if (entry == 0) resolveNew(row, hash, key, length);
  else store<u32>(KEY_COUNT, numberKey(row, entry, load<u32>(KEY_COUNT)));
  return 0;
}

/**
 * Writes the ordinal of a key with an entry into its row; returns how many keys there are then. Whether the entry was numbered in this
 * batch (R2) is anybody's guess, so it is computed and not branched on, and what the next key would get is written in any case.
 */
// @ts-ignore: decorator
@inline
export function numberKey(row: usize, entry: usize, keyCount: u32): u32 {
  const keys: usize = load<u32>(KEYS);
  const before = ordinalOf(entry);
  const isLow = <u32>(before < keyCount);
  const place = select<u32>(before, keyCount, isLow);
  const isKnown = isLow & <u32>(load<u32>(keys + (<usize>place << 4)) == <u32>entry);
  const ordinal = select<u32>(before, keyCount, isKnown);
  store<u64>(keys + (<usize>keyCount << 4), <u64>entry | (<u64>row << 32));
  setOrdinal(entry, ordinal);
  store<u32>(row, ordinal, 4);
  return keyCount + (isKnown ^ 1);
}

/** Appends the states of the keys that were numbered last to the exchange area; `FULL` when they do not all fit. */
export function handOutStates(): i32 {
  const keys: usize = load<u32>(KEYS);
  const keyCount = load<u32>(KEY_COUNT);
  for (; handedOut < keyCount; handedOut++) {
    const entry: usize = load<u32>(keys + (<usize>handedOut << 4));
    if (entry == 0) continue;
    const status = handOut(entry, handedOut);
    if (status != 0) return status;
  }
  return 0;
}

/** Appends an entry's state to the exchange area; `FULL` when it does not fit. */
// @ts-ignore: decorator
@inline
function handOut(entry: usize, ordinal: u32): i32 {
  const state = stateOf(entry);
  const bytes = load<u32>(state);
  const used = load<u32>(OUT_BYTES);
  if (bytes > load<u32>(EXCHANGE + 4) - used) {
    if (used != 0) return FULL;
    if (ensureArea(EXCHANGE, bytes) < 0) return NO_MEMORY;
  }
  const to = load<u32>(EXCHANGE) + used;
  copyWords(to, state, bytes);
  store<u32>(to, ordinal, 4);
  store<u32>(OUT_BYTES, used + bytes);
  store<u32>(OUT_ROWS, load<u32>(OUT_ROWS) + 1);
  return 0;
}

/** No key has an ordinal any more. */
export function forgetBatch(): void {
  store<u32>(KEY_COUNT, 0);
}

