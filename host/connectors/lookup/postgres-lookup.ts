import { z } from 'zod';
import type { RowObject, RowValue } from '../../abi/row-object.ts';
import { MillraceError } from '../../errors.ts';
import { LOOKUP_KEYS_MAX } from '../../limits.ts';
import { type Batch, EMPTY_BATCH } from '../../model/batch.ts';
import type { ScalarKind } from '../../model/schema.ts';
import { checkOptions, expected } from '../check-options.ts';
import type { Checked, ConnectorOptions } from '../connector.ts';
import type { Lookup, LookupContext, LookupTable } from '../lookup.ts';
import type { ConnectDatabase, Database } from '../postgres/database.ts';
import { quoteName } from '../postgres/postgres-table.ts';
import { decodeAnswer } from './decode-answer.ts';

const postgresLookupOptions = z.strictObject({
  url: z
    .string(expected('a URL such as "postgres://user@host:5432/database"'))
    .refine((text) => /^postgres(ql)?:\/\//.test(text) && URL.canParse(text), {
      message: 'expected a URL such as "postgres://user@host:5432/database"',
    }),
  table: z
    .string(expected('a table, or schema and table joined by a dot'))
    .regex(/^[^.]+(\.[^.]+)?$/, 'expected a table, or schema and table joined by a dot'),
});

/** How a key's value is written for the server: the text of a parameter, and what makes it a value of the column's type. */
const CASTS: Readonly<Record<ScalarKind, (parameter: string) => string>> = {
  bool: (p) => `${p}::boolean`,
  i32: (p) => `${p}::integer`,
  u32: (p) => `${p}::bigint`,
  i64: (p) => `${p}::bigint`,
  u64: (p) => `${p}::numeric`,
  f32: (p) => `${p}::real`,
  f64: (p) => `${p}::double precision`,
  string: (p) => `${p}::text`,
  bytes: (p) => `decode(${p}, 'base64')`,
  timestamp: (p) => `to_timestamp(${p}::double precision / 1000)`,
};

/**
 * A table of a PostgreSQL server (14 or later): rows whose columns equal the key, up to a hundred keys a query.
 *
 * - `url`: `postgres://user:password@host:port/database`.
 * - `table`: `table` or `schema.table`; a column per field of the record, further ones are not read.
 *
 *     lookup: { connector: postgres, url: "postgres://app@db/shop", table: items }
 */
export function postgresLookup(
  options: ConnectorOptions,
  connect: ConnectDatabase,
): Checked<Lookup> {
  const checked = checkOptions(postgresLookupOptions, options);
  if (!checked.ok) return checked;
  const { url, table } = checked.value;
  return {
    ok: true,
    value: { open: (context) => new PostgresTable({ url, table }, context, connect) },
  };
}

class PostgresTable implements LookupTable {
  readonly keysMax = LOOKUP_KEYS_MAX;
  readonly #place: { readonly url: string; readonly table: string };
  readonly #context: LookupContext;
  readonly #connect: ConnectDatabase;
  #database: Database | undefined;

  constructor(
    place: { readonly url: string; readonly table: string },
    context: LookupContext,
    connect: ConnectDatabase,
  ) {
    this.#place = place;
    this.#context = context;
    this.#connect = connect;
  }

  async lookup(keys: readonly RowObject[], signal: AbortSignal): Promise<readonly Batch[]> {
    const { outbound } = this.#context;
    this.#database ??= this.#connect({ url: this.#place.url, password: undefined, outbound });
    const database = this.#database;
    // A server that hangs would hold up all that is asked after this: the next one gets another connection.
    const abandon = () => this.#discard(database);
    signal.addEventListener('abort', abandon, { once: true });
    try {
      const { text, values } = this.#query(keys);
      const found = await database.transaction(async (query) => (await query(text, values)).rows);
      return this.#answers(found, keys.length);
    } catch (thrown) {
      throw this.#explain(thrown);
    } finally {
      signal.removeEventListener('abort', abandon);
    }
  }

  async close(): Promise<void> {
    await this.#database?.close();
  }

  #discard(database: Database): void {
    if (this.#database === database) this.#database = undefined;
    void database.close();
  }

  #query(keys: readonly RowObject[]): { readonly text: string; readonly values: string[] } {
    const { fields } = this.#context.key;
    const values: string[] = [];
    const tuples = keys.map((key, ordinal) => {
      const parts = fields.map(({ name, kind }) => {
        values.push(valueText(key[name]));
        return CASTS[kind](`$${values.length}`);
      });
      return `(${ordinal}, ${parts.join(', ')})`;
    });
    const names = fields.map((_, i) => `k${i}`).join(', ');
    const equal = fields.map(({ name }, i) => `t.${quoteName(name)} = k.k${i}`).join(' and ');
    const columns = this.#context.schema.fields
      .map(({ name }) => `t.${quoteName(name)}`)
      .join(', ');
    const table = this.#place.table.split('.').map(quoteName).join('.');
    const text = `select k.ordinal, (select row_to_json(r)::text from (select ${columns}) r) as found
      from (values ${tuples.join(', ')}) as k(ordinal, ${names}) join ${table} t on ${equal}`;
    return { text, values };
  }

  #answers(found: readonly Readonly<Record<string, unknown>>[], keys: number): readonly Batch[] {
    const texts: string[][] = Array.from({ length: keys }, () => []);
    for (const { ordinal, found: row } of found) texts[Number(ordinal)].push(String(row));
    const { schema } = this.#context;
    return texts.map((rows) =>
      rows.length === 0
        ? EMPTY_BATCH
        : decodeAnswer(schema, Buffer.from(`[${rows.join(',')}]`), `table "${this.#place.table}"`),
    );
  }

  /** What the server says about the query does not change when it is asked again; what breaks in between may. */
  #explain(thrown: unknown): unknown {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
    // Classes of SQLSTATE: syntax, missing tables and columns, values that do not fit, rights.
    if (!/^(22|42|28|3D|3F)/.test(code) || !(thrown instanceof Error)) return thrown;
    return new MillraceError(
      'CONNECTOR_OPTION',
      `table "${this.#place.table}": ${thrown.message}`,
      {
        hint: `"${this.#context.id}" looks up a column per field of the record`,
        cause: thrown,
      },
    );
  }
}

function valueText(value: RowValue | undefined): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : String(value);
}
