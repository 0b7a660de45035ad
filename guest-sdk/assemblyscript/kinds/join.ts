import { exportName, type FunctionModel } from '../module-model.ts';
import type { FunctionForm } from './kind.ts';
import { isNamed, namedRecord, readSignature, recordIn, recordOf } from './signature.ts';

const RETURNING = '(left: L, right: R): Out';
const EMITTING = '(left: L, right: R, out: Emitter<Out>): void';

/** One result per pair, or any number by an emitter. A side with `| null` may be missing. */
export const joinKind: FunctionForm = {
  kind: 'join',
  form: 'function',
  impliedResult: 'none',
  read(place, declaration) {
    const { parameters } = declaration.signature;
    const emits = parameters.length === 3;
    const signature = readSignature(place, declaration, {
      kind: 'join',
      parameters: emits ? 3 : 2,
      written: emits ? EMITTING : `${RETURNING} or ${EMITTING}`,
      nullable: true,
    });
    if (signature === undefined) return undefined;
    const { result, fail, made } = signature;
    const [left, right, out] = parameters;
    const second = namedRecord(place, right.type);
    if (second === undefined) return fail(right.type, 'takes something that is not a @record');
    const output = emits ? recordIn(place, out.type, 'Emitter') : recordOf(place, result);
    if (isNamed(result, '')) return fail(declaration.name, 'has no return type');
    if (emits && !isNamed(result, 'void')) return fail(result, 'returns something');
    if (output === undefined) {
      return emits
        ? fail(out.type, 'has no Emitter of a @record as third parameter')
        : fail(result, 'does not return a @record');
    }
    const join = {
      right: second,
      leftOptional: left.type.isNullable,
      rightOptional: right.type.isNullable,
      emits,
    };
    return { ...made(output), join };
  },
  generate,
};

function generate(fn: FunctionModel): string {
  const { right, leftOptional, rightOptional, emits } = fn.join!;
  const required = (leftOptional ? 0 : 1) | (rightOptional ? 0 : 2);
  const check =
    required === 0
      ? ''
      : `if (($sides & ${required}) != ${required}) throw new Error('a pair lacks a side');`;
  const leftValue = leftOptional ? '($sides & 1) != 0 ? $left : null' : '$left';
  const rightValue = rightOptional ? '($sides & 2) != 0 ? $right : null' : '$right';
  const time = 'load<i64>($pair, 8)';
  const call = emits
    ? `__mr_time(${time});\n${fn.name}(${leftValue}, ${rightValue}, $emitter);`
    : `__mr_push<${fn.output.code}>(${fn.name}(${leftValue}, ${rightValue}), ${time}, 0);`;
  return `export function ${exportName(fn)}($ptr: i32, $len: i32, $count: i32): i32 {
    __mr_begin($len);
    const $left = __mr_view<${fn.input.code}>();
    const $right = __mr_view<${right.code}>();
    ${emits ? `const $emitter = __mr_emitter<${fn.output.code}>();` : ''}
    __mr_mark();
    let $pair: usize = $ptr;
    const $end: usize = $pair + <usize>$len;
    while ($pair < $end) {
      const $sides = load<u32>($pair, 4);
      ${check}
      let $row: usize = $pair + 16;
      if (($sides & 1) != 0) {
        $left.__mr_move($row);
        $row += <usize>load<u32>($row);
      }
      if (($sides & 2) != 0) $right.__mr_move($row);
      ${call}
      __mr_reset();
      $pair += <usize>load<u32>($pair);
    }
    __mr_flush(1);
    return 0;
  }`;
}
