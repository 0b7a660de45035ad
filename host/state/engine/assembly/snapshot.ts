/** Reading snapshots back, and scans. As in `resolve.ts` the slots of a block are touched first, so that misses overlap. */
import { align8, copyWords } from '../../../abi/kernel/assembly/copy';
import { NO_MEMORY } from '../../../abi/kernel/assembly/key';
import { hashPadded } from '../../../abi/kernel/assembly/hash';
import { ENTRY_HEADER, hashOf, keyLengthOf, stateOf } from './entry';
import { groupOf } from './groups';
import { ensureArea, GRAVE } from './memory';
import { writeSnapshotEntry } from './capture';
import { EXCHANGE, OUT_BYTES, OUT_ROWS } from './areas';
import { find, homeOf, mask, moveAll, slots } from './slots';
import { addEntry, failure, removeEntry, setState, snapshotBytes } from './store';

/** An entry of a snapshot breaks the format, or is not of this group. */
const CORRUPT: i32 = -6;
/** A key is there already. */
const TWICE: i32 = -7;
const ROW_BYTES_MIN: u32 = 16;
const TOUCHED_AHEAD: u32 = 64;

let touched: u32 = 0;

/**
 * Adds the entries of one group that stand in the exchange area. Gives the bytes of the whole entries taken, which are fewer
 * when the last one is not all there (`OUT_BYTES` is then what it needs), or an error. `OUT_ROWS` counts the entries.
 * `changes`: entries may be there already, and one without a state removes its key.
 */
export function restore(bytes: u32, group: u32, changes: bool): i32 {
  const from: usize = load<u32>(EXCHANGE);
  const end = from + bytes;
  let at = from;
  let touchedTo = from;
  store<u32>(OUT_ROWS, 0);
  while (at < end) {
    if (at >= touchedTo) touchedTo = touchSlots(at, end);
    const left = <u32>(end - at);
    store<u32>(OUT_BYTES, 16);
    if (left < 16) break;
    const keyLength = load<u32>(at, 4);
    const state = load<u32>(at, 8);
    if (!isEntryHeader(at, group, changes)) return CORRUPT;
    const needed = snapshotBytes(keyLength, state);
    store<u32>(OUT_BYTES, needed);
    if (left < needed) break;
    const added = restoreEntry(at, keyLength, changes);
    if (added < 0) return added;
    store<u32>(OUT_ROWS, load<u32>(OUT_ROWS) + 1);
    at += needed;
  }
  return <i32>(at - from);
}

/**
 * Touches the slots of the next entries and returns where it stopped, behind `at`. Lengths are not checked yet: a wrong
 * one makes it look at the wrong words of the area, or stop early.
 */
function touchSlots(at: usize, end: usize): usize {
  let sum: u32 = 0;
  let next = <u64>at;
  for (let i: u32 = 0; i < TOUCHED_AHEAD && next + 16 <= end; i++) {
    const entry = <usize>next;
    sum += load<u32>(slots + (<usize>homeOf(hashOf(entry)) << 3));
    next += 16 + ((<u64>load<u32>(entry, 4) + 7) & ~7) + load<u32>(entry, 8);
  }
  touched = sum;
  return <usize>min<u64>(max<u64>(next, <u64>at + 1), end);
}

export let keyBytesMax: u32 = 0;
let rowBytesMax: u32 = 0;
/** Hashes are not those of the whole keys, see `StateTableOptions`. */
let composite: bool = false;

export function setEntryLimits(key: u32, row: u32): void {
  keyBytesMax = key;
  rowBytesMax = row;
}

export function setComposite(): void {
  composite = true;
}

/**
 * Copies states of the groups from `start` to before `end` to the exchange area, until it is full or `bytesMax` are in; begins at
 * slot `cursor`. Gives the slot to go on with, or -1 at the end; `OUT_BYTES` and `OUT_ROWS` say what was copied.
 */
export function scan(start: u32, end: u32, cursor: u32, bytesMax: u32): i32 {
  whole = false;
  return scanOn(start, end, cursor, bytesMax);
}

/** As `scan`, with entries as in a snapshot in place of states. */
export function scanEntries(start: u32, end: u32, cursor: u32, bytesMax: u32): i32 {
  whole = true;
  return scanOn(start, end, cursor, bytesMax);
}

/** Whether the scan in flight copies entries. */
let whole: bool = false;

function scanOn(start: u32, end: u32, cursor: u32, bytesMax: u32): i32 {
  moveAll();
  const out: usize = load<u32>(EXCHANGE);
  const room = load<u32>(EXCHANGE + 4);
  let used: u32 = 0;
  let rows: u32 = 0;
  let index = cursor;
  for (; index <= mask && (used < bytesMax || used == 0); index++) {
    const slot = slots + (<usize>index << 3);
    const entry: usize = load<u32>(slot, 4);
    if (entry == 0 || entry == GRAVE) continue;
    const group = groupOf(load<u32>(slot));
    if (group < start || group >= end) continue;
    const state = stateOf(entry);
    const stateBytes = load<u32>(state);
    const bytes = whole ? snapshotBytes(keyLengthOf(entry), stateBytes) : stateBytes;
    if (bytes > room - used) {
      if (used != 0) break;
      return ensureArea(EXCHANGE, bytes) < 0 ? NO_MEMORY : scanOn(start, end, index, bytesMax);
    }
    if (whole) writeSnapshotEntry(out + used, entry, stateBytes);
    else copyWords(out + used, state, bytes);
    used += bytes;
    rows++;
  }
  store<u32>(OUT_BYTES, used);
  store<u32>(OUT_ROWS, rows);
  return index > mask ? -1 : <i32>index;
}

function isEntryHeader(at: usize, group: u32, changes: bool): bool {
  const keyLength = load<u32>(at, 4);
  const state = load<u32>(at, 8);
  return (
    keyLength <= keyBytesMax &&
    (state >= ROW_BYTES_MIN || (changes && state == 0)) &&
    state <= rowBytesMax &&
    (state & 7) == 0 &&
    load<u32>(at, 12) == 0 &&
    groupOf(load<u32>(at)) == group
  );
}

function restoreEntry(at: usize, keyLength: u32, changes: bool): i32 {
  const hash = load<u32>(at);
  const key = at + 16;
  const state = load<u32>(at, 8);
  const row = key + align8(keyLength);
  if (state != 0 && (load<u32>(row) != state || load<u32>(row, 4) != 0)) return CORRUPT;
  if (!isPadded(key, keyLength)) return CORRUPT;
  if (!composite && hashPadded(key, keyLength) != hash) return CORRUPT;
  const known = find(hash, key, keyLength);
  if (state == 0) {
    if (known != 0) removeEntry(known);
    return 0;
  }
  if (known != 0) {
    if (!changes) return TWICE;
    return setState(known, row) == 0 ? failure : 0;
  }
  const entry = addEntry(hash, keyLength, row);
  if (entry == 0) return failure;
  copyWords(entry + ENTRY_HEADER, key, align8(keyLength));
  return 0;
}

/** Whether the bytes between a key and the next multiple of 8 are zeros. */
function isPadded(key: usize, length: u32): bool {
  const rest = length & 7;
  if (rest == 0) return true;
  return load<u64>(key + (length & ~7)) >> (<u64>rest << 3) == 0;
}
