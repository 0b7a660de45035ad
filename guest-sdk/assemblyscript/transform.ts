/**
 * Turns a user's files into a guest module: records become views, functions get batch exports.
 * Works on the syntax tree between parsing and compiling; keeps nothing between compilations.
 */
import { checkNames } from './check-names.ts';
import { checkVariables } from './check-state.ts';
import type { Compiler, Declaration, Node, Range, Source } from './compiler-api.ts';
import { FileNames } from './file-names.ts';
import { defaultName, generateRecord } from './generate-record.ts';
import { parseMembers, parseStatements, substitute } from './graft.ts';
import { KINDS } from './kinds/all-kinds.ts';
import {
  exportName,
  type FunctionModel,
  type ModuleModel,
  type RecordModel,
  type Report,
} from './module-model.ts';
import { scanFunctions } from './scan-functions.ts';
import { scanRecords } from './scan-records.ts';

/** Reads the user's files, reports what is not allowed and rewrites them in place. */
export function transformModule(
  compiler: Compiler,
  sources: readonly Source[],
  report: Report,
): ModuleModel {
  const names = new FileNames(compiler, sources);
  const context = { compiler, names, report };
  const records = scanRecords(context, sources);
  const functions = scanFunctions(context, sources);
  checkNames(compiler, sources, report);
  checkVariables(compiler, sources, report);
  if (functions.length === 0 && sources.length > 0) {
    report(
      startOf(sources[0]),
      'the file has no function for a pipeline: decorate one, as in "@map"',
    );
  }
  return { records, functions };
}

/** Puts the generated code in. Call only when nothing was reported. */
export function graftModule(compiler: Compiler, module: ModuleModel): void {
  for (const record of module.records) graftRecord(compiler, record);
  for (const fn of module.functions) graftFunction(compiler, fn);
}

/** The file that the compiler starts from: it exports what the ABI names, and nothing else. */
export function entryText(module: ModuleModel, sdkPath: string): string {
  const lines = module.functions.map(
    (fn) => `export { ${exportName(fn)} } from ${JSON.stringify(`./${fn.source.internalPath}`)};`,
  );
  return [`export { mr_buffer } from ${JSON.stringify(`${sdkPath}/arena`)};`, ...lines].join('\n');
}

function graftRecord(compiler: Compiler, record: RecordModel): void {
  const { declaration } = record;
  const { NodeKind, CommonFlags } = compiler;
  const members = parseMembers(compiler, generateRecord(record), declaration.name.range);
  const defaults = new Map<string, Node>();
  for (const field of record.fields) {
    if (field.initializer !== null) defaults.set(defaultName(field), field.initializer);
  }
  substitute(compiler, members, defaults);
  const kept = declaration.members.filter(
    (member) =>
      member.kind !== NodeKind.FieldDeclaration || (member.flags & CommonFlags.Static) !== 0,
  );
  declaration.members = [...members, ...kept];
  declaration.decorators = (declaration.decorators ?? []).filter(
    (decorator) => decorator.decoratorKind !== compiler.DecoratorKind.Custom,
  );
}

function graftFunction(compiler: Compiler, fn: FunctionModel): void {
  const { range } = fn.declaration.name;
  const kind = KINDS.get(fn.kind);
  const statements = parseStatements(compiler, kind?.generate(fn) ?? '', range);
  substitute(compiler, statements, kind?.substitutions?.(fn) ?? new Map());
  fn.source.statements.push(...statements);
}

function startOf(source: Source): Range | Declaration {
  return { start: 0, end: 0, source };
}
