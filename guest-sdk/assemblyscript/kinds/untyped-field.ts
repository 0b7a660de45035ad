import type { Compiler, Diagnostic, Source, VariableLike } from '../compiler-api.ts';
import { asClass, FileNames } from '../file-names.ts';
import { isDecorated } from '../scan-records.ts';
import { PROCESS_DECORATORS } from './process-decorators.ts';

/**
 * Whether the parser misses the type of a field that has one, by what it is made with: in AssemblyScript every field needs a type,
 * those of process classes are given theirs when they are read.
 */
export function isOfUntypedField(
  compiler: Compiler,
  { code, range }: Diagnostic,
  sources: readonly Source[],
): boolean {
  if (code !== compiler.DiagnosticCode.Type_expected || range === null) return false;
  const { NodeKind } = compiler;
  const names = new FileNames(compiler, sources);
  const { source } = range;
  return source.statements.some((statement) => {
    const declaration = asClass(compiler, statement);
    if (declaration === undefined) return false;
    const isProcess = PROCESS_DECORATORS.some((wanted) =>
      isDecorated({ compiler, names }, source, declaration, wanted),
    );
    return (
      isProcess &&
      declaration.members.some((member) => {
        const { initializer, type, name } = member as VariableLike;
        const isUntyped = member.kind === NodeKind.FieldDeclaration && type === null;
        return isUntyped && initializer?.kind === NodeKind.New && name.range.start === range.start;
      })
    );
  });
}
