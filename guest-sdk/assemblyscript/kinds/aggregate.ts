import type { ClassDeclaration, FunctionDeclaration, Node, TypeNode } from '../compiler-api.ts';
import { exportName, type FunctionModel } from '../module-model.ts';
import { contains } from '../scan-records.ts';
import { finishKeyed, foldRows, KEYED_PARAMETERS } from './keyed-export.ts';
import type { ClassForm, Place } from './kind.ts';
import { recordOf } from './signature.ts';

/** A class with `create`, `add`, `result` and `merge`. */
export const aggregateKind: ClassForm = { kind: 'aggregate', form: 'class', read, generate };

function read(place: Place, declaration: ClassDeclaration): FunctionModel | undefined {
  const { NodeKind, CommonFlags } = place.compiler;
  const name = declaration.name.text;
  const fail = (where: Node, what: string): undefined => {
    place.report(where.range, `@aggregate "${name}" ${what}`);
    return undefined;
  };
  if (declaration.extendsType !== null) return fail(declaration.name, 'cannot extend a class');
  const field = declaration.members.find(
    (member) =>
      member.kind === NodeKind.FieldDeclaration && (member.flags & CommonFlags.Static) === 0,
  );
  if (field !== undefined) {
    return fail(field.name, `keeps "${field.name.text}" of its own; its state is the accumulator`);
  }
  const method = (wanted: string, parameters: number): FunctionDeclaration | undefined => {
    const found = declaration.members.find(
      (member) => member.kind === NodeKind.MethodDeclaration && member.name.text === wanted,
    ) as FunctionDeclaration | undefined;
    if (found === undefined) return fail(declaration.name, `has no method "${wanted}"`);
    const actual = found.signature.parameters.length;
    return (found.flags & CommonFlags.Static) === 0 && actual === parameters
      ? found
      : fail(found.name, `needs "${wanted}" as a method with ${parameters} parameters`);
  };
  const [create, add, result, merge] = [
    method('create', 0),
    method('add', 2),
    method('result', 1),
    method('merge', 2),
  ];
  if (!create || !add || !result || !merge) return undefined;
  const use = (type: TypeNode) => recordOf(place, type);
  const accumulator = use(create.signature.returnType);
  const input = use(add.signature.parameters[1].type);
  const output = use(result.signature.returnType);
  if (!accumulator) return fail(create.name, 'creates something that is not a @record');
  if (!input) return fail(add.name, 'adds something that is not a @record');
  if (!output) return fail(result.name, 'results in something that is not a @record');
  const accumulators = [
    ...[add.signature.parameters[0].type, add.signature.returnType],
    ...[result.signature.parameters[0].type, merge.signature.returnType],
    ...merge.signature.parameters.map((parameter) => parameter.type),
  ];
  const odd = accumulators.find((type) => use(type)?.record !== accumulator.record);
  if (odd !== undefined) return fail(odd, `has accumulators other than ${accumulator.record.name}`);
  return {
    ...{ name, kind: 'aggregate', source: place.source, declaration },
    ...{ input, output, accumulator },
  };
}

function generate(fn: FunctionModel): string {
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
