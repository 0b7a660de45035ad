import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import { BATCH_BYTES_TARGET } from '../../../limits.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { StateTable } from '../../../state/state-table.ts';
import { rowOffsets, rowsBetween } from '../row-walk.ts';
import { appendStates, tagByEntries } from './entry-rows.ts';

/** Copies the states of keys that `to` has none for. */
export function copyEntries(from: StateTable, to: StateTable, range: KeyGroupRange): void {
  const entries = new BatchBuilder();
  const rows = new BatchBuilder();
  const held = new BatchBuilder();
  const missing = new BatchBuilder();
  for (let cursor = 0; cursor >= 0; ) {
    for (const builder of [entries, rows, held, missing]) builder.clear();
    cursor = from.scanEntries(range, cursor, BATCH_BYTES_TARGET, entries);
    if (entries.count === 0) continue;
    appendStates(entries.batch(), rows);
    to.resolveEntries(entries.batch(), held);
    tagByEntries(rows.batch(), entries.batch());
    const found = new Set<number>();
    for (const at of rowOffsets(held.batch()).subarray(0, held.count)) {
      found.add(held.view.getUint32(at + ROW_TAG_OFFSET, true));
    }
    const offsets = rowOffsets(rows.batch());
    for (let i = 0; i < rows.count; i++) {
      if (!found.has(i)) missing.append(rowsBetween(rows.batch(), offsets, i, i + 1));
    }
    to.apply(missing.batch());
  }
}
