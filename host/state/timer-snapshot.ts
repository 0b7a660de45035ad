/** Reading snapshots of timers. They come from storage, so nothing in them is believed. */
import { align8 } from '../abi/layout.ts';
import { type KeyGroupRange, keyGroupOf } from '../model/key-group.ts';
import { badEntry, corrupt, ENTRY_HEADER_BYTES, piecesIn } from './keyed-snapshot.ts';
import type { KeyedSnapshot, KeyGroupPiece } from './state-table.ts';
import { SET_TIMER, timerEntryBytes, timerTimeAt } from './timer-entry.ts';

/** The entries of each group in `range`, checked: whole, of that group, as many as promised. Throws `CHECKPOINT_CORRUPT`. */
export function* timersOf(
  snapshot: KeyedSnapshot,
  range: KeyGroupRange,
  keyGroups: number,
): Generator<Uint8Array> {
  for (const piece of piecesIn(snapshot, range, keyGroups)) {
    checkPiece(snapshot.bytes, piece, keyGroups);
    yield snapshot.bytes.subarray(piece.offset, piece.offset + piece.length);
  }
}

function checkPiece(bytes: Uint8Array, piece: KeyGroupPiece, keyGroups: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = piece.offset + piece.length;
  let entries = 0;
  for (let at = piece.offset; at < end; entries++) {
    const keyBytes = timerTimeAt(view, at, end) === undefined ? -1 : view.getUint32(at + 4, true);
    if (keyBytes < 0 || view.getUint32(at + 12, true) !== SET_TIMER) throw badEntry(piece, at);
    if (keyGroupOf(view.getUint32(at, true), keyGroups) !== piece.group) throw badEntry(piece, at);
    for (let i = keyBytes; i < align8(keyBytes); i++) {
      if (bytes[at + ENTRY_HEADER_BYTES + i] !== 0) throw badEntry(piece, at);
    }
    at += timerEntryBytes(keyBytes);
  }
  if (entries === piece.entries) return;
  throw corrupt(
    `key group ${piece.group} of a snapshot holds ${entries} timers, not ${piece.entries}`,
  );
}
