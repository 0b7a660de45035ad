/**
 * A stored entry of a map state. The entries of one map are a ring through a node without an entry, so that they can be walked in
 * the order in which they were made, and removed one by one; a link is the other's map key, null stands for the ring's head.
 *
 *     composite key   key bytes · 0              the head
 *                     key bytes · 1 · map key    an entry
 *     row             entry: optional<Entry> · at: timestamp · previous: optional<bytes> · next: optional<bytes>
 */
import type { BatchBuilder } from '../../../abi/batch-builder.ts';
import {
  align8,
  fixedBytes,
  NO_TIME_HIGH,
  nullsOffset,
  ROW_LENGTH_OFFSET,
  ROW_TAG_OFFSET,
  ROW_TIME_OFFSET,
  slotOffset,
} from '../../../abi/layout.ts';
import type { RecordSchema } from '../../../model/schema.ts';
import { readTime, writeTime } from '../../../state/timer-entry.ts';

export interface MapNode {
  /** A row of the map's entry record; undefined in the head. */
  entry: Uint8Array | undefined;
  /** When it was last written, ms. */
  atMs: number;
  previous: Uint8Array | undefined;
  next: Uint8Array | undefined;
}

const [ENTRY, AT, PREVIOUS, NEXT] = [0, 1, 2, 3];

/** The record of stored nodes. */
export function nodeRecord(entry: RecordSchema): RecordSchema {
  const bytes = { kind: 'optional', of: { kind: 'bytes' } } as const;
  return {
    name: 'Node',
    fields: [
      { name: 'entry', type: { kind: 'optional', of: { kind: 'record', record: entry } } },
      { name: 'at', type: { kind: 'timestamp' } },
      { name: 'previous', type: bytes },
      { name: 'next', type: bytes },
    ],
  };
}

const SHAPE = nodeRecord({ name: 'Entry', fields: [] });
const FIXED = fixedBytes(SHAPE);
const NULLS = nullsOffset(SHAPE);

/** Appends the node's row in canonical form. */
export function writeNode(out: BatchBuilder, node: MapNode, ordinal: number): void {
  const { entry, previous, next } = node;
  const pieces = [entry, undefined, previous, next];
  const length = align8(pieces.reduce((sum, piece) => sum + (piece?.length ?? 0), FIXED));
  const at = out.reserve(length);
  const { bytes, view } = out;
  bytes.fill(0, at, at + length);
  view.setUint32(at + ROW_LENGTH_OFFSET, length, true);
  view.setUint32(at + ROW_TAG_OFFSET, ordinal, true);
  view.setInt32(at + ROW_TIME_OFFSET + 4, NO_TIME_HIGH, true);
  writeTime(view, at + slotOffset(AT), node.atMs);
  let tail = FIXED;
  for (const field of [ENTRY, PREVIOUS, NEXT]) {
    const piece = pieces[field];
    if (piece === undefined) {
      bytes[at + NULLS] |= 1 << field;
      continue;
    }
    bytes.set(piece, at + tail);
    if (piece.length > 0) view.setUint32(at + slotOffset(field), tail, true);
    view.setUint32(at + slotOffset(field) + 4, piece.length, true);
    tail += piece.length;
  }
  out.commit(length, 1);
}

/** A node from its row; what it holds are views of the row. */
export function readNode(row: Uint8Array): MapNode {
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  const piece = (field: number) => {
    if (((row[NULLS] >> field) & 1) === 1) return undefined;
    const start = view.getUint32(slotOffset(field), true);
    return row.subarray(start, start + view.getUint32(slotOffset(field) + 4, true));
  };
  const atMs = readTime(view, slotOffset(AT));
  return { entry: piece(ENTRY), atMs, previous: piece(PREVIOUS), next: piece(NEXT) };
}
