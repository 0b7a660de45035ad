import type { FunctionModel } from '../module-model.ts';
import { batchExport } from './batch-export.ts';
import type { FunctionForm } from './kind.ts';
import { isNamed, readSignature } from './signature.ts';

/** `(record: In): bool` */
export const filterKind: FunctionForm = {
  kind: 'filter',
  form: 'function',
  impliedResult: 'bool',
  read(place, declaration) {
    const wanted = { kind: 'filter', parameters: 1, written: '(record: In): bool' } as const;
    const signature = readSignature(place, declaration, wanted);
    if (signature === undefined) return undefined;
    const { input, result, fail, made } = signature;
    return isNamed(result, 'bool', 'boolean') ? made(input) : fail(result, 'does not return bool');
  },
  generate,
};

/** Kept rows are moved together in the input area, a run at a time. */
function generate(fn: FunctionModel): string {
  return batchExport(fn, {
    before: 'let $run: usize = $ptr;\nlet $out: usize = $ptr;\nlet $kept = 0;',
    each: `if (${fn.name}($view)) {
      $kept++;
    } else {
      if ($out != $run) __mr_move_rows($out, $run, $row - $run);
      $out += $row - $run;
      $run = $next;
    }`,
    after: `if ($out != $run) __mr_move_rows($out, $run, $end - $run);
    $out += $end - $run;
    __mr_emit_input($ptr, $out - <usize>$ptr, $kept);`,
  });
}
