import { MillraceError } from '../errors.ts';
import { type Finding, formatFinding } from './finding.ts';

/** The error for a pipeline with these findings, of which there is at least one. */
export function pipelineInvalid(
  name: string | undefined,
  findings: readonly Finding[],
): MillraceError {
  const details = [...new Set(findings.map(formatFinding))];
  const pipeline = name === undefined ? 'the pipeline' : `pipeline ${JSON.stringify(name)}`;
  const count = details.length === 1 ? 'a finding' : `${details.length} findings`;
  return new MillraceError('PIPELINE_INVALID', `${pipeline} has ${count}: ${details[0]}`, {
    details,
    hint: 'each finding starts with its path in the document',
  });
}
