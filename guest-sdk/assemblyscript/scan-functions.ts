/** Finds the functions that a module offers and checks their signatures. */
import type {
  CallExpression,
  ClassDeclaration,
  Compiler,
  Declaration,
  FunctionDeclaration,
  NamedType,
  Node,
  Source,
  TypeNode,
  VariableStatement,
} from './compiler-api.ts';
import { asClass, type FileNames, identifierText } from './file-names.ts';
import { parseStatements } from './graft.ts';
import type { FunctionKind, FunctionModel, RecordUse, Report } from './module-model.ts';
import { checkName } from './scan-records.ts';

const KINDS: ReadonlySet<string> = new Set(['map', 'filter', 'flatMap', 'reduce', 'aggregate']);
/** Decorators of AssemblyScript that may stand beside ours. */
const BESIDE: ReadonlySet<string> = new Set(['inline', 'final']);

export interface ScanContext {
  readonly compiler: Compiler;
  readonly names: FileNames;
  readonly report: Report;
}

interface Place extends ScanContext {
  readonly source: Source;
}

/** All functions of the files. Call forms, `export const f = map(…)`, become declarations on the way. */
export function scanFunctions(context: ScanContext, sources: readonly Source[]): FunctionModel[] {
  const functions: FunctionModel[] = [];
  for (const source of sources) {
    const place = { ...context, source };
    source.statements = source.statements.map((statement) => declare(place, statement));
    for (const statement of source.statements) {
      const found = scanStatement(place, statement);
      if (found === undefined) continue;
      if (functions.some((other) => other.name === found.name)) {
        context.report(found.declaration.name.range, `there are two functions "${found.name}"`);
      } else {
        functions.push(found);
      }
    }
  }
  return functions;
}

/** `export const f = map((line: Line): Word => …)` as `@map export function f(line: Line): Word …`. */
function declare(place: Place, statement: Node): Node {
  const { compiler } = place;
  const { NodeKind, CommonFlags } = compiler;
  if (statement.kind !== NodeKind.Variable) return statement;
  const { declarations } = statement as VariableStatement;
  const variable = declarations[0];
  const call = variable.initializer as CallExpression | null;
  if (declarations.length !== 1 || call?.kind !== NodeKind.Call) return statement;
  const kind = kindOf(place, call.expression);
  if (kind === undefined || kind === 'aggregate') return statement;
  const argument = call.args[0] as Node & { declaration?: FunctionDeclaration };
  if (call.args.length !== 1 || argument.kind !== NodeKind.Function || !argument.declaration) {
    place.report(call.range, `${kind} takes one function, written where it is passed`);
    return statement;
  }
  const written = argument.declaration;
  const name = variable.name.text;
  const [template] = parseStatements(
    compiler,
    `@${kind} function ${name}(): void {}`,
    written.range,
  );
  const declared = template as FunctionDeclaration;
  const { body } = written;
  const isExpression = body !== null && body.kind === NodeKind.Expression;
  const result = new compiler.FunctionDeclaration(
    variable.name,
    declared.decorators,
    variable.flags & CommonFlags.Export,
    null,
    written.signature,
    isExpression ? returning(compiler, body) : body,
    0,
    variable.range,
  );
  return result;
}

/** The block `{ return <expression>; }`. */
function returning(compiler: Compiler, body: Node & { expression?: Node }): Node {
  const [template] = parseStatements(compiler, 'function f(): i32 { return 0; }', body.range);
  const block = (template as FunctionDeclaration).body!;
  (block.statements![0] as Node & { value: Node }).value = body.expression!;
  return block;
}

function scanStatement(place: Place, statement: Node): FunctionModel | undefined {
  const { NodeKind } = place.compiler;
  const isClass = asClass(place.compiler, statement) !== undefined;
  if (!isClass && statement.kind !== NodeKind.FunctionDeclaration) return undefined;
  const declaration = statement as FunctionDeclaration | ClassDeclaration;
  const kind = readDecorators(place, declaration, isClass);
  if (kind === undefined) return undefined;
  checkName(place.report, 'function', declaration);
  if ((declaration.flags & place.compiler.CommonFlags.Export) === 0) {
    place.report(declaration.name.range, `@${kind} "${declaration.name.text}" is not exported`);
    return undefined;
  }
  if ((declaration.typeParameters?.length ?? 0) > 0) {
    place.report(declaration.name.range, `@${kind} "${declaration.name.text}" cannot be generic`);
    return undefined;
  }
  return kind === 'aggregate'
    ? readAggregate(place, declaration as ClassDeclaration)
    : readFunction(place, declaration as FunctionDeclaration, kind);
}

/** The function kind that the decorators give; reports what does not belong. */
function readDecorators(
  place: Place,
  declaration: Declaration,
  isClass: boolean,
): FunctionKind | undefined {
  let found: FunctionKind | undefined;
  for (const decorator of declaration.decorators ?? []) {
    const written = identifierText(place.compiler, decorator.name) ?? '';
    const kind = kindOf(place, decorator.name);
    if (decorator.args !== null && kind !== undefined) {
      place.report(decorator.range, `@${written} takes no arguments`);
    }
    if (kind !== undefined && found !== undefined) {
      place.report(decorator.range, `"${declaration.name.text}" is already @${found}`);
    } else if (kind !== undefined && (kind === 'aggregate') !== isClass) {
      place.report(decorator.range, `@${kind} belongs on a ${isClass ? 'function' : 'class'}`);
    } else if (kind !== undefined) {
      found = kind;
    } else if (sdkName(place, decorator.name) === 'record') {
      if (!isClass) place.report(decorator.range, '@record belongs on a class');
    } else if (decorator.decoratorKind === place.compiler.DecoratorKind.Custom) {
      place.report(decorator.range, `unknown decorator "@${written}"`);
    } else if (!BESIDE.has(written)) {
      place.report(decorator.range, `decorator "@${written}" is not available to guests`);
    }
  }
  if (found !== undefined) {
    declaration.decorators = (declaration.decorators ?? []).filter(
      (decorator) => decorator.decoratorKind !== place.compiler.DecoratorKind.Custom,
    );
  }
  return found;
}

function sdkName(place: Place, name: Node): string | undefined {
  const text = identifierText(place.compiler, name);
  if (text === undefined) return undefined;
  const meaning = place.names.resolve(place.source, text);
  return meaning?.kind === 'sdk' ? meaning.name : text;
}

function kindOf(place: Place, name: Node): FunctionKind | undefined {
  const text = sdkName(place, name);
  return text !== undefined && KINDS.has(text) ? (text as FunctionKind) : undefined;
}

function readFunction(
  place: Place,
  declaration: FunctionDeclaration,
  kind: Exclude<FunctionKind, 'aggregate'>,
): FunctionModel | undefined {
  const { signature, name } = declaration;
  const wanted = {
    map: '(record: In): Out',
    filter: '(record: In): bool',
    flatMap: '(record: In, out: Emitter<Out>): void',
    reduce: '(a: Record, b: Record): Record',
  }[kind];
  const fail = (where: Node, what: string): undefined => {
    place.report(where.range, `@${kind} "${name.text}" ${what}; it is written ${wanted}`);
    return undefined;
  };
  const { parameters } = signature;
  const count = kind === 'flatMap' || kind === 'reduce' ? 2 : 1;
  if (parameters.length !== count) return fail(name, `takes ${parameters.length} parameters`);
  const unusual = parameters.find((one) => one.parameterKind !== 0 || one.initializer !== null);
  if (unusual !== undefined) return fail(unusual, 'has an optional or rest parameter');
  const input = recordOf(place, parameters[0].type);
  if (input === undefined) return fail(parameters[0].type, 'takes something that is not a @record');
  completeReturnType(place, declaration, kind);
  const result = signature.returnType;
  const made = (output: RecordUse): FunctionModel => ({
    ...{ name: name.text, kind, source: place.source, declaration },
    ...{ input, output, accumulator: undefined },
  });
  if (kind === 'filter')
    return isNamed(result, 'bool', 'boolean') ? made(input) : fail(result, 'does not return bool');
  if (kind === 'flatMap') {
    if (!isNamed(result, 'void')) return fail(result, 'returns something');
    const output = emittedRecord(place, parameters[1].type);
    return output === undefined
      ? fail(parameters[1].type, 'has no Emitter of a @record as second parameter')
      : made(output);
  }
  if (isNamed(result, '')) return fail(name, 'has no return type');
  const output = recordOf(place, result);
  if (output === undefined) return fail(result, 'does not return a @record');
  if (kind === 'map') return made(output);
  const second = recordOf(place, parameters[1].type);
  return second?.record === input.record && output.record === input.record
    ? made(input)
    : fail(name, 'mixes records of different types');
}

/** What the types of the call form leave out: `bool` of a filter, `void` of a flatMap, the record of a reduce. */
function completeReturnType(
  place: Place,
  declaration: FunctionDeclaration,
  kind: FunctionKind,
): void {
  const { signature } = declaration;
  if (!isNamed(signature.returnType, '')) return;
  if (kind === 'reduce') signature.returnType = signature.parameters[0].type;
  if (kind !== 'filter' && kind !== 'flatMap') return;
  const text = `function f(): ${kind === 'filter' ? 'bool' : 'void'} {}`;
  const [template] = parseStatements(place.compiler, text, declaration.name.range);
  signature.returnType = (template as FunctionDeclaration).signature.returnType;
}

function readAggregate(place: Place, declaration: ClassDeclaration): FunctionModel | undefined {
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

function recordOf(place: Place, type: TypeNode): RecordUse | undefined {
  if (type.kind !== place.compiler.NodeKind.NamedType || type.isNullable) return undefined;
  const named = type as NamedType;
  if (named.name.next !== null || (named.typeArguments?.length ?? 0) > 0) return undefined;
  const code = named.name.identifier.text;
  const meaning = place.names.resolve(place.source, code);
  return meaning?.kind === 'record' ? { code, record: meaning.record } : undefined;
}

function emittedRecord(place: Place, type: TypeNode): RecordUse | undefined {
  if (type.kind !== place.compiler.NodeKind.NamedType || type.isNullable) return undefined;
  const named = type as NamedType;
  const isEmitter = sdkName(place, named.name.identifier) === 'Emitter';
  if (!isEmitter || named.typeArguments?.length !== 1) return undefined;
  return recordOf(place, named.typeArguments[0]);
}

function isNamed(type: TypeNode, ...names: readonly string[]): boolean {
  const named = type as NamedType;
  return !type.isNullable && names.includes(named.name?.identifier.text ?? '?');
}
