import { assertSingleField } from '../../abi/assert-single-field.ts';
import { MillraceError } from '../../errors.ts';
import type { RecordSchema } from '../../model/schema.ts';
import type { Finding } from '../finding.ts';
import type { Records } from './infer-schemas.ts';
import type { PlanNode } from './node.ts';

/** Finds sources and sinks whose `format` cannot hold their record. Formats they do not know are their connectors' affair. */
export function checkFormats(
  nodes: readonly PlanNode[],
  records: Records,
  findings: Finding[],
): void {
  for (const node of nodes) {
    if (node.kind !== 'source' && node.kind !== 'sink') continue;
    const record = records.get(node.name);
    if (record === undefined) continue;
    const reason = misfit(node.options.format, record);
    if (reason !== undefined) findings.push({ path: [...node.path, 'format'], message: reason });
  }
}

function misfit(format: unknown, record: RecordSchema): string | undefined {
  if (format !== 'lines' && format !== 'raw') return undefined;
  try {
    assertSingleField(format, record, format === 'lines' ? 'string' : 'bytes');
    return undefined;
  } catch (thrown) {
    return MillraceError.from(thrown).message;
  }
}
