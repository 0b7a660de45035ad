/** The type of one value in a row. Optionals do not nest and do not appear inside lists. */
export type ValueType =
  | { readonly kind: ScalarKind }
  | { readonly kind: 'optional'; readonly of: ValueType }
  | { readonly kind: 'list'; readonly of: ValueType }
  | { readonly kind: 'record'; readonly record: RecordSchema };

export type ScalarKind =
  | 'bool'
  | 'i32'
  | 'u32'
  | 'i64'
  | 'u64'
  | 'f32'
  | 'f64'
  | 'string'
  | 'bytes'
  | 'timestamp';

export interface Field {
  readonly name: string;
  readonly type: ValueType;
}

/** A record type: named fields in slot order. */
export interface RecordSchema {
  readonly name: string;
  readonly fields: readonly Field[];
}

/** The record that `format: lines` yields: one field `text`. */
export const LINE_SCHEMA: RecordSchema = {
  name: 'Line',
  fields: [{ name: 'text', type: { kind: 'string' } }],
};

/** A type as it is written in the custom section and in messages: `optional<list<Word>>`. */
export function formatType(type: ValueType): string {
  switch (type.kind) {
    case 'optional':
    case 'list':
      return `${type.kind}<${formatType(type.of)}>`;
    case 'record':
      return type.record.name;
    default:
      return type.kind;
  }
}

/** A record as it is written in messages: `Word { word: string, count: i64 }`. */
export function formatRecord(record: RecordSchema): string {
  const fields = record.fields.map((field) => `${field.name}: ${formatType(field.type)}`);
  return `${record.name} { ${fields.join(', ')} }`;
}

/** Whether rows of the one can be read as rows of the other: same fields, types and order; names of records do not matter. */
export function sameLayout(a: RecordSchema, b: RecordSchema): boolean {
  if (a.fields.length !== b.fields.length) return false;
  return a.fields.every((field, i) => {
    const other = b.fields[i];
    return field.name === other.name && sameType(field.type, other.type);
  });
}

function sameType(a: ValueType, b: ValueType): boolean {
  if (a.kind === 'record') return b.kind === 'record' && sameLayout(a.record, b.record);
  if (a.kind === 'optional' || a.kind === 'list') {
    return b.kind === a.kind && sameType(a.of, b.of);
  }
  return a.kind === b.kind;
}
