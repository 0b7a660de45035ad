import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { eventTimeAt } from '../../../abi/event-time.ts';
import { align8 } from '../../../abi/layout.ts';
import { BATCH_BYTES_TARGET } from '../../../limits.ts';
import { WATERMARK_MIN_MS } from '../../../model/element.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { StateTable } from '../../../state/state-table.ts';
import { appendTombstone } from '../../../state/tombstone.ts';

const ENTRY_HEADER_BYTES = 16;

/**
 * Removes the entries of a range whose state has an event time at or below `untilMs`; those without one stay. Looks at every
 * entry, so it is called rarely.
 */
export function removeExpired(table: StateTable, range: KeyGroupRange, untilMs: number): void {
  const expired = new BatchBuilder(BATCH_BYTES_TARGET);
  const scanned = new BatchBuilder(BATCH_BYTES_TARGET);
  // A cursor is good until the next change: all of them are found before the first is removed.
  for (let cursor = 0; cursor >= 0; ) {
    scanned.clear();
    cursor = table.scanEntries(range, cursor, BATCH_BYTES_TARGET, scanned);
    for (let at = 0; at < scanned.length; ) {
      const state = at + ENTRY_HEADER_BYTES + align8(scanned.view.getUint32(at + 4, true));
      const end = state + scanned.view.getUint32(at + 8, true);
      const timeMs = eventTimeAt(scanned.view, state);
      if (timeMs <= untilMs && timeMs !== WATERMARK_MIN_MS) {
        expired.append({ bytes: scanned.bytes.subarray(at, end), count: 1 });
      }
      at = end;
    }
  }
  if (expired.count === 0) return;
  const states = new BatchBuilder(BATCH_BYTES_TARGET);
  const keys = table.resolveEntries(expired.batch(), states);
  const tombstones = new BatchBuilder(BATCH_BYTES_TARGET);
  for (let ordinal = 0; ordinal < keys; ordinal++) appendTombstone(tombstones, ordinal);
  table.apply(tombstones.batch());
}
