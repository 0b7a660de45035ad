/**
 * A guest keeps nothing between calls. What a file declares at its top level must therefore be
 * constant: numbers, bools, strings, `Utf8`, and `StaticArray`s of these that nobody writes to.
 */
import type {
  ClassDeclaration,
  Compiler,
  Element,
  NamespaceDeclaration,
  Node,
  Program,
  Source,
  VariableStatement,
} from './compiler-api.ts';
import { visit } from './graft.ts';
import type { Report } from './module-model.ts';

const HINT = 'a function keeps nothing between records; state belongs in reduce or aggregate';

/** Reports top-level variables, from the syntax alone. */
export function checkVariables(
  compiler: Compiler,
  sources: readonly Source[],
  report: Report,
): void {
  for (const source of sources) {
    checkStatements(compiler, source.statements, report);
    checkStores(compiler, source, report);
  }
}

function checkStatements(compiler: Compiler, statements: readonly Node[], report: Report): void {
  const { NodeKind, CommonFlags } = compiler;
  for (const statement of statements) {
    if (statement.kind === NodeKind.Variable) {
      for (const { name, flags } of (statement as VariableStatement).declarations) {
        if ((flags & CommonFlags.Const) !== 0) continue;
        report(name.range, `"${name.text}" is a variable at the top level: ${HINT}`);
      }
    } else if (statement.kind === NodeKind.NamespaceDeclaration) {
      checkStatements(compiler, (statement as NamespaceDeclaration).members, report);
    } else if (statement.kind === NodeKind.ClassDeclaration) {
      for (const member of (statement as ClassDeclaration).members) {
        const isVariable =
          member.kind === NodeKind.FieldDeclaration &&
          (member.flags & CommonFlags.Static) !== 0 &&
          (member.flags & CommonFlags.Readonly) === 0;
        if (isVariable) {
          report(member.name.range, `"${member.name.text}" is a static variable: ${HINT}`);
        }
      }
    }
  }
}

/** Reports writes to elements of top-level constants. */
function checkStores(compiler: Compiler, source: Source, report: Report): void {
  const { NodeKind } = compiler;
  const constants = new Set<string>();
  for (const statement of source.statements) {
    if (statement.kind !== NodeKind.Variable) continue;
    for (const { name } of (statement as VariableStatement).declarations) constants.add(name.text);
  }
  if (constants.size === 0) return;
  visit(compiler, source.statements, (node) => {
    const name = writtenName(compiler, node);
    if (name === undefined || !constants.has(name)) return;
    report(node.range, `an element of the constant "${name}" is written: ${HINT}`);
  });
}

interface Access extends Node {
  readonly expression?: Access;
  readonly left?: Access;
  readonly operand?: Access;
  readonly text?: string;
  readonly operator?: number;
}

/** The `x` of `x[i] = v`, `x[i] += v`, `x[i]++`. */
function writtenName(compiler: Compiler, node: Node): string | undefined {
  const { NodeKind } = compiler;
  const access = node as Access;
  const isBinary = node.kind === NodeKind.Binary && isAssignment(compiler, access.operator);
  const isStep =
    node.kind === NodeKind.UnaryPostfix ||
    (node.kind === NodeKind.UnaryPrefix && isStepping(compiler, access.operator));
  const target = isBinary ? access.left : isStep ? access.operand : undefined;
  if (target?.kind !== NodeKind.ElementAccess) return undefined;
  return target.expression?.kind === NodeKind.Identifier ? target.expression.text : undefined;
}

function isAssignment(compiler: Compiler, operator: number | undefined): boolean {
  const name = compiler.Token[String(operator)];
  return name === 'Equals' || /_Equals$/.test(name ?? '');
}

function isStepping(compiler: Compiler, operator: number | undefined): boolean {
  const name = compiler.Token[String(operator)];
  return name === 'Plus_Plus' || name === 'Minus_Minus';
}

/** Reports constants of a type that can be changed, after the compiler knows their types. */
export function checkConstants(compiler: Compiler, program: Program, report: Report): void {
  for (const element of new Set(program.elementsByName.values())) {
    if (element.kind !== compiler.ElementKind.Global) continue;
    const { declaration } = element;
    if (declaration.range.source.isLibrary || isConstant(compiler, element)) continue;
    report(declaration.name.range, `"${element.name}" can be changed from call to call: ${HINT}`);
  }
}

function isConstant(compiler: Compiler, element: Element): boolean {
  let type: Element['type'] | undefined = element.type;
  const { Reference } = compiler.TypeFlags;
  while (type !== undefined && (type.flags & Reference) !== 0) {
    const found = type.getClass();
    if (found === null) return true; // a function
    const name = found.prototype.internalName;
    if (name === '~lib/string/String' || /guest-sdk\/(utf8\/Utf8|bytes\/Bytes)$/.test(name)) {
      return true;
    }
    if (name !== '~lib/staticarray/StaticArray') return false;
    type = found.typeArguments?.[0];
  }
  return true;
}
