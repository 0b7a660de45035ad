/** Names of a file that generated code in the same file would clash with. */
import type {
  Compiler,
  Declaration,
  ImportStatement,
  Node,
  Source,
  VariableStatement,
} from './compiler-api.ts';
import type { Report } from './module-model.ts';

/** Builtins that generated code calls. */
const BUILTINS: ReadonlySet<string> = new Set(['load', 'store', 'changetype']);

/** Reports top-level names that belong to the compiler. */
export function checkNames(compiler: Compiler, sources: readonly Source[], report: Report): void {
  for (const source of sources) {
    for (const statement of source.statements) {
      for (const { name } of declarationsOf(compiler, statement)) {
        if (/^(mr_|__mr)/.test(name.text)) {
          report(name.range, 'names that start with "mr_" or "__mr" are the compiler\'s');
        } else if (BUILTINS.has(name.text)) {
          report(name.range, `the name "${name.text}" is that of a builtin; choose another`);
        }
      }
    }
  }
}

function declarationsOf(compiler: Compiler, statement: Node): readonly Declaration[] {
  const { NodeKind } = compiler;
  switch (statement.kind) {
    case NodeKind.Variable:
      return (statement as VariableStatement).declarations;
    case NodeKind.Import:
      return (statement as ImportStatement).declarations ?? [];
    case NodeKind.FunctionDeclaration:
    case NodeKind.ClassDeclaration:
    case NodeKind.EnumDeclaration:
    case NodeKind.InterfaceDeclaration:
    case NodeKind.NamespaceDeclaration:
    case NodeKind.TypeDeclaration:
      return [statement as Declaration];
    default:
      return [];
  }
}
