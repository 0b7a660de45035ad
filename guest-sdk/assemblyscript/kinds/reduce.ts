import { exportName, type FunctionModel } from '../module-model.ts';
import { finishKeyed, foldRows, KEYED_PARAMETERS } from './keyed-export.ts';
import type { FunctionForm } from './kind.ts';
import { isNamed, readSignature, recordOf } from './signature.ts';

/** `(a: T, b: T): T` */
export const reduceKind: FunctionForm = {
  kind: 'reduce',
  form: 'function',
  impliedResult: 'first parameter',
  read(place, declaration) {
    const wanted = {
      kind: 'reduce',
      parameters: 2,
      written: '(a: Record, b: Record): Record',
    } as const;
    const signature = readSignature(place, declaration, wanted);
    if (signature === undefined) return undefined;
    const { input, result, fail, made } = signature;
    if (isNamed(result, '')) return fail(declaration.name, 'has no return type');
    const output = recordOf(place, result);
    if (output === undefined) return fail(result, 'does not return a @record');
    const second = recordOf(place, declaration.signature.parameters[1].type);
    return second?.record === input.record && output.record === input.record
      ? made(input)
      : fail(declaration.name, 'mixes records of different types');
  },
  generate,
};

function generate(fn: FunctionModel): string {
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
