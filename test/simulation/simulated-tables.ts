import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { decodeObject } from '../../host/abi/row-object.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { CreateStateTable, StateCapture, StateTable } from '../../host/state/state-table.ts';
import { appendTombstone } from '../../host/state/tombstone.ts';
import type { Random } from './random.ts';
import { EVENT_SCHEMA, RESET } from './workload.ts';

/**
 * Tables whose captures take as many pieces as chance will have it, so that anything may come between, and that remove a key's state
 * when it ends with a record that resets it, if they hold such records: `sum` begins anew after such a state or without one, so the removal must not show.
 */
export function simulatedTables(
  create: CreateStateTable,
  random: Random,
  { removes }: { readonly removes: boolean },
): CreateStateTable {
  return (options) => {
    const table = create(options);
    return {
      get entries() {
        return table.entries;
      },
      get bytes() {
        return table.bytes;
      },
      resolve: table.resolve.bind(table),
      view: table.view.bind(table),
      resolveEntries: table.resolveEntries.bind(table),
      apply: (states) => table.apply(removes ? withRemovals(states) : states),
      scan: table.scan.bind(table),
      scanEntries: table.scanEntries.bind(table),
      get: table.get.bind(table),
      remove: table.remove.bind(table),
      capture: (changes) => slow(table.capture(changes), random),
      snapshot: table.snapshot.bind(table),
      restore: table.restore.bind(table),
      close: table.close.bind(table),
    } satisfies StateTable;
  };
}

function slow(capture: StateCapture, random: Random): StateCapture {
  let pieces = random.chance(0.5) ? 0 : random.between(1, 40);
  return {
    changes: capture.changes,
    proceed(bytesMax) {
      if (bytesMax < Number.MAX_SAFE_INTEGER && pieces-- > 0) return undefined;
      return capture.proceed(Number.MAX_SAFE_INTEGER);
    },
    cancel: () => capture.cancel(),
  };
}

function withRemovals({ bytes, count }: Batch): Batch {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new BatchBuilder();
  for (let at = 0; at < bytes.length; at += view.getUint32(at, true)) {
    const row = bytes.subarray(at, at + view.getUint32(at, true));
    const { value } = decodeObject(EVENT_SCHEMA, row, 0);
    if (value === RESET) appendTombstone(out, view.getUint32(at + 4, true));
    else out.append({ bytes: row, count: 1 });
  }
  return { bytes: out.batch().bytes, count };
}
