/**
 * Rows that wait, in a snapshot: dealt to the key groups of their task in turn, so that they can be dealt to other tasks. The key of a row
 * is its place in the order.
 */
import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import { entriesOf, piecesIn } from '../../../state/keyed-snapshot.ts';
import type { KeyedSnapshot, KeyGroupPiece } from '../../../state/state-table.ts';

const ENTRY_HEADER_BYTES = 16;
const PLACE_BYTES = 8;

export function snapshotRows(rows: readonly Uint8Array[], range: KeyGroupRange): KeyedSnapshot {
  const width = range.end - range.start;
  const out = new BatchBuilder(1024);
  const groups: KeyGroupPiece[] = [];
  for (let group = range.start; group < range.end; group++) {
    const offset = out.length;
    let entries = 0;
    for (let place = group - range.start; place < rows.length; place += width, entries++) {
      append(out, group, place, rows[place]);
    }
    if (entries > 0) groups.push({ group, offset, length: out.length - offset, entries });
  }
  return { bytes: out.batch().bytes.slice(), groups };
}

/** The rows of the groups in `range`, in their order. Throws `CHECKPOINT_CORRUPT`. */
export function restoreRows(
  snapshot: KeyedSnapshot,
  range: KeyGroupRange,
  keyGroups: number,
): Uint8Array[] {
  const found: { readonly place: number; readonly row: Uint8Array }[] = [];
  for (const piece of piecesIn(snapshot, range, keyGroups)) {
    for (const { key, state } of entriesOf(snapshot, piece, { keyGroups, composite: true })) {
      const place = new DataView(key.buffer, key.byteOffset, key.length).getUint32(0, true);
      if (state !== undefined) found.push({ place, row: state.slice() });
    }
  }
  return found.sort((a, b) => a.place - b.place).map(({ row }) => row);
}

function append(out: BatchBuilder, group: number, place: number, row: Uint8Array): void {
  const bytes = ENTRY_HEADER_BYTES + PLACE_BYTES + row.length;
  const at = out.reserve(bytes);
  const { view } = out;
  // Any number of the group does for a hash.
  view.setUint32(at, group, true);
  view.setUint32(at + 4, PLACE_BYTES, true);
  view.setUint32(at + 8, row.length, true);
  view.setUint32(at + 12, 0, true);
  view.setUint32(at + ENTRY_HEADER_BYTES, place, true);
  view.setUint32(at + ENTRY_HEADER_BYTES + 4, 0, true);
  out.bytes.set(row, at + ENTRY_HEADER_BYTES + PLACE_BYTES);
  view.setUint32(at + ENTRY_HEADER_BYTES + PLACE_BYTES + ROW_TAG_OFFSET, 0, true);
  out.commit(bytes, 1);
}
