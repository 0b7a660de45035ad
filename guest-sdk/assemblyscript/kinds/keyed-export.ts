/** Text of exports that fold the rows of a batch into the states of their keys. */
import type { RecordUse } from '../module-model.ts';

export const KEYED_PARAMETERS =
  '$ptr: i32, $len: i32, $count: i32, $states: i32, $statesLen: i32, $statesCount: i32, $keys: i32, $flags: i32';

/** Text that folds each row of type `row` into its key's state by `fold`, an expression of `state`, `key` and `view`. */
export function foldRows(
  row: RecordUse,
  state: RecordUse,
  fold: string,
  options: { readonly each: string; readonly freshViews: boolean },
): string {
  const sameRecord = row.record === state.record;
  // A state that took the view over keeps it, and the rows to come get another.
  const renew = options.freshViews
    ? `$view = __mr_view<${row.code}>();`
    : sameRecord
      ? `if (changetype<usize>($result) == changetype<usize>($view)) $view = __mr_view<${row.code}>();`
      : '';
  return `let $view = __mr_view<${row.code}>();
    for (let $row: usize = $ptr, $end: usize = $row + <usize>$len; $row < $end; ) {
      const $entry = __mr_key($row);
      const $time = load<i64>($row, 8);
      const $next = $row + <usize>load<u32>($row);
      $view.__mr_move($row);
      const $state = load<usize>($entry);
      const $result: ${state.code} = ${fold};
      ${renew}
      store<i64>($result.__mr_row, $time, 8);
      store<usize>($entry, changetype<usize>($result));
      store<u32>($entry, 1, 4);
      ${options.each}
      $row = $next;
    }`;
}

/** Text that hands back the states and emits what flag 2 asks for; flag 1's rows are in the chunk. */
export function finishKeyed(state: RecordUse, emitAll: string, stateIsResult: boolean): string {
  const together = stateIsResult
    ? `if (($flags & 2) != 0 && __mr_all_touched($keys)) {
        __mr_target(3, false);
        __mr_push_states<${state.code}>($keys, false);
        __mr_flush(1);
        return 0;
      }`
    : '';
  return `if (($flags & 1) != 0) {
      const $more = ($flags & 2) != 0;
      __mr_flush($more ? 0 : 1);
      __mr_target(2, !$more);
    }
    ${together}
    __mr_target(2, false);
    __mr_push_states<${state.code}>($keys, true);
    __mr_flush(0);
    if (($flags & 2) != 0) {
      __mr_target(1, false);
      ${emitAll}
      __mr_flush(1);
    }
    return 0;`;
}
