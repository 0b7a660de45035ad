import { exportName, type FunctionModel } from '../module-model.ts';
import type { FunctionForm } from './kind.ts';
import { isNamed, readSignature, recordIn } from './signature.ts';

/** `(rows: Rows<In>, window: Window, out: Emitter<Out>): void` */
export const applyKind: FunctionForm = {
  kind: 'apply',
  form: 'function',
  impliedResult: 'void',
  read(place, declaration) {
    const written = '(rows: Rows<In>, window: Window, out: Emitter<Out>): void';
    const wanted = { kind: 'apply', parameters: 3, written, first: 'Rows' } as const;
    const signature = readSignature(place, declaration, wanted);
    if (signature === undefined) return undefined;
    const { result, fail, made } = signature;
    if (!isNamed(result, 'void')) return fail(result, 'returns something');
    const [, window, emitter] = declaration.signature.parameters;
    if (!isNamed(window.type, 'Window')) {
      return fail(window.type, 'has no Window as second parameter');
    }
    const output = recordIn(place, emitter.type, 'Emitter');
    return output === undefined
      ? fail(emitter.type, 'has no Emitter of a @record as third parameter')
      : made(output);
  },
  generate,
};

/** One call per window; what it allocates is free before the next. */
function generate(fn: FunctionModel): string {
  return `export function ${exportName(fn)}($ptr: i32, $len: i32, $count: i32, $windows: i32, $windowCount: i32): i32 {
    __mr_begin($len);
    const $rows = __mr_rows<${fn.input.code}>();
    const $window = __mr_window();
    const $emitter = __mr_emitter<${fn.output.code}>();
    __mr_mark();
    let $row: usize = $ptr;
    for (let $i = 0; $i < $windowCount; $i++) {
      const $entry: usize = <usize>$windows + (<usize>$i << 5);
      const $end = $row + <usize>load<u32>($entry, 28);
      $rows.__mr_open($row, $end, load<i32>($entry, 24));
      $window.start = load<i64>($entry);
      $window.end = load<i64>($entry, 8);
      __mr_time(load<i64>($entry, 16));
      __mr_tag($i);
      ${fn.name}($rows, $window, $emitter);
      __mr_reset();
      $row = $end;
    }
    __mr_flush(1);
    return 0;
  }`;
}
