/**
 * `resolve` for keys that come as bytes, in entries of the snapshots' layout. The ordinal goes into the header's 4th word:
 *
 *     0 u32 hash · 4 u32 key length · 8 u32 state length · 12 u32 ordinal · 16 key, padded with zeros to 8 · state
 */
import { align8 } from '../../../abi/kernel/assembly/copy';
import { BAD_ROW, KEY_TOO_LARGE } from '../../../abi/kernel/assembly/key';
import { hashOf } from './entry';
import { KEY_COUNT, OUT_BYTES } from './areas';
import { resolveNew } from './new-keys';
import { beginBatch, handOutStates, numberKey } from './resolve';
import { find } from './slots';
import { keyBytesMax } from './snapshot';

/** Where an entry's ordinal stands, less the 4 by which a row's tag does. */
const ORDINAL_ROW: u32 = 8;

let at: usize = 0;
let end: usize = 0;

/** Resolves the entries that were written to `prepareRows`. 0, `FULL`, or an error. */
export function resolveEntries(bytes: u32, entries: u32): i32 {
  at = beginBatch(entries, true);
  end = at + bytes;
  return resumeEntries();
}

export function resumeEntries(): i32 {
  store<u64>(OUT_BYTES, 0);
  while (true) {
    const full = handOutStates();
    if (full != 0 || at == end) return full;
    const left = <u32>(end - at);
    if (left < 16) return BAD_ROW;
    const length = load<u32>(at, 4);
    if (length > keyBytesMax) return KEY_TOO_LARGE;
    const bytes = <u64>16 + align8(length) + load<u32>(at, 8);
    if (bytes > left || (bytes & 7) != 0) return BAD_ROW;
    resolveEntry(length);
    at += <usize>bytes;
  }
}

function resolveEntry(length: u32): void {
  const hash = hashOf(at);
  const key = at + 16;
  const entry = find(hash, key, length);
  const row = at + ORDINAL_ROW;
  if (entry == 0) resolveNew(row, hash, key, length);
  else store<u32>(KEY_COUNT, numberKey(row, entry, load<u32>(KEY_COUNT)));
}
