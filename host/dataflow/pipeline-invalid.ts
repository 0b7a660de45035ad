import { MillraceError } from '../errors.ts';
import { FINDINGS_SHOWN_MAX } from '../limits.ts';
import { type Finding, formatFinding } from './finding.ts';

/** The error for a pipeline with these findings, of which there is at least one. */
export function pipelineInvalid(
  name: string | undefined,
  findings: readonly Finding[],
): MillraceError {
  const all = [...new Set(findings.map(formatFinding))];
  const details = all.slice(0, FINDINGS_SHOWN_MAX);
  if (all.length > details.length) details.push(`and ${all.length - details.length} more`);
  const pipeline = name === undefined ? 'the pipeline' : `pipeline ${JSON.stringify(name)}`;
  const count = all.length === 1 ? 'a finding' : `${all.length} findings`;
  return new MillraceError('PIPELINE_INVALID', `${pipeline} has ${count}: ${details[0]}`, {
    details,
    hint: 'each finding starts with its path in the document',
  });
}
