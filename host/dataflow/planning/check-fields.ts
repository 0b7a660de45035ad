import { formatRecord, formatType, type RecordSchema, type ValueType } from '../../model/schema.ts';
import type { Finding } from '../finding.ts';
import { type Records, unknownField } from './infer-schemas.ts';
import type { NodeInput, PlanNode } from './node.ts';

interface WantedField {
  readonly field: NodeInput;
  readonly fits: (type: ValueType) => boolean;
  /** What it should have been: `a string`. */
  readonly wanted: string;
}

/** Finds fields that steps of the host's own work by and that do not exist or have another type. */
export function checkFields(
  nodes: readonly PlanNode[],
  records: Records,
  findings: Finding[],
): void {
  for (const node of nodes) {
    const record = records.get(node.name);
    if (record === undefined) continue;
    for (const wanted of wantedFields(node)) {
      const message = misfit(wanted, record);
      if (message !== undefined) findings.push({ path: wanted.field.path, message });
    }
  }
}

function misfit({ field, fits, wanted }: WantedField, record: RecordSchema): string | undefined {
  const found = record.fields.find(({ name }) => name === field.name);
  if (found === undefined) return unknownField(field.name, record);
  if (fits(found.type)) return undefined;
  return `field "${field.name}" of ${formatRecord(record)} is of type ${formatType(found.type)}, not ${wanted}`;
}

function wantedFields(node: PlanNode): WantedField[] {
  if (node.kind === 'stream' && node.operation.kind === 'split') {
    const { field } = node.operation;
    return [{ field, fits: (type) => type.kind === 'string', wanted: 'a string' }];
  }
  if (node.kind === 'pass' && typeof node.deal === 'object') {
    const fits = ({ kind }: ValueType) => /^[iu](32|64)$/.test(kind);
    return [{ field: node.deal.field, fits, wanted: 'a whole number' }];
  }
  if (node.kind === 'sort') {
    return node.by.map((field) => ({ field, fits: isOrdered, wanted: 'one that has an order' }));
  }
  if (node.kind !== 'top') return [];
  const by = { field: node.by, fits: isOrdered, wanted: 'one that has an order' };
  if (node.rank === undefined) return [by];
  return [by, { field: node.rank, fits: ({ kind }) => kind === 'i64', wanted: 'an i64' }];
}

function isOrdered(type: ValueType): boolean {
  const inner = type.kind === 'optional' ? type.of : type;
  return inner.kind !== 'list' && inner.kind !== 'record';
}
