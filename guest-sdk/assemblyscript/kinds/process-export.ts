/**
 * Text for a process class: the record of its states, a class in the place of each field that is a state, and the export.
 *
 * The record of the states is that of the host (`ABI.md`, section 7): a field `v<i>` for each state, then a field `t<i>` for the
 * time of its last write.
 */

import { generateRecord } from '../generate-record.ts';
import type { FieldModel, FieldType, FunctionModel, StateModel } from '../module-model.ts';
import { exportName } from '../module-model.ts';
import { contains } from '../scan-records.ts';
import { generateMapHandle } from './process-maps.ts';

/** The class that stands for a field of a process class. */
export function handleName(className: string, property: string): string {
  return `__mr_${className}_${property}`;
}

/** Where the function of a reducing state stands in the generated text. */
export function foldName(fn: FunctionModel, state: StateModel): string {
  return `__mr_fold_${fn.name}_${state.property}`;
}

interface Methods {
  readonly kind: string;
  readonly first: string;
  readonly second: string | undefined;
}

export function generateProcess(fn: FunctionModel, methods: Methods): string {
  const { states, maps } = fn.process!;
  return [
    ...(states.length === 0 ? [] : [stateClass(fn, states)]),
    ...states.map((state, i) => generateHandle(fn, state, i)),
    ...maps.map((map, i) =>
      generateMapHandle(fn, map, { index: i, name: handleName(fn.name, map.property) }),
    ),
    exportText(fn, methods),
  ].join('\n');
}

function stateName(fn: FunctionModel): string {
  return `__mr_state_${fn.name}`;
}

/** As a field of a record, optional; a number is read and written in its slot, its null bit by whoever does so. */
export function optionalField(type: FieldType): FieldType {
  const schema = `optional<${type.schema}>`;
  return type.kind === 'reference' ? { ...type, schema, nullable: true } : { ...type, schema };
}

export function fieldOf(
  fn: FunctionModel,
  index: number,
  { name, type }: { readonly name: string; readonly type: FieldType },
): FieldModel {
  return { name, index, type, initializer: null, range: fn.declaration.name.range };
}

/** Text of a record class of our own. */
export function recordText(fn: FunctionModel, name: string, fields: readonly FieldModel[]): string {
  const declaration = fn.declaration as never;
  return generateRecord({ name, declaration, source: fn.source, fields });
}

/** Byte of a field's null flag, from the row, and its bit. */
export function nullPlace(
  index: number,
  fields: number,
): { readonly byte: number; readonly mask: number } {
  return { byte: 16 + 8 * fields + (index >> 3), mask: 1 << (index & 7) };
}

function stateClass(fn: FunctionModel, states: readonly StateModel[]): string {
  const values = states.map(({ kind, type }, i) => {
    const list: FieldType = {
      ...{ kind: 'reference', code: `Array<${type.code}>`, schema: `list<${type.schema}>` },
      ...{ shape: 'list', nullable: false, mutable: true },
      nested: type.kind === 'reference' ? type.nested : undefined,
    };
    return fieldOf(fn, i, { name: `v${i}`, type: kind === 'list' ? list : optionalField(type) });
  });
  const scalar: FieldType = { kind: 'scalar', code: 'i64', schema: 'timestamp' };
  const times = states.map((_, i) =>
    fieldOf(fn, states.length + i, { name: `t${i}`, type: scalar }),
  );
  const numbers = states.flatMap(({ kind, type }, i) => {
    const { byte, mask } = nullPlace(i, 2 * states.length);
    const at = `this.__mr_row + ${byte}`;
    const isNumber = kind !== 'list' && type.kind === 'scalar';
    return isNumber ? [`store<u8>(${at}, load<u8>(${at}) | ${mask});`] : [];
  });
  const text = recordText(fn, stateName(fn), [...values, ...times]);
  // A new one has none of its values.
  return text.replace(/\}\s*$/, `__mr_clear(): void { ${numbers.join(' ')} } }`);
}

function generateHandle(fn: FunctionModel, state: StateModel, index: number): string {
  const body = state.kind === 'list' ? listText(fn, state, index) : valueText(fn, state, index);
  return `@final class ${handleName(fn.name, state.property)} { ${body} }`;
}

function valueText(fn: FunctionModel, state: StateModel, i: number): string {
  const type = state.type.code;
  const record = stateName(fn);
  const there = `changetype<${record}>($state)`;
  const isNumber = state.type.kind === 'scalar';
  const { byte, mask } = nullPlace(i, 2 * fn.process!.states.length);
  const bit = `$now.__mr_row + ${byte}`;
  const isNull = isNumber
    ? `(load<u8>(${there}.__mr_row + ${byte}) & ${mask}) != 0`
    : `${there}.v${i} === null`;
  const mark = isNumber ? `store<u8>(${bit}, load<u8>(${bit}) & ${255 - mask});` : '';
  const unset = isNumber
    ? `store<u8>(${bit}, load<u8>(${bit}) | ${mask}); store<u64>($now.__mr_row, 0, ${16 + 8 * i});`
    : `$now.v${i} = null;`;
  // What was read can be changed through what it was read as.
  const isMutable = state.type.kind === 'reference' && state.type.mutable;
  const touch = isMutable ? `__mr_current<${record}>().t${i} = __mr_now();` : '';
  const value = isNumber
    ? `${there}.v${i}`
    : `changetype<${type}>(changetype<usize>(${there}.v${i}))`;
  const add =
    state.fold === undefined
      ? ''
      : `add(value: ${type}): void {
          const $fold: (a: ${type}, b: ${type}) => ${type} = ${foldName(fn, state)};
          this.value = this.isNull ? value : $fold(this.value, value);
        }`;
  return `get isNull(): bool { const $state = __mr_peek(); return $state == 0 || ${isNull}; }
    get value(): ${type} {
      if (this.isNull) __mr_no_value(${JSON.stringify(state.name)});
      const $state = __mr_peek();
      ${touch}
      return ${value};
    }
    set value(value: ${type}) {
      const $now = __mr_current<${record}>();
      ${mark}
      $now.v${i} = value;
      $now.t${i} = __mr_now();
    }
    or(fallback: ${type}): ${type} { return this.isNull ? fallback : this.value; }
    clear(): void {
      if (this.isNull) return;
      const $now = __mr_current<${record}>();
      ${unset}
    }
    ${add}`;
}

function listText(fn: FunctionModel, state: StateModel, i: number): string {
  const type = state.type.code;
  const record = stateName(fn);
  return `get length(): i32 {
      const $state = __mr_peek();
      return $state == 0 ? 0 : changetype<${record}>($state).v${i}.length;
    }
    get values(): Array<${type}> {
      const $now = __mr_current<${record}>();
      $now.t${i} = __mr_now();
      return $now.v${i};
    }
    set values(values: Array<${type}>) {
      const $now = __mr_current<${record}>();
      $now.v${i} = values;
      $now.t${i} = __mr_now();
    }
    add(value: ${type}): void { this.values.push(value); }
    clear(): void { if (this.length > 0) this.values = new Array<${type}>(0); }`;
}

/** What is kept until the call returns may be the view that a row was shown by; then the next row needs another. */
function keepsViews(
  fn: FunctionModel,
  record: { readonly record: Parameters<typeof contains>[1] },
): boolean {
  return fn.process!.states.some(
    ({ type }) =>
      type.kind === 'reference' &&
      type.nested !== undefined &&
      contains(type.nested, record.record),
  );
}

function exportText(fn: FunctionModel, { kind, first, second }: Methods): string {
  const { process, name } = fn;
  const { states, metrics } = process!;
  const loop = (
    record: { readonly code: string; readonly record: never },
    call: string,
    hasKey: boolean,
  ) => `
    let $view = __mr_view<${record.code}>();
    for (let $row: usize = $ptr, $end: usize = $row + <usize>$len; $row < $end; ) {
      const $next = $row + <usize>load<u32>($row);
      __mr_process_row($row, ${hasKey});
      ${keepsViews(fn, record) ? `$view = __mr_view<${record.code}>();` : ''}
      $view.__mr_move($row);
      ${call}
      $row = $next;
    }`;
  const gauges = metrics.reduce(
    (bits, metric, i) => bits | (metric.kind === 'gauge' ? 1n << BigInt(i) : 0n),
    0n,
  );
  const cases = [
    `if ($source == 0) { ${loop(fn.input as never, `$self.${first}($view, $context);`, true)} }`,
  ];
  if (second !== undefined && process!.second !== undefined) {
    const isKeyed = kind !== 'broadcastProcess';
    const call = `$self.${second}($view, $context);`;
    cases.push(`if ($source == 1) { ${loop(process!.second as never, call, isKeyed)} }`);
  }
  const onTimer = '$self.onTimer(load<i64>($row, 8), $view, $context);';
  if (process!.hasTimers)
    cases.push(`if ($source >= 2) { ${loop(fn.input as never, onTimer, true)} }`);
  const state = stateName(fn);
  return `export function ${exportName(fn)}($ptr: i32, $len: i32, $count: i32, $states: i32, $statesLen: i32, $statesCount: i32, $keys: i32, $source: i32, $at: i32): i32 {
    __mr_begin($len);
    __mr_keys($keys);
    ${states.length === 0 ? '' : `__mr_load_states<${state}>($states, $statesLen);`}
    __mr_process_begin($source, $at, ${metrics.length}, <u64>0x${gauges.toString(16)});
    const $self = new ${name}();
    const $context = __mr_context<${fn.output.code}>();
    ${cases.join(' else ')}
    __mr_process_end();
    __mr_flush(${states.length === 0 ? 1 : 0});
    ${states.length === 0 ? '' : `__mr_target(2, false); __mr_push_states<${state}>($keys, true); __mr_flush(0);`}
    return 0;
  }`;
}
