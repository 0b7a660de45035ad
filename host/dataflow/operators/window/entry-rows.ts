/** Reading entries of keyed state (`StateTable.scanEntries`) as rows of their states. */
import type { BatchBuilder } from '../../../abi/batch-builder.ts';
import { align8, ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import type { Batch } from '../../../model/batch.ts';
import { ENTRY_HEADER_BYTES } from '../../../state/keyed-snapshot.ts';

const KEY_LENGTH_OFFSET = 4;
const STATE_LENGTH_OFFSET = 8;
const ORDINAL_OFFSET = 12;

/** States up to this many bytes are copied word by word, which takes less than a call. */
const COPIED_BYTES_MAX = 256;

/** Appends the states of entries, in their order. */
export function appendStates({ bytes, count }: Batch, out: BatchBuilder): void {
  // All of it at once: the words below are of memory that does not move.
  const first = out.reserve(bytes.length);
  const source = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const target = new Int32Array(out.bytes.buffer, out.bytes.byteOffset, out.bytes.length >> 2);
  let to = first;
  for (let at = 0; at < bytes.length; ) {
    const state = at + ENTRY_HEADER_BYTES + align8(source[(at + KEY_LENGTH_OFFSET) >> 2]);
    const length = source[(at + STATE_LENGTH_OFFSET) >> 2];
    if (length > COPIED_BYTES_MAX) out.bytes.set(bytes.subarray(state, state + length), to);
    else {
      const end = (state + length) >> 2;
      for (let from = state >> 2, word = to >> 2; from < end; from++, word++) {
        target[word] = source[from];
      }
    }
    to += length;
    at = state + length;
  }
  out.commit(to - first, count);
}

/** Copies the ordinals that `resolveEntries` wrote into entries to the tags of the rows that stand for them. */
export function tagByEntries(rows: Batch, entries: Batch): void {
  const words = wordsOf(rows.bytes);
  const headers = wordsOf(entries.bytes);
  let entry = 0;
  for (let row = 0; row < words.length; ) {
    words[row + (ROW_TAG_OFFSET >> 2)] = headers[entry + (ORDINAL_OFFSET >> 2)];
    row += words[row + (ROW_LENGTH_OFFSET >> 2)] >> 2;
    const key = align8(headers[entry + (KEY_LENGTH_OFFSET >> 2)]);
    const state = headers[entry + (STATE_LENGTH_OFFSET >> 2)];
    entry += (ENTRY_HEADER_BYTES + key + state) >> 2;
  }
}

/** The `count` entries from the one whose state is at byte `from` of all states, one after the other. */
export function entriesBehind(entries: Batch, from: number, count: number): Batch {
  if (count === entries.count) return entries;
  const headers = viewOf(entries.bytes);
  let start = 0;
  for (let states = 0; states < from; start = entryEnd(headers, start)) {
    states += headers.getUint32(start + STATE_LENGTH_OFFSET, true);
  }
  let end = start;
  for (let i = 0; i < count; i++) end = entryEnd(headers, end);
  return { bytes: entries.bytes.subarray(start, end), count };
}

function entryEnd(headers: DataView, at: number): number {
  const key = align8(headers.getUint32(at + KEY_LENGTH_OFFSET, true));
  return at + ENTRY_HEADER_BYTES + key + headers.getUint32(at + STATE_LENGTH_OFFSET, true);
}

/** Batches begin at whole words. */
function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A key of an entry, copied, and an entry of its own. */
export interface EntryKey {
  readonly hash: number;
  readonly key: Uint8Array;
  readonly entry: Batch;
}

/** The keys of entries, in order. */
export function entryKeys(entries: Batch): EntryKey[] {
  const view = viewOf(entries.bytes);
  const keys: EntryKey[] = [];
  for (let at = 0; at < entries.bytes.length; ) {
    const end = entryEnd(view, at);
    const start = at + ENTRY_HEADER_BYTES;
    keys.push({
      hash: view.getUint32(at, true),
      key: entries.bytes.slice(start, start + view.getUint32(at + KEY_LENGTH_OFFSET, true)),
      entry: { bytes: entries.bytes.slice(at, end), count: 1 },
    });
    at = end;
  }
  return keys;
}

/** Appends those of `entries` whose key has a state, with it in place of their own; `states` are as `resolveEntries` found them. */
export function appendEntriesWith(entries: Batch, states: BatchBuilder, out: BatchBuilder): void {
  const found = new Map<number, Uint8Array>();
  for (let at = 0; at < states.length; ) {
    const end = at + states.view.getUint32(at + ROW_LENGTH_OFFSET, true);
    found.set(states.view.getUint32(at + ROW_TAG_OFFSET, true), states.bytes.subarray(at, end));
    at = end;
  }
  const view = viewOf(entries.bytes);
  for (let at = 0; at < entries.bytes.length; at = entryEnd(view, at)) {
    const ordinal = view.getUint32(at + ORDINAL_OFFSET, true);
    const state = found.get(ordinal);
    if (state === undefined) continue;
    // A key with two entries is one.
    found.delete(ordinal);
    const keyEnd = at + ENTRY_HEADER_BYTES + align8(view.getUint32(at + KEY_LENGTH_OFFSET, true));
    const to = out.reserve(keyEnd - at + state.length);
    out.bytes.set(entries.bytes.subarray(at, keyEnd), to);
    out.bytes.set(state, to + keyEnd - at);
    out.view.setUint32(to + STATE_LENGTH_OFFSET, state.length, true);
    out.view.setUint32(to + ORDINAL_OFFSET, 0, true);
    out.view.setUint32(to + keyEnd - at + ROW_TAG_OFFSET, 0, true);
    out.commit(keyEnd - at + state.length, 1);
  }
}
