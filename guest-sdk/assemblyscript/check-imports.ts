/**
 * What a guest may import (`ABI.md`, section 5). Without this check a module that asks for more would
 * compile here and be refused by the gate, far from the line that is the cause.
 */
import type {
  BinaryenModule,
  Compiler,
  Declaration,
  Identifier,
  Node,
  Range,
  Source,
  Toolchain,
} from './compiler-api.ts';
import { visit } from './graft.ts';
import type { Report } from './module-model.ts';

const ALLOWED: ReadonlySet<string> = new Set([
  'millrace.emit',
  'millrace.state',
  'millrace.log',
  ...['side', 'timers', 'map', 'map_get', 'map_next', 'metrics'].map((name) => `millrace.${name}`),
  'env.abort',
]);
/** Imports that are named otherwise than what a user writes. */
const WRITTEN: ReadonlyMap<string, string> = new Map([['seed', 'Math.random']]);

/** Reports each import that a guest cannot have, where the first file uses it. */
export function checkImports(
  { compiler, binaryen }: Toolchain,
  output: BinaryenModule,
  options: { readonly sources: readonly Source[]; readonly report: Report },
): void {
  const { sources, report } = options;
  for (let index = 0; index < output.getNumFunctions(); index++) {
    const { module, base } = binaryen.getFunctionInfo(output.getFunctionByIndex(index));
    if (module === '' || ALLOWED.has(`${module}.${base}`)) continue;
    const written = WRITTEN.get(base) ?? base;
    report(
      findUse(compiler, sources, written),
      `"${written}" does not exist in a guest, which has no clock, no randomness and no console; ` +
        'for a log there is "log.info"',
    );
  }
}

interface Access extends Node {
  readonly expression?: Identifier;
  readonly property?: Identifier;
}

function findUse(compiler: Compiler, sources: readonly Source[], written: string): Range {
  const { NodeKind, CommonFlags } = compiler;
  let found: Range | undefined;
  for (const source of sources) {
    visit(compiler, source.statements, (node) => {
      const access = node as Access;
      const declared = node as Declaration;
      const isUse =
        (node.kind === NodeKind.PropertyAccess &&
          `${access.expression?.text}.${access.property?.text}` === written) ||
        (node.kind === NodeKind.Call && access.expression?.text === written) ||
        (node.kind === NodeKind.FunctionDeclaration &&
          (declared.flags & CommonFlags.Ambient) !== 0 &&
          declared.name.text === written);
      if (isUse) found ??= node.range;
    });
  }
  return found ?? { start: 0, end: 0, source: sources[0] };
}
