import { formatRecord, LINE_SCHEMA, type RecordSchema, sameLayout } from '../../model/schema.ts';
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
  if (format === 'lines' && !sameLayout(record, LINE_SCHEMA)) {
    return `lines hold ${formatRecord(LINE_SCHEMA)}, but the record is ${formatRecord(record)}`;
  }
  if (format === 'csv') {
    const field = record.fields.find(({ type }) => {
      const inner = type.kind === 'optional' ? type.of : type;
      return inner.kind === 'list' || inner.kind === 'record';
    });
    if (field !== undefined) {
      return `csv holds no lists and no records, but field "${field.name}" of ${formatRecord(record)} is one`;
    }
  }
  return undefined;
}
