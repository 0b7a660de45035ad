import type { FunctionDescription } from '../../../model/module-description.ts';
import type { ProcessDescription } from '../../../model/process-description.ts';
import { formatRecord, type RecordSchema, sameLayout } from '../../../model/schema.ts';
import type { ProcessSpec } from '../../process-spec.ts';

/**
 * What keeps another version of a process function from taking over: what is stored, and what flows, must mean the same to both
 * Times to live may differ; those of the version that the step was planned with stay.
 */
export function processDifferences(spec: ProcessSpec, found: FunctionDescription): string[] {
  const what = `function "${found.name}"`;
  const { process } = found;
  if (process === undefined) return [`${what} declares no states`];
  const names = (list: readonly { readonly name: string }[]) =>
    list.map(({ name }) => name).join(', ') || 'none';
  const differences: string[] = [];
  const compare = (
    role: string,
    has: readonly (readonly [string, RecordSchema])[],
    needs: readonly (readonly [string, RecordSchema])[],
  ) => {
    const same =
      has.length === needs.length &&
      has.every(([name, record], i) => name === needs[i][0] && sameLayout(record, needs[i][1]));
    if (same) return;
    const shown = (list: typeof has) =>
      list.map(([, record]) => formatRecord(record)).join('; ') || 'none';
    differences.push(`${role} of ${what}: ${shown(has)}; the step has ${shown(needs)}`);
  };
  compare('the states', one('state', found.state), one('state', spec.state));
  compare('the second input', one('', process.second), one('', spec.process.second));
  compare('the map states', mapsOf(process), mapsOf(spec.process));
  compare('the side outputs', sidesOf(process), sidesOf(spec.process));
  const metrics = names(process.metrics);
  if (metrics !== names(spec.process.metrics)) {
    differences.push(
      `the metrics of ${what}: ${metrics}; the step has ${names(spec.process.metrics)}`,
    );
  }
  return differences;
}

function one(name: string, record: RecordSchema | undefined) {
  return record === undefined ? [] : ([[name, record]] as const);
}

function mapsOf({ maps }: ProcessDescription) {
  return maps.map(({ name, entry, broadcast }) => [`${name} ${broadcast}`, entry] as const);
}

function sidesOf({ sides }: ProcessDescription) {
  return sides.map(({ name, record }) => [name, record] as const);
}
