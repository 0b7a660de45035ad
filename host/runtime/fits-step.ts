import { processDifferences } from '../dataflow/operators/process/process-differences.ts';
import type { FunctionSpec } from '../dataflow/plan.ts';
import type { ModuleDescription } from '../model/module-description.ts';
import { formatRecord, type RecordSchema, sameLayout } from '../model/schema.ts';

/** Why a module cannot take over a step, every reason; empty = it can. Rows in flight and states must mean the same to both versions. */
export function findMisfits(description: ModuleDescription, spec: FunctionSpec): readonly string[] {
  const { name, kind } = spec.function;
  const found = description.functions.find((one) => one.name === name);
  if (found === undefined) {
    const names = description.functions.map((one) => `"${one.name}"`).join(', ') || 'none';
    return [`it has no function "${name}", only: ${names}`];
  }
  if (found.kind !== kind) return [`function "${name}" is a ${found.kind}, the step a ${kind}`];
  // What a windowed apply keeps are records.
  const isState = spec.kind === 'keyed' || (spec.kind === 'windowed' && kind !== 'apply');
  const state = isState ? spec.state : undefined;
  return [
    ...compare('input', found.input, spec.input),
    ...compare('output', found.output, spec.output),
    ...(state === undefined || found.state === undefined
      ? []
      : compare('state', found.state, state)),
    ...(spec.kind === 'process' ? processDifferences(spec, found) : []),
  ];
}

function compare(what: string, theirs: RecordSchema, ours: RecordSchema): readonly string[] {
  if (sameLayout(theirs, ours)) return [];
  return [`its ${what} is ${formatRecord(theirs)}, the step's ${formatRecord(ours)}`];
}
