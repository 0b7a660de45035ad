import type { FunctionModel } from '../module-model.ts';
import { batchExport } from './batch-export.ts';
import type { FunctionForm } from './kind.ts';
import { isNamed, readSignature, recordOf } from './signature.ts';

/** `(record: In): Out` */
export const mapKind: FunctionForm = {
  kind: 'map',
  form: 'function',
  impliedResult: 'none',
  read(place, declaration) {
    const wanted = { kind: 'map', parameters: 1, written: '(record: In): Out' } as const;
    const signature = readSignature(place, declaration, wanted);
    if (signature === undefined) return undefined;
    const { result, fail, made } = signature;
    if (isNamed(result, '')) return fail(declaration.name, 'has no return type');
    const output = recordOf(place, result);
    return output === undefined ? fail(result, 'does not return a @record') : made(output);
  },
  generate,
};

/**
 * Rows that come back as the same view with nothing but slots changed stay where they are; only
 * from the first other row on are rows gathered in the output chunk.
 */
function generate(fn: FunctionModel): string {
  const push = `__mr_push<${fn.output.code}>($result, load<i64>($row, 8), 0);`;
  if (fn.output.record !== fn.input.record) {
    return batchExport(fn, {
      before: '',
      each: `const $result = ${fn.name}($view);\n${push}`,
      after: '__mr_flush(1);',
    });
  }
  return batchExport(fn, {
    before: 'let $run: usize = $ptr;\nlet $runRows = 0;\nlet $moved = false;',
    each: `const $result = ${fn.name}($view);
    if (changetype<usize>($result) == changetype<usize>($view) && $view.__mr_clean()) {
      $runRows++;
    } else {
      __mr_push_rows($run, $row - $run, $runRows);
      ${push}
      $run = $next;
      $runRows = 0;
      $moved = true;
    }`,
    after: `if ($moved) {
      __mr_push_rows($run, $end - $run, $runRows);
      __mr_flush(1);
    } else {
      __mr_emit_input($ptr, $len, $count);
    }`,
  });
}
