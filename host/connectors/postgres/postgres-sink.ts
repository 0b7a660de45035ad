import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { createRowEncoder } from '../../abi/create-row-encoder.ts';
import type { Clock } from '../../clock.ts';
import { MillraceError } from '../../errors.ts';
import { POSTGRES_START_TIMEOUT_MS } from '../../limits.ts';
import { checkOptions, expected } from '../check-options.ts';
import type { Checked, ConnectorOptions } from '../connector.ts';
import type { Sink, SinkContext } from '../sink.ts';
import { bridge } from './bridge.ts';
import type { ConnectDatabase, DatabaseAddress } from './database.ts';
import { Ledger, readTransaction } from './ledger.ts';
import { postgresFailed } from './postgres-failed.ts';
import { IDENTIFIER_BYTES_MAX, type TableName } from './postgres-table.ts';
import { PostgresWriter } from './postgres-writer.ts';

const urlOption = z
  .string(expected('a URL such as "postgres://user@host:5432/database"'))
  .refine(isDatabaseUrl, 'expected a URL such as "postgres://user@host:5432/database"');

const tableOption = z
  .string(expected('a table, or schema and table joined by a dot'))
  .refine((text) => readTableName(text) !== undefined, {
    message: `expected a table, or schema and table joined by a dot, of at most ${IDENTIFIER_BYTES_MAX} bytes each`,
  });

const sinkOptions = z.strictObject({
  url: urlOption,
  passwordFile: z.string().min(1, 'expected a path, got an empty text').optional(),
  table: tableOption,
  create: z.boolean().default(true),
});

export interface PostgresParts {
  readonly connect: ConnectDatabase;
  readonly clock: Clock;
}

/**
 * The `postgres` sink: inserts records into a table of a PostgreSQL server (14 or later), in step with the job's checkpoints.
 *
 * - `url`: `postgres://user:password@host:port/database`, with `?sslmode=require` where the server wants it.
 * - `passwordFile`: a file with the password, relative to the pipeline's directory, so that the pipeline holds no secret.
 * - `table`: `table` or `schema.table`; a column per field. `bool` boolean, `i32` integer, `u32` and `i64` bigint, `u64`
 *   numeric, `f32` real, `f64` double precision, `string` text, `bytes` bytea, `timestamp` timestamp with time zone, lists and
 *   records jsonb. NaN and the infinities become null.
 * - `create`: make the table when it is missing (default). One that is there is checked: further columns need a default or take nulls.
 *
 * Rows wait in the table `millrace_staged` beside it and are moved by one transaction when their checkpoint is complete, together with a row in
 * `millrace_commits`, so that readers see the rows of a task and a checkpoint all at once.
 *
 * End-to-end: *exactly-once*: each record is inserted once, whatever restarts in between, the server included: the task waits
 * meanwhile and goes on. A value that fits no column (a text with a NUL character) stops the job before its checkpoint.
 *
 *     out: { from: counts, connector: postgres, url: "postgres://app@db/shop", table: counts }
 */
export function postgresSink(options: ConnectorOptions, parts: PostgresParts): Checked<Sink> {
  const checked = checkOptions(sinkOptions, options);
  if (!checked.ok) return checked;
  const { url, passwordFile, table, create } = checked.value;
  const name = readTableName(table) as TableName;
  const address = async (
    place: Pick<SinkContext, 'id' | 'baseDirectory' | 'outbound'>,
  ): Promise<DatabaseAddress> => ({
    url,
    password: await readPassword(place, passwordFile),
    outbound: place.outbound,
  });
  return {
    ok: true,
    value: {
      guarantee: 'exactly-once',
      async recover(context, transactions) {
        const named = transactions.flatMap((one) => readTransaction(context.id, one));
        const ledger = new Ledger(context, name);
        const database = parts.connect(await address(context));
        try {
          await bridge(
            () => database.transaction((query) => ledger.recover(query, named, create)),
            parts.clock,
            POSTGRES_START_TIMEOUT_MS,
          );
        } catch (cause) {
          throw postgresFailed(context.id, `recover in ${describeUrl(url)}`, cause);
        } finally {
          await database.close();
        }
      },
      async open(context) {
        return new PostgresWriter({
          context,
          database: parts.connect(await address(context)),
          ledger: new Ledger(context, name),
          encoder: createRowEncoder('json', context.schema),
          clock: parts.clock,
        });
      },
    },
  };
}

async function readPassword(
  { id, baseDirectory }: { id: string; baseDirectory: string },
  file: string | undefined,
): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const path = resolve(baseDirectory, file);
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (cause) {
    const text = `sink "${id}" cannot read its password from "${path}"`;
    const hint = 'the file must hold the password and be readable for the job';
    throw new MillraceError('SINK_UNAVAILABLE', text, { hint, cause });
  }
}

function isDatabaseUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.hostname === '' || url.pathname.length < 2) return false;
  return url.protocol === 'postgres:' || url.protocol === 'postgresql:';
}

/** Without user and password. */
function describeUrl(text: string): string {
  const url = new URL(text);
  return `database "${decodeURIComponent(url.pathname.slice(1))}" at ${url.host}`;
}

function readTableName(text: string): TableName | undefined {
  const parts = text.split('.');
  const isName = (part: string) =>
    part !== '' && !part.includes('\0') && Buffer.byteLength(part) <= IDENTIFIER_BYTES_MAX;
  if (parts.length > 2 || !parts.every(isName)) return undefined;
  const [first, second] = parts;
  return second === undefined
    ? { schema: undefined, table: first }
    : { schema: first, table: second };
}
