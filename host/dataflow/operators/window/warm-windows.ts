import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { EMPTY_BATCH } from '../../../model/batch.ts';
import { type GuestInstance, WINDOW_ENTRY_BYTES } from '../../../sandbox/guest.ts';
import type { WindowedSpec } from '../../window-spec.ts';
import type { RowSample } from '../row-sample.ts';
import { numberRows } from '../row-walk.ts';

/** One call of a new version on recent rows: each a key of its own, or all of them in one window. */
export function warmWindows(instance: GuestInstance, spec: WindowedSpec, sample: RowSample): void {
  const { rows } = sample;
  const { name, kind } = spec.function;
  if (kind !== 'apply') {
    numberRows(rows);
    const call = { rows, states: EMPTY_BATCH, keys: rows.count, merge: false };
    instance.runKeyed(name, { ...call, emit: 'batch' });
    return;
  }
  if (rows.count === 0) return;
  const windows = new BatchBuilder(WINDOW_ENTRY_BYTES);
  const at = windows.reserve(WINDOW_ENTRY_BYTES);
  windows.view.setUint32(at + 24, rows.count, true);
  windows.view.setUint32(at + 28, rows.bytes.length, true);
  windows.commit(WINDOW_ENTRY_BYTES, 1);
  instance.runWindows(name, { rows, windows: windows.batch().bytes });
}
