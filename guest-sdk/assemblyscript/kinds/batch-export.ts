/** Text of exports that take a batch: one call, rows walked as a view. Names of their own start with `$`, so that they hide nothing of the file. */
import { exportName, type FunctionModel } from '../module-model.ts';

/** What stands in the walk over the rows. */
export interface Walk {
  readonly before: string;
  /** Once per row: `$view` shows it, `$row` is its address, `$next` that of the row after it. */
  readonly each: string;
  readonly after: string;
}

/** The export of a function without state. */
export function batchExport(fn: FunctionModel, { before, each, after }: Walk): string {
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
