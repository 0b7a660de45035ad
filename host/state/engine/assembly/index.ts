/**
 * The state engine: one table of keyed state in a memory of its own. Trusted: it is ours, and no user code ever sees its memory.
 * The host (`engine-state-table.ts`) writes rows to the addresses it is given, calls, and reads the answer from `RESULTS`.
 */
import { DESCRIPTOR, ensureArea, RESULTS } from './memory';
import { initGroups } from './groups';
import { EXCHANGE } from './areas';
import { forgetBatch, prepareRows } from './resolve';
import { entries, find, initSlots, reserveSlots } from './slots';
import { bytes, removeEntry, setBytesMax } from './store';
import { stateOf } from './entry';
import { setEntryLimits } from './snapshot';
import { NO_MEMORY, useDescriptor } from '../../../abi/kernel/assembly/key';

export { apply, resolve, resume } from './resolve';
export { resolveEntries, resumeEntries } from './resolve-entries';
export { beginCapture, cancelCapture, continueCapture, runsAt } from './capture';
export { restore, scan, scanEntries, setComposite } from './snapshot';
export { usedBytes } from './memory';
export { prepareRows, reserveSlots };

const EXCHANGE_BYTES: u32 = 1 << 16;
/** Reads of a key's last word may go beyond it. */
const KEY_SLACK: u32 = 16;

let keyBytesMax: u32 = 0;

/** Called once, first. 0 or an error. */
export function init(keyGroups: u32, bytesMax: f64): i32 {
  setBytesMax(bytesMax);
  initGroups(keyGroups);
  if (initSlots() < 0) return NO_MEMORY;
  return ensureArea(EXCHANGE, EXCHANGE_BYTES);
}

/** The largest key and the largest row that are taken. */
export function setLimits(key: u32, row: u32): void {
  keyBytesMax = key;
  setEntryLimits(key, row);
}

export function resultsAt(): usize {
  return RESULTS;
}

export function descriptorAt(): usize {
  return DESCRIPTOR;
}

/** Takes the key descriptor that was written to `descriptorAt()`. */
export function useKey(): void {
  useDescriptor(DESCRIPTOR, keyBytesMax);
}

/** The address of at least `size` bytes to exchange; 0 when there is no memory. */
export function exchangeAt(size: u32): usize {
  return ensureArea(EXCHANGE, size + KEY_SLACK) < 0 ? 0 : load<u32>(EXCHANGE);
}

export function entryCount(): u32 {
  return entries;
}

export function byteCount(): f64 {
  return <f64>bytes;
}

/** Removes the state of the key of `length` bytes in the exchange area, padded with zeros; 0 when there is none. */
export function remove(hash: u32, length: u32): u32 {
  const entry = find(hash, load<u32>(EXCHANGE), length);
  if (entry == 0) return 0;
  forgetBatch();
  removeEntry(entry);
  return 1;
}

/** Address of the state of the key of `length` bytes in the exchange area, padded with zeros; 0 when there is none. */
export function get(hash: u32, length: u32): usize {
  const entry = find(hash, load<u32>(EXCHANGE), length);
  return entry == 0 ? 0 : stateOf(entry);
}
