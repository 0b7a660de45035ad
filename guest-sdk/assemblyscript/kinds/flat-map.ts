import type { FunctionModel } from '../module-model.ts';
import { batchExport } from './batch-export.ts';
import type { FunctionForm } from './kind.ts';
import { isNamed, readSignature, recordIn } from './signature.ts';

/** `(record: In, out: Emitter<Out>): void` */
export const flatMapKind: FunctionForm = {
  kind: 'flatMap',
  form: 'function',
  impliedResult: 'void',
  read(place, declaration) {
    const written = '(record: In, out: Emitter<Out>): void';
    const wanted = { kind: 'flatMap', parameters: 2, written } as const;
    const signature = readSignature(place, declaration, wanted);
    if (signature === undefined) return undefined;
    const { result, fail, made } = signature;
    if (!isNamed(result, 'void')) return fail(result, 'returns something');
    const emitter = declaration.signature.parameters[1].type;
    const output = recordIn(place, emitter, 'Emitter');
    return output === undefined
      ? fail(emitter, 'has no Emitter of a @record as second parameter')
      : made(output);
  },
  generate,
};

function generate(fn: FunctionModel): string {
  return batchExport(fn, {
    before: `const $emitter = __mr_emitter<${fn.output.code}>();`,
    each: `__mr_time(load<i64>($row, 8));\n${fn.name}($view, $emitter);`,
    after: '__mr_flush(1);',
  });
}
