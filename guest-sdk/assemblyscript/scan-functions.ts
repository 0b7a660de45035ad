/** Finds the functions that a module offers and checks their signatures. */
import type {
  CallExpression,
  ClassDeclaration,
  Compiler,
  Declaration,
  FunctionDeclaration,
  Node,
  Source,
  VariableStatement,
} from './compiler-api.ts';
import { asClass, identifierText } from './file-names.ts';
import { parseStatements } from './graft.ts';
import { KINDS } from './kinds/all-kinds.ts';
import type { FunctionForm, Kind, Place, ScanContext } from './kinds/kind.ts';
import { isNamed, sdkName } from './kinds/signature.ts';
import type { FunctionModel } from './module-model.ts';
import { checkName } from './scan-records.ts';

/** Decorators of AssemblyScript that may stand beside ours. */
const BESIDE: ReadonlySet<string> = new Set(['inline', 'final']);

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
  if (kind?.form !== 'function') return statement;
  const argument = call.args[0] as Node & { declaration?: FunctionDeclaration };
  if (call.args.length !== 1 || argument.kind !== NodeKind.Function || !argument.declaration) {
    place.report(call.range, `${kind.kind} takes one function, written where it is passed`);
    return statement;
  }
  const written = argument.declaration;
  const name = variable.name.text;
  const [template] = parseStatements(
    compiler,
    `@${kind.kind} function ${name}(): void {}`,
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
    place.report(
      declaration.name.range,
      `@${kind.kind} "${declaration.name.text}" is not exported`,
    );
    return undefined;
  }
  if ((declaration.typeParameters?.length ?? 0) > 0) {
    place.report(
      declaration.name.range,
      `@${kind.kind} "${declaration.name.text}" cannot be generic`,
    );
    return undefined;
  }
  if (kind.form === 'class') return kind.read(place, declaration as ClassDeclaration);
  completeReturnType(place, declaration as FunctionDeclaration, kind);
  return kind.read(place, declaration as FunctionDeclaration);
}

/** The function kind that the decorators give; reports what does not belong. */
function readDecorators(
  place: Place,
  declaration: Declaration,
  isClass: boolean,
): Kind | undefined {
  let found: Kind | undefined;
  for (const decorator of declaration.decorators ?? []) {
    const written = identifierText(place.compiler, decorator.name) ?? '';
    const kind = kindOf(place, decorator.name);
    if (decorator.args !== null && kind !== undefined) {
      place.report(decorator.range, `@${written} takes no arguments`);
    }
    if (kind !== undefined && found !== undefined) {
      place.report(decorator.range, `"${declaration.name.text}" is already @${found.kind}`);
    } else if (kind !== undefined && (kind.form === 'class') !== isClass) {
      place.report(decorator.range, `@${kind.kind} belongs on a ${isClass ? 'function' : 'class'}`);
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

function kindOf(place: Place, name: Node): Kind | undefined {
  const text = sdkName(place, name);
  return text === undefined ? undefined : KINDS.get(text);
}

/** What the types of the call form leave out: `bool` of a filter, `void` of a flatMap, the record of a reduce. */
function completeReturnType(
  place: Place,
  declaration: FunctionDeclaration,
  { impliedResult }: FunctionForm,
): void {
  const { signature } = declaration;
  if (!isNamed(signature.returnType, '') || impliedResult === 'none') return;
  if (impliedResult === 'first parameter') {
    if (signature.parameters.length > 0) signature.returnType = signature.parameters[0].type;
    return;
  }
  const text = `function f(): ${impliedResult} {}`;
  const [template] = parseStatements(place.compiler, text, declaration.name.range);
  signature.returnType = (template as FunctionDeclaration).signature.returnType;
}
