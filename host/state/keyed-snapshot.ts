import { hashKey } from '../abi/key-hash.ts';
import { align8, ROW_HEADER_BYTES, ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../abi/layout.ts';
import { MillraceError } from '../errors.ts';
import { KEY_BYTES_MAX, ROW_BYTES_MAX } from '../limits.ts';
import { type KeyGroupRange, keyGroupOf } from '../model/key-group.ts';
import type { KeyedSnapshot, KeyGroupPiece, StateTableOptions } from './state-table.ts';

/**
 * Reading keyed snapshots. They come from storage, so nothing in them is believed: a piece must lie inside the bytes, an
 * entry inside its piece, its hash must be the hash of its key (unless keys are composite), and its group the piece's.
 *
 *     u32 hash · u32 key length · u32 state length · u32 0 · key, padded to 8 · state row (tag 0)
 *
 * Only a snapshot of changes may hold an entry without a state, of length 0.
 */
export const ENTRY_HEADER_BYTES = 16;
/** The shortest entry: an empty key and a row without fields. */
export const ENTRY_BYTES_MIN = ENTRY_HEADER_BYTES + ROW_HEADER_BYTES;

export interface SnapshotEntry {
  readonly hash: number;
  /** Views of the snapshot. */
  readonly key: Uint8Array;
  /** Undefined in a snapshot of changes: the key was removed. */
  readonly state: Uint8Array | undefined;
}

export function corrupt(message: string): MillraceError {
  return new MillraceError('CHECKPOINT_CORRUPT', message, {
    hint: 'restore an older checkpoint or a savepoint; check the disk this one was read from',
  });
}

/** The pieces of a snapshot whose groups are in `range`, each checked against the bytes. Throws `CHECKPOINT_CORRUPT`. */
export function piecesIn(
  snapshot: KeyedSnapshot,
  range: KeyGroupRange,
  keyGroups: number,
): KeyGroupPiece[] {
  let last = -1;
  for (const piece of snapshot.groups) {
    checkPiece(piece, snapshot, keyGroups);
    if (piece.group <= last)
      throw corrupt(`key group ${piece.group} of a snapshot is out of order`);
    last = piece.group;
  }
  return snapshot.groups.filter(({ group }) => group >= range.start && group < range.end);
}

function checkPiece(piece: KeyGroupPiece, snapshot: KeyedSnapshot, keyGroups: number): void {
  const { group, offset, length, entries } = piece;
  const bytes = snapshot.bytes.length;
  const whole = [group, offset, length, entries].every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!whole || group >= keyGroups) {
    throw corrupt(`a snapshot names key group ${group}, the job has ${keyGroups}`);
  }
  if (offset % 8 !== 0 || length % 8 !== 0 || offset + length > bytes) {
    throw corrupt(`key group ${group} of a snapshot reaches behind its ${bytes} bytes`);
  }
  if (entries * entryBytesMin(snapshot) > length) {
    throw corrupt(`key group ${group} of a snapshot is too short for ${entries} entries`);
  }
}

function entryBytesMin({ changes }: KeyedSnapshot): number {
  return changes === true ? ENTRY_HEADER_BYTES : ENTRY_BYTES_MIN;
}

/** The entries of one piece, each checked. Throws `CHECKPOINT_CORRUPT`. */
export function* entriesOf(
  snapshot: KeyedSnapshot,
  piece: KeyGroupPiece,
  options: Pick<StateTableOptions, 'keyGroups' | 'composite'>,
): Generator<SnapshotEntry> {
  const end = piece.offset + piece.length;
  let at = piece.offset;
  let entries = 0;
  while (at < end) {
    const entry = entryAt(snapshot, at, end);
    if (keyGroupOf(entry.hash, options.keyGroups) !== piece.group) throw badEntry(piece, at);
    if (options.composite !== true && hashKey(entry.key) !== entry.hash) throw badEntry(piece, at);
    yield entry;
    entries++;
    at += ENTRY_HEADER_BYTES + align8(entry.key.length) + (entry.state?.length ?? 0);
  }
  if (entries !== piece.entries) {
    throw corrupt(
      `key group ${piece.group} of a snapshot holds ${entries} entries, not ${piece.entries}`,
    );
  }
}

/** The error for an entry that breaks the format, told by where it stands. */
export function badEntry(piece: KeyGroupPiece, at: number): MillraceError {
  return corrupt(
    `the entry at byte ${at} of key group ${piece.group} of a snapshot cannot be read`,
  );
}

function entryAt(snapshot: KeyedSnapshot, at: number, end: number): SnapshotEntry {
  const { bytes } = snapshot;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const unreadable = () => corrupt(`the entry at byte ${at} of a snapshot cannot be read`);
  if (end - at < entryBytesMin(snapshot)) throw unreadable();
  const hash = view.getUint32(at, true);
  const keyBytes = view.getUint32(at + 4, true);
  const stateBytes = view.getUint32(at + 8, true);
  const state = at + ENTRY_HEADER_BYTES + align8(keyBytes);
  const removed = snapshot.changes === true && stateBytes === 0;
  const sizes =
    keyBytes <= KEY_BYTES_MAX &&
    (stateBytes >= ROW_HEADER_BYTES || removed) &&
    stateBytes <= ROW_BYTES_MAX &&
    stateBytes % 8 === 0;
  if (!sizes || view.getUint32(at + 12, true) !== 0 || state + stateBytes > end) throw unreadable();
  const row =
    removed ||
    (view.getUint32(state + ROW_LENGTH_OFFSET, true) === stateBytes &&
      view.getUint32(state + ROW_TAG_OFFSET, true) === 0);
  const padding = bytes.subarray(at + ENTRY_HEADER_BYTES + keyBytes, state);
  if (!row || padding.some((byte) => byte !== 0)) throw unreadable();
  return {
    hash,
    key: bytes.subarray(at + ENTRY_HEADER_BYTES, at + ENTRY_HEADER_BYTES + keyBytes),
    state: removed ? undefined : bytes.subarray(state, state + stateBytes),
  };
}
