/**
 * The exports `mr_<function>`: one call per batch, rows walked as a view (`ABI.md`, section 4). Names of
 * their own start with `$`, so that they hide nothing of the file they are put into.
 */
import type { FunctionModel, RecordUse } from './module-model.ts';
import { contains } from './scan-records.ts';

/** Text of the export that runs this function over a batch. */
export function generateFunction(fn: FunctionModel): string {
  switch (fn.kind) {
    case 'map':
      return generateMap(fn);
    case 'filter':
      return generateFilter(fn);
    case 'flatMap':
      return generateFlatMap(fn);
    case 'reduce':
      return generateReduce(fn);
    case 'aggregate':
      return generateAggregate(fn);
    default:
      throw new Error(`unknown function kind ${fn.kind satisfies never}`);
  }
}

export function exportName(fn: FunctionModel): string {
  return `mr_${fn.name}`;
}

/** Opens a stateless export: `row` walks from `ptr` to `end`, `next` is the row after it. */
function stateless(fn: FunctionModel, before: string, each: string, after: string): string {
  return `export function ${exportName(fn)}($ptr: i32, $len: i32, $count: i32): i32 {
    __mr_begin($len);
    const $view = __mr_view<${fn.input.code}>();
    ${before}
    __mr_mark();
    let $row: usize = $ptr;
    const $end: usize = $row + <usize>$len;
    while ($row < $end) {
      const $next = $row + <usize>load<u32>($row);
      $view.__mr_move($row);
      ${each}
      __mr_reset();
      $row = $next;
    }
    ${after}
    return 0;
  }`;
}

/**
 * Rows that come back as the same view with nothing but slots changed stay where they are; only
 * from the first other row on are rows gathered in the output chunk.
 */
function generateMap(fn: FunctionModel): string {
  const push = `__mr_push<${fn.output.code}>($result, load<i64>($row, 8), 0);`;
  if (fn.output.record !== fn.input.record) {
    return stateless(fn, '', `const $result = ${fn.name}($view);\n${push}`, '__mr_flush(1);');
  }
  return stateless(
    fn,
    'let $run: usize = $ptr;\nlet $runRows = 0;\nlet $moved = false;',
    `const $result = ${fn.name}($view);
    if (changetype<usize>($result) == changetype<usize>($view) && $view.__mr_clean()) {
      $runRows++;
    } else {
      __mr_push_rows($run, $row - $run, $runRows);
      ${push}
      $run = $next;
      $runRows = 0;
      $moved = true;
    }`,
    `if ($moved) {
      __mr_push_rows($run, $end - $run, $runRows);
      __mr_flush(1);
    } else {
      __mr_emit_input($ptr, $len, $count);
    }`,
  );
}

/** Kept rows are moved together in the input area, a run at a time. */
function generateFilter(fn: FunctionModel): string {
  return stateless(
    fn,
    'let $run: usize = $ptr;\nlet $out: usize = $ptr;\nlet $kept = 0;',
    `if (${fn.name}($view)) {
      $kept++;
    } else {
      if ($out != $run) __mr_move_rows($out, $run, $row - $run);
      $out += $row - $run;
      $run = $next;
    }`,
    `if ($out != $run) __mr_move_rows($out, $run, $end - $run);
    $out += $end - $run;
    __mr_emit_input($ptr, $out - <usize>$ptr, $kept);`,
  );
}

function generateFlatMap(fn: FunctionModel): string {
  return stateless(
    fn,
    `const $emitter = __mr_emitter<${fn.output.code}>();`,
    `__mr_time(load<i64>($row, 8));\n${fn.name}($view, $emitter);`,
    '__mr_flush(1);',
  );
}

const KEYED_PARAMETERS =
  '$ptr: i32, $len: i32, $count: i32, $states: i32, $statesLen: i32, $statesCount: i32, $keys: i32, $flags: i32';

/** Text that folds each row of type `row` into its key's state by `fold`, an expression of `state`, `key` and `view`. */
function foldRows(
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
function finishKeyed(state: RecordUse, emitAll: string, stateIsResult: boolean): string {
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

function generateReduce(fn: FunctionModel): string {
  const { code } = fn.input;
  const fold = `$state == 0 ? $view : ${fn.name}(changetype<${code}>($state), $view)`;
  return `export function ${exportName(fn)}(${KEYED_PARAMETERS}): i32 {
    __mr_begin($len);
    __mr_keys($keys);
    __mr_load_states<${code}>($states, $statesLen);
    ${foldRows(fn.input, fn.input, fold, {
      each: `if (($flags & 1) != 0) __mr_push<${code}>($result, $time, 0);`,
      freshViews: false,
    })}
    ${finishKeyed(fn.input, `__mr_push_states<${code}>($keys, false);`, true)}
  }`;
}

function generateAggregate(fn: FunctionModel): string {
  const accumulator = fn.accumulator!;
  const output = fn.output.code;
  const acc = accumulator.code;
  const emit = `__mr_push<${output}>($aggregate.result($result), $time, 0);`;
  const each = `if (($flags & 1) != 0) { ${emit} }`;
  const add = `$aggregate.add($state == 0 ? $aggregate.create() : changetype<${acc}>($state), $view)`;
  const merge = `$state == 0 ? $view : $aggregate.merge(changetype<${acc}>($state), $view)`;
  // An accumulator that can hold inputs may keep the view it was given.
  const freshViews = contains(accumulator.record, fn.input.record);
  const emitAll = `for (let $i = 0; $i < $keys; $i++) {
      const $state = __mr_state($i);
      if ($state == 0) continue;
      const $result = changetype<${acc}>($state);
      const $time = load<i64>($result.__mr_row, 8);
      ${emit}
    }`;
  return `export function ${exportName(fn)}(${KEYED_PARAMETERS}): i32 {
    __mr_begin($len);
    __mr_keys($keys);
    __mr_load_states<${acc}>($states, $statesLen);
    const $aggregate = new ${fn.name}();
    if (($flags & 4) != 0) {
      ${foldRows(accumulator, accumulator, merge, { each, freshViews: false })}
    } else {
      ${foldRows(fn.input, accumulator, add, { each, freshViews })}
    }
    ${finishKeyed(accumulator, emitAll, false)}
  }`;
}
