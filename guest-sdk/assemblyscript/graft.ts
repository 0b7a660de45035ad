/** Generated code enters the user's syntax tree as text that is parsed and grafted in. */
import assert from 'node:assert';
import type {
  ClassDeclaration,
  Compiler,
  Declaration,
  Identifier,
  Node,
  Range,
} from './compiler-api.ts';

/**
 * The statements of `text`, placed at `range`: errors and traps in generated code point to the
 * user's declaration that it was generated for.
 */
export function parseStatements(compiler: Compiler, text: string, range: Range): Node[] {
  const parser = new compiler.Parser([], []);
  parser.parseFile(text, 'generated.ts', false);
  assert(parser.diagnostics.length === 0, `generated code does not parse:\n${text}`);
  const { statements } = parser.sources[0];
  visit(compiler, statements, (node) => {
    node.range = range;
  });
  return statements;
}

/** The members of the class that `text` declares. */
export function parseMembers(compiler: Compiler, text: string, range: Range): Declaration[] {
  return (parseStatements(compiler, text, range)[0] as ClassDeclaration).members;
}

/** Puts the user's expressions, with their own places, where identifiers of these names stand. */
export function substitute(
  compiler: Compiler,
  root: object,
  replacements: ReadonlyMap<string, Node>,
): void {
  const container = root as Record<string, unknown>;
  for (const key of Object.keys(container)) {
    const value = container[key];
    if (key === 'range' || typeof value !== 'object' || value === null) continue;
    const replacement = isNode(compiler, value)
      ? value.kind === compiler.NodeKind.Identifier
        ? replacements.get((value as Identifier).text)
        : undefined
      : undefined;
    if (replacement !== undefined) container[key] = replacement;
    else if (Array.isArray(value) || isNode(compiler, value)) {
      substitute(compiler, value, replacements);
    }
  }
}

/** Calls `action` for every node below and at `root`. */
export function visit(compiler: Compiler, root: object, action: (node: Node) => void): void {
  if (isNode(compiler, root)) action(root);
  for (const [key, value] of Object.entries(root)) {
    if (key === 'range' || typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value) || isNode(compiler, value)) visit(compiler, value, action);
  }
}

function isNode(compiler: Compiler, value: object): value is Node {
  return value instanceof compiler.Node;
}
