import { isAbsolute, relative, resolve } from 'node:path';
import type { Finding } from '../dataflow/finding.ts';
import { pipelineInvalid } from '../dataflow/pipeline-invalid.ts';
import type { Plan } from '../dataflow/plan.ts';
import { MillraceError } from '../errors.ts';
import type { Json } from '../model/json.ts';

/** Throws `REQUEST_INVALID` unless the paths of a document start in the folder. */
export function assertStartsBelow(start: string, folder: string): void {
  if (isBelow(start, folder)) return;
  throw new MillraceError(
    'REQUEST_INVALID',
    'the base directory is not in the folder of the tenant',
    {
      hint: `leave it out: paths start at "${folder}"`,
    },
  );
}

/**
 * Throws `PIPELINE_INVALID` unless all files of a plan are in the folder. Nothing that a job writes there is a link, so names that stay
 * in it are files that are in it.
 */
export function assertFilesBelow(plan: Plan, folder: string): void {
  const findings: Finding[] = [];
  for (const operator of plan.chains.flatMap((chain) => chain.operators)) {
    if (operator.kind !== 'source' && operator.kind !== 'sink') continue;
    const section = operator.kind === 'source' ? 'sources' : 'sinks';
    for (const option of FILE_OPTIONS) {
      if (!Object.hasOwn(operator.options, option)) continue;
      const value = operator.options[option];
      const paths = Array.isArray(value) ? value : [value];
      if (paths.every((path) => isPathBelow(path, plan.baseDirectory, folder))) continue;
      const message = 'the path leads out of the folder of the tenant';
      findings.push({ path: [section, operator.id, option], message });
    }
  }
  if (findings.length > 0) throw pipelineInvalid(plan.name, findings);
}

/** Options of connectors that name files: who adds one to a connector adds it here. */
export const FILE_OPTIONS = ['path', 'spool', 'tokenFile', 'passwordFile'] as const;

function isPathBelow(path: Json | undefined, start: string, folder: string): boolean {
  return typeof path === 'string' && isBelow(resolve(start, path), folder);
}

/** Braces and brackets of a glob can hide "..": names with two dots in a row are not taken at all. */
function isBelow(path: string, folder: string): boolean {
  const from = relative(folder, path);
  return !isAbsolute(from) && !from.includes('..');
}
