import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { align8 } from '../../../abi/layout.ts';
import { BATCH_BYTES_TARGET } from '../../../limits.ts';
import type { Batch } from '../../../model/batch.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { StateTable } from '../../../state/state-table.ts';

/** Bytes of an entry before its key. */
export const ENTRY_HEADER_BYTES = 16;
/** Keys in one part. */
const KEYS_AT_ONCE = 4096;

/**
 * All keys of a range as entries without states (`StateTable.resolveEntries`), in parts: a cursor does not outlive a change, so who
 * changes what he finds needs the keys before.
 */
export function tableKeys(table: StateTable, range: KeyGroupRange): Batch[] {
  const entries = new BatchBuilder(BATCH_BYTES_TARGET);
  const parts: Batch[] = [];
  let keys = new BatchBuilder(BATCH_BYTES_TARGET);
  for (let cursor = 0; cursor >= 0; ) {
    entries.clear();
    cursor = table.scanEntries(range, cursor, BATCH_BYTES_TARGET, entries);
    for (let at = 0; at < entries.length; ) {
      const head = ENTRY_HEADER_BYTES + align8(entries.view.getUint32(at + 4, true));
      const to = keys.reserve(head);
      keys.bytes.set(entries.bytes.subarray(at, at + head), to);
      keys.view.setUint32(to + 8, 0, true);
      keys.commit(head, 1);
      at += head + entries.view.getUint32(at + 8, true);
    }
    if (keys.count < KEYS_AT_ONCE && cursor >= 0) continue;
    parts.push(keys.batch());
    keys = new BatchBuilder(BATCH_BYTES_TARGET);
  }
  return parts;
}
