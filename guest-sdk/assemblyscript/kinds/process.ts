/** Classes that are called for records and timers of a key: `process`, `coProcess`, `broadcastProcess`. */
import type { ClassDeclaration, FunctionDeclaration, Node } from '../compiler-api.ts';
import type { FunctionModel, RecordUse } from '../module-model.ts';
import type { ClassForm, Place } from './kind.ts';
import { foldName, generateProcess } from './process-export.ts';
import { readProcessFields } from './process-fields.ts';
import { isNamed, recordIn, recordOf } from './signature.ts';

interface Shape {
  readonly kind: 'process' | 'coProcess' | 'broadcastProcess';
  /** Names of the methods for records of the first and of the second input. */
  readonly first: string;
  readonly second: string | undefined;
}

export const processKind = kindOf({ kind: 'process', first: 'process', second: undefined });
export const coProcessKind = kindOf({
  kind: 'coProcess',
  first: 'processLeft',
  second: 'processRight',
});
export const broadcastProcessKind = kindOf({
  kind: 'broadcastProcess',
  first: 'process',
  second: 'processBroadcast',
});

function kindOf(shape: Shape): ClassForm {
  return {
    kind: shape.kind,
    form: 'class',
    read: (place, declaration) => read(place, declaration, shape),
    generate: (fn) => generateProcess(fn, shape),
    substitutions(fn) {
      const folds = new Map<string, Node>();
      for (const state of fn.process?.states ?? []) {
        if (state.fold !== undefined) folds.set(foldName(fn, state), state.fold);
      }
      return folds;
    },
  };
}

interface Method {
  readonly record: RecordUse;
  readonly output: RecordUse;
}

function read(
  place: Place,
  declaration: ClassDeclaration,
  shape: Shape,
): FunctionModel | undefined {
  const name = declaration.name.text;
  const fail = (where: Node, what: string): undefined => {
    place.report(where.range, `@${shape.kind} "${name}" ${what}`);
    return undefined;
  };
  if (declaration.extendsType !== null) return fail(declaration.name, 'cannot extend a class');
  const reading = { place, declaration, fail };
  const first = readMethod(reading, shape.first);
  const second = shape.second === undefined ? undefined : readMethod(reading, shape.second);
  const timer = findMethod(reading, 'onTimer');
  const fields = readProcessFields(place, declaration, { kind: shape.kind, fail });
  if (first === undefined || (shape.second !== undefined && second === undefined)) return undefined;
  if (fields === undefined) return undefined;
  if (second !== undefined && second.output.record !== first.output.record) {
    return fail(declaration.name, 'emits different records from its two methods');
  }
  if (timer !== undefined && !checkTimer(reading, timer, first)) return undefined;
  return {
    ...{ name, kind: shape.kind, source: place.source, declaration },
    ...{ input: first.record, output: first.output, accumulator: undefined },
    process: { ...fields, second: second?.record, hasTimers: timer !== undefined },
  };
}

interface Reading {
  readonly place: Place;
  readonly declaration: ClassDeclaration;
  fail(where: Node, what: string): undefined;
}

function findMethod({ place, declaration }: Reading, name: string) {
  const { NodeKind } = place.compiler;
  return declaration.members.find(
    (member) => member.kind === NodeKind.MethodDeclaration && member.name.text === name,
  ) as FunctionDeclaration | undefined;
}

/** `name(record: In, context: Context<Out>): void` */
function readMethod(reading: Reading, name: string): Method | undefined {
  const { place, declaration, fail } = reading;
  const written = `${name}(record: In, context: Context<Out>): void`;
  const method = findMethod(reading, name);
  if (method === undefined) return fail(declaration.name, `has no method ${written}`);
  const { parameters, returnType } = method.signature;
  const isStatic = (method.flags & place.compiler.CommonFlags.Static) !== 0;
  if (isStatic || parameters.length !== 2 || !isNamed(returnType, 'void')) {
    return fail(method.name, `has "${name}" in another form than ${written}`);
  }
  const record = recordOf(place, parameters[0].type);
  if (record === undefined) {
    return fail(parameters[0].type, `takes something that is not a @record; write ${written}`);
  }
  const output = recordIn(place, parameters[1].type, 'Context');
  if (output === undefined) {
    return fail(parameters[1].type, `has no Context of a @record; write ${written}`);
  }
  return { record, output };
}

/** `onTimer(time: i64, key: In, context: Context<Out>): void` */
function checkTimer(reading: Reading, timer: FunctionDeclaration, first: Method): boolean {
  const { place, fail } = reading;
  const { parameters, returnType } = timer.signature;
  const input = first.record.code;
  const written = `onTimer(time: i64, key: ${input}, context: Context<${first.output.code}>): void`;
  const isWritten =
    parameters.length === 3 &&
    isNamed(parameters[0].type, 'i64', 'Timestamp') &&
    recordOf(place, parameters[1].type)?.record === first.record.record &&
    recordIn(place, parameters[2].type, 'Context')?.record === first.output.record &&
    isNamed(returnType, 'void');
  if (!isWritten) fail(timer.name, `has "onTimer" in another form than ${written}`);
  return isWritten;
}
