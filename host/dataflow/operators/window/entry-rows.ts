/** Reading entries of keyed state (`StateTable.scanEntries`) as rows of their states. */
import type { BatchBuilder } from '../../../abi/batch-builder.ts';
import { align8, ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import type { Batch } from '../../../model/batch.ts';
import { ENTRY_HEADER_BYTES } from '../../../state/keyed-snapshot.ts';

const KEY_LENGTH_OFFSET = 4;
const STATE_LENGTH_OFFSET = 8;
const ORDINAL_OFFSET = 12;

/** Appends the states of entries, in their order. */
export function appendStates(entries: Batch, out: BatchBuilder): void {
  const view = viewOf(entries.bytes);
  for (let at = 0; at < entries.bytes.length; ) {
    const state = at + ENTRY_HEADER_BYTES + align8(view.getUint32(at + KEY_LENGTH_OFFSET, true));
    const length = view.getUint32(at + STATE_LENGTH_OFFSET, true);
    const to = out.reserve(length);
    out.bytes.set(entries.bytes.subarray(state, state + length), to);
    out.commit(length, 1);
    at = state + length;
  }
}

/** Copies the ordinals that `resolveEntries` wrote into entries to the tags of the rows that stand for them. */
export function tagByEntries(rows: Batch, entries: Batch): void {
  const view = viewOf(rows.bytes);
  const headers = viewOf(entries.bytes);
  let entry = 0;
  for (let row = 0; row < rows.bytes.length; ) {
    view.setUint32(row + ROW_TAG_OFFSET, headers.getUint32(entry + ORDINAL_OFFSET, true), true);
    row += view.getUint32(row + ROW_LENGTH_OFFSET, true);
    entry = entryEnd(headers, entry);
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
