import { MillraceError } from '../../errors.ts';
import type { Field, RecordSchema, ValueType } from '../../model/schema.ts';
import type { Query } from './database.ts';

/** Bytes of a name; the server would cut a longer one and so merge names. */
export const IDENTIFIER_BYTES_MAX = 63;

/** A table, its schema resolved by the server's search path when none is given. */
export interface TableName {
  readonly schema: string | undefined;
  readonly table: string;
}

interface ColumnType {
  /** The type a table gets that we make. */
  readonly made: string;
  /** Types of an existing column that hold every value of the field. */
  readonly taken: readonly string[];
  /** Of the text (`->>`) of a value. */
  readonly cast: (text: string) => string;
}

const castTo = (type: string) => (text: string) => `(${text})::${type}`;

const COLUMN_TYPES: Readonly<Record<Exclude<ValueType['kind'], 'optional'>, ColumnType>> = {
  bool: { made: 'boolean', taken: ['boolean'], cast: castTo('boolean') },
  i32: { made: 'integer', taken: ['integer', 'bigint', 'numeric'], cast: castTo('integer') },
  u32: { made: 'bigint', taken: ['bigint', 'numeric'], cast: castTo('bigint') },
  i64: { made: 'bigint', taken: ['bigint', 'numeric'], cast: castTo('bigint') },
  u64: { made: 'numeric(20,0)', taken: ['numeric(20,0)', 'numeric'], cast: castTo('numeric') },
  f32: { made: 'real', taken: ['real', 'double precision'], cast: castTo('real') },
  f64: { made: 'double precision', taken: ['double precision'], cast: castTo('double precision') },
  string: { made: 'text', taken: ['text', 'character varying'], cast: (text) => text },
  bytes: { made: 'bytea', taken: ['bytea'], cast: (text) => `decode(${text}, 'base64')` },
  timestamp: {
    made: 'timestamp with time zone',
    taken: ['timestamp with time zone'],
    cast: (text) => `to_timestamp((${text})::double precision / 1000)`,
  },
  list: { made: 'jsonb', taken: ['jsonb', 'json'], cast: castTo('jsonb') },
  record: { made: 'jsonb', taken: ['jsonb', 'json'], cast: castTo('jsonb') },
};

/** A name as it stands in a statement: `"my ""table"""`. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as it stands in a statement. */
function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function qualify({ schema }: TableName, table: string): string {
  return schema === undefined ? quoteName(table) : `${quoteName(schema)}.${quoteName(table)}`;
}

/** The columns, for an `insert`. */
export function columnList(schema: RecordSchema): string {
  return schema.fields.map(({ name }) => quoteName(name)).join(', ');
}

/** The columns' values, taken from the JSON object `row`. */
export function valueList(schema: RecordSchema): string {
  return schema.fields
    .map(({ name, type }) => columnTypeOf(type).cast(`row ->> ${quoteText(name)}`))
    .join(', ');
}

/** Makes the table unless it is there, and checks that it holds the records. Throws `SINK_UNAVAILABLE`. */
export async function ensureTable(
  query: Query,
  target: { readonly id: string; readonly name: TableName; readonly create: boolean },
  schema: RecordSchema,
): Promise<void> {
  const { id, name, create } = target;
  const qualified = qualify(name, name.table);
  const long = schema.fields.filter(
    (field) => Buffer.byteLength(field.name) > IDENTIFIER_BYTES_MAX,
  );
  if (long.length > 0) {
    const details = long.map((field) => `field "${field.name}" is longer than a column's name`);
    throw unfit(id, qualified, details);
  }
  if (create) {
    const columns = schema.fields.map(
      ({ name, type }) => `${quoteName(name)} ${definitionOf(type)}`,
    );
    await query(`create table if not exists ${qualified} (${columns.join(', ')})`);
  }
  const { rows } = await query(
    `select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as required,
       atthasdef or attidentity <> '' as filled
     from pg_attribute
     where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
    [qualified],
  );
  if (rows.length === 0) throw unfit(id, qualified, ['there is no such table']);
  const details = findMisfits(schema, rows as unknown as readonly Column[]);
  if (details.length > 0) throw unfit(id, qualified, details);
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly filled: boolean;
}

function findMisfits(schema: RecordSchema, columns: readonly Column[]): string[] {
  const findings: string[] = [];
  const byName = new Map(columns.map((column) => [column.name, column]));
  for (const field of schema.fields) {
    const column = byName.get(field.name);
    byName.delete(field.name);
    const { taken } = columnTypeOf(field.type);
    if (column === undefined) findings.push(`there is no column "${field.name}" (${taken[0]})`);
    else if (!taken.includes(column.type)) {
      findings.push(`column "${field.name}" is ${column.type}, expected ${taken.join(' or ')}`);
    } else if (column.required && isNullable(field)) {
      findings.push(`column "${field.name}" must take nulls`);
    }
  }
  for (const { name, required, filled } of byName.values()) {
    if (required && !filled) findings.push(`column "${name}" gets no value and has no default`);
  }
  return findings;
}

function unfit(id: string, table: string, details: readonly string[]): MillraceError {
  return new MillraceError('SINK_UNAVAILABLE', `sink "${id}" cannot write to table ${table}`, {
    details,
    hint: 'mend the table or the fields of the records, or set "create: true" with another table',
  });
}

function columnTypeOf(type: ValueType): ColumnType {
  return COLUMN_TYPES[type.kind === 'optional' ? baseKind(type.of) : type.kind];
}

function baseKind(type: ValueType): Exclude<ValueType['kind'], 'optional'> {
  return type.kind === 'optional' ? baseKind(type.of) : type.kind;
}

/** NaN and the infinities are null in JSON. */
function isNullable({ type }: Field): boolean {
  return type.kind === 'optional' || type.kind === 'f32' || type.kind === 'f64';
}

function definitionOf(type: ValueType): string {
  const { made } = columnTypeOf(type);
  return isNullable({ name: '', type }) ? made : `${made} not null`;
}
