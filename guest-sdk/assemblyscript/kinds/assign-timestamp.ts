import type { FunctionModel } from '../module-model.ts';
import { batchExport } from './batch-export.ts';
import type { FunctionForm } from './kind.ts';
import { isNamed, readSignature } from './signature.ts';

/** `(record: In): i64` */
export const assignTimestampKind: FunctionForm = {
  kind: 'assignTimestamp',
  form: 'function',
  impliedResult: 'i64',
  read(place, declaration) {
    const wanted = {
      kind: 'assignTimestamp',
      parameters: 1,
      written: '(record: In): i64',
    } as const;
    const signature = readSignature(place, declaration, wanted);
    if (signature === undefined) return undefined;
    const { input, result, fail, made } = signature;
    return isNamed(result, 'i64', 'Timestamp') ? made(input) : fail(result, 'does not return i64');
  },
  generate,
};

/** The rows stay where they are. */
function generate(fn: FunctionModel): string {
  return batchExport(fn, {
    before: '',
    each: `store<i64>($row, ${fn.name}($view), 8);`,
    after: '__mr_emit_input($ptr, $len, $count);',
  });
}
