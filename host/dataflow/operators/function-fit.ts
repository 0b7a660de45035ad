import { formatRecord, type RecordSchema, sameLayout } from '../../model/schema.ts';
import type { CompiledModule } from '../../sandbox/guest.ts';
import type { FunctionSpec } from '../plan.ts';
import { processDifferences } from './process/process-differences.ts';

/** What keeps a module from running at a step, one sentence per difference; empty = it fits. */
export function functionDifferences(spec: FunctionSpec, module: CompiledModule): readonly string[] {
  const { name, kind } = spec.function;
  const found = module.description.functions.find((candidate) => candidate.name === name);
  if (found === undefined) {
    const names = module.description.functions.map((candidate) => candidate.name).join(', ');
    return [`it has no function "${name}"; it has ${names === '' ? 'none' : names}`];
  }
  if (found.kind !== kind) return [`function "${name}" is a ${found.kind}, not a ${kind}`];
  const differences: string[] = [];
  const compare = (what: string, has: RecordSchema | undefined, needs: RecordSchema) => {
    if (has !== undefined && sameLayout(has, needs)) return;
    const shown = has === undefined ? 'none' : formatRecord(has);
    differences.push(
      `${what} of function "${name}" is ${shown}, the step has ${formatRecord(needs)}`,
    );
  };
  compare('the input', found.input, spec.input);
  compare('the output', found.output, spec.output);
  const keepsState = spec.kind === 'keyed' || (spec.kind === 'windowed' && kind !== 'apply');
  if (keepsState) compare('the state', found.state, spec.state);
  if (spec.kind === 'process') differences.push(...processDifferences(spec, found));
  return differences;
}
