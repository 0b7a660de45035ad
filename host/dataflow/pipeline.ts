import type { z } from 'zod';
import { OPERATORS_MAX } from '../limits.ts';
import { isName } from '../model/name.ts';
import { shapeFinding } from './document/check-shape.ts';
import { pipelineSchema } from './document/pipeline-schema.ts';
import { readText } from './document/read-text.ts';
import { schemaFindings, valueAt } from './document/schema-findings.ts';
import type { Finding } from './finding.ts';
import { pipelineInvalid } from './pipeline-invalid.ts';

/**
 * What the user wrote, checked by itself: plain data in the form of the document, durations and sizes
 * as texts. Whether it fits its modules and connectors is `planPipeline`'s to say.
 */
export type Pipeline = z.infer<typeof pipelineSchema>;

/**
 * Reads a pipeline from YAML or JSON. Throws `PIPELINE_UNREADABLE`, `PIPELINE_INVALID`.
 *
 *     readPipeline('{ name: copy, sources: { in: { connector: stdin } }, sinks: { out: { from: in, connector: stdout } } }')
 */
export function readPipeline(text: string): Pipeline {
  return checkPipeline(readText(text));
}

/** A value as a pipeline. Throws `PIPELINE_INVALID` with every finding in `details`, its path first. */
export function checkPipeline(value: unknown): Pipeline {
  const misshapen = shapeFinding(value);
  if (misshapen !== undefined) throw pipelineInvalid(undefined, [misshapen]);
  const parsed = pipelineSchema.safeParse(value);
  const findings = [
    ...(parsed.success ? [] : schemaFindings(parsed.error.issues, value)),
    ...sizeFindings(value),
  ];
  if (parsed.success && findings.length === 0) return parsed.data;
  const name = valueAt(value, ['name']);
  throw pipelineInvalid(typeof name === 'string' && isName(name) ? name : undefined, findings);
}

/** Sections that are empty or, together, too large. */
function sizeFindings(value: unknown): Finding[] {
  const count = (section: string) => {
    const entries = valueAt(value, [section]);
    return typeof entries === 'object' && entries !== null
      ? Object.keys(entries).length
      : undefined;
  };
  const findings: Finding[] = [];
  for (const section of ['sources', 'sinks']) {
    if (count(section) === 0) findings.push({ path: [section], message: 'has no entry' });
  }
  const all = (count('sources') ?? 0) + (count('steps') ?? 0) + (count('sinks') ?? 0);
  if (all > OPERATORS_MAX) {
    const message = `${all} sources, steps and sinks, limit ${OPERATORS_MAX}`;
    findings.push({ path: [], message });
  }
  return findings;
}
