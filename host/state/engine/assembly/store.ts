/**
 * Storing states: where entries come to be, grow, shrink and move.
 *
 * `bytes` is what keys and states take themselves; the limit is on that, so that it means the same whatever the table is made of.
 */
import { align8 } from '../../../abi/kernel/assembly/copy';
import { NO_MEMORY } from '../../../abi/kernel/assembly/key';
import { allocate, classBytes, classOf, free } from './arena';
import {
  bornOf,
  ENTRY_HEADER,
  hashOf,
  indexOf,
  keyLengthOf,
  ordinalOf,
  setBorn,
  setIndex,
  setOrdinal,
  setStamp,
  sizeClassOf,
  stampOf,
  stateOf,
  writeHeader,
  writeState,
} from './entry';
import { epoch, note, noteMove, noteRemoval, touch } from './changes';
import { insert, replace, unlink } from './slots';

/** Keys and states have more bytes than the limit. */
export const OVER_LIMIT: i32 = -4;

export let bytes: u64 = 0;
let bytesMax: u64 = u64.MAX_VALUE;

export function setBytesMax(limit: f64): void {
  bytesMax = <u64>limit;
}

/** Bytes of an entry in a snapshot. */
// @ts-ignore: decorator
@inline
export function snapshotBytes(keyLength: u32, state: u32): u32 {
  return 16 + align8(keyLength) + state;
}

/**
 * Adds an entry with the state row `row`; its key, padded to 8, is for the caller to write behind the header. The slots must
 * not be read before that. 0 in place of an address: see `failure`.
 */
export function addEntry(hash: u32, keyLength: u32, row: usize): usize {
  const state = load<u32>(row);
  if (bytes + keyLength + state > bytesMax) return fail(OVER_LIMIT);
  const sizeClass = classOf(ENTRY_HEADER + align8(keyLength) + state);
  const entry = allocate(sizeClass);
  if (entry == 0) return fail(NO_MEMORY);
  writeHeader(entry, hash, keyLength, sizeClass);
  writeState(entry, row, state);
  const inserted = insert(hash, entry);
  if (inserted < 0) {
    free(entry, sizeClass);
    return fail(inserted);
  }
  bytes += keyLength + state;
  setBorn(entry, epoch);
  note(entry);
  return entry;
}

/** Gives an entry another state. Its address: the same, or another one when the state did not fit; 0: see `failure`. */
// @ts-ignore: decorator
@inline
export function setState(entry: usize, row: usize): usize {
  const state = load<u32>(row);
  if (state == load<u32>(stateOf(entry))) {
    if (stampOf(entry) != epoch) touch(entry);
    writeState(entry, row, state);
    return entry;
  }
  return resizeState(entry, row, state);
}

/** Takes an entry and its state out. Its block is free then. */
export function removeEntry(entry: usize): void {
  const hash = hashOf(entry);
  const keyLength = keyLengthOf(entry);
  const state = load<u32>(stateOf(entry));
  noteRemoval(entry);
  unlink(hash, entry);
  bytes -= keyLength + state;
  free(entry, sizeClassOf(entry));
}

/** Why the last call that gave 0 did. */
export let failure: i32 = 0;

function fail(reason: i32): usize {
  failure = reason;
  return 0;
}

function resizeState(entry: usize, row: usize, state: u32): usize {
  const before = load<u32>(stateOf(entry));
  if (bytes - before + state > bytesMax) return fail(OVER_LIMIT);
  if (stampOf(entry) != epoch) touch(entry);
  const keyRoom = align8(keyLengthOf(entry));
  const needed = ENTRY_HEADER + keyRoom + state;
  const room = classBytes(sizeClassOf(entry));
  let at = entry;
  if (needed > room) {
    // A state that grew once grows again: a quarter of room to spare, so that moving stays rare.
    at = move(entry, classOf(needed + (needed >> 2)));
  } else if (needed < room >> 1 && room > 64) {
    at = move(entry, classOf(needed));
  }
  if (at == 0) return fail(NO_MEMORY);
  writeState(at, row, state);
  bytes += <u64>state - before;
  return at;
}

function move(entry: usize, sizeClass: u32): usize {
  const to = allocate(sizeClass);
  if (to == 0) return 0;
  const keyLength = keyLengthOf(entry);
  writeHeader(to, hashOf(entry), keyLength, sizeClass);
  setOrdinal(to, ordinalOf(entry));
  setStamp(to, stampOf(entry));
  setIndex(to, indexOf(entry));
  setBorn(to, bornOf(entry));
  noteMove(to);
  memory.copy(to + ENTRY_HEADER, entry + ENTRY_HEADER, align8(keyLength));
  replace(hashOf(entry), entry, to);
  free(entry, sizeClassOf(entry));
  return to;
}
