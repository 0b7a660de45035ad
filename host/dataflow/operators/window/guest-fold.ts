import { MillraceError } from '../../../errors.ts';
import { type Batch, EMPTY_BATCH } from '../../../model/batch.ts';
import type { KeyedCall, KeyedResult } from '../../../sandbox/guest.ts';
import type { WindowedSpec } from '../../window-spec.ts';
import { numberRows } from '../row-walk.ts';
import type { WindowFunction } from './window-function.ts';
import type { WindowGuest } from './window-guest.ts';

/** `reduce` and `aggregate`: the guest's accumulators are the states. */
export function createGuestFold(spec: WindowedSpec, guest: WindowGuest): WindowFunction {
  const { name, kind } = spec.function;
  const run = (call: KeyedCall): KeyedResult => guest.runKeyed(name, call);

  return {
    fold: (rows, states, keys) => run({ rows, states, keys, emit: 'none', merge: false }).states,

    merge: (newer, older, keys) =>
      run({ rows: newer, states: older, keys, emit: 'none', merge: true }).states,

    mergedResults: (newer, older, keys) =>
      run({ rows: newer, states: older, keys, emit: 'batch', merge: true }).output,

    results(states) {
      numberRows(states);
      // The state of a reduce is its result.
      if (kind === 'reduce') return states;
      const call = { rows: EMPTY_BATCH, states, keys: states.count, merge: false };
      const { output } = run({ ...call, emit: 'batch' });
      checkOnePerState(output, states);
      numberRows(output);
      return output;
    },
  };
}

/** Results come in the order of ordinals, so that the window of each is known. */
function checkOnePerState(output: Batch, states: Batch): void {
  if (output.count === states.count) return;
  throw new MillraceError(
    'ABI_VIOLATION',
    `an aggregate emits a result per accumulator: ${output.count} rows for ${states.count}`,
  );
}
