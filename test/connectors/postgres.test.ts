import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../host/clock.ts';
import type { ConnectorOptions } from '../../host/connectors/connector.ts';
import { connectDatabase } from '../../host/connectors/postgres/database.ts';
import { type PostgresParts, postgresSink } from '../../host/connectors/postgres/postgres-sink.ts';
import { CHUNK_BYTES, QUEUE_BYTES_MAX } from '../../host/connectors/postgres/postgres-writer.ts';
import type { Sink, SinkContext, SinkWriter } from '../../host/connectors/sink.ts';
import type { Json } from '../../host/model/json.ts';
import { LINE_SCHEMA, type RecordSchema } from '../../host/model/schema.ts';
import { type SinkPlace, sinkContract } from '../contracts/sink.ts';
import { EVERY_KIND, EVERY_VALUE } from '../kit/every-kind.ts';
import { freePort } from '../kit/free-port.ts';
import { type PostgresServer, postgresMissing, startPostgres } from '../kit/postgres-server.ts';
import { encodeBatch } from '../kit/rows.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { until } from '../kit/until.ts';

const parts: PostgresParts = { connect: connectDatabase, clock: systemClock };

function sinkOf(options: ConnectorOptions): Sink {
  const checked = postgresSink(options, parts);
  if (!checked.ok) throw new Error(JSON.stringify(checked.findings));
  return checked.value;
}

function contextOf(more: Partial<SinkContext> = {}): SinkContext {
  return {
    schema: LINE_SCHEMA,
    id: 'out',
    job: 'job',
    attempt: 1,
    task: 0,
    parallelism: 1,
    baseDirectory: '/',
    wake() {},
    deliver() {},
    ...more,
  };
}

const lines = (...texts: readonly string[]) =>
  encodeBatch(
    LINE_SCHEMA,
    texts.map((text) => ({ text })),
  );

const AT_SCHEMA: RecordSchema = {
  name: 'At',
  fields: [{ name: 'at', type: { kind: 'timestamp' } }],
};

test('refuses options, each with its path', () => {
  const checked = postgresSink({ url: 'http://host/x', table: 'a.b.c', mode: 1 }, parts);
  expect(checked.ok ? [] : checked.findings.map(({ path }) => path[0])).toEqual([
    'url',
    'table',
    'mode',
  ]);
});

test('refuses a transaction that is none', async () => {
  const sink = sinkOf({ url: 'postgres://host/db', table: 't' });
  for (const transaction of [7, { parts: 7 }, { parts: [{ part: 1 }] }] as Json[]) {
    await expect(sink.recover(contextOf(), [transaction])).rejects.toMatchObject({
      code: 'CHECKPOINT_CORRUPT',
    });
  }
});

test('names the file when it cannot read its password', async () => {
  const sink = sinkOf({ url: 'postgres://host/db', table: 't', passwordFile: 'not/there' });
  await expect(sink.recover(contextOf(), [])).rejects.toMatchObject({
    code: 'SINK_UNAVAILABLE',
    message: 'sink "out" cannot read its password from "/not/there"',
  });
});

test('says where nobody listens once it has waited', async () => {
  const port = await freePort();
  let nowMs = 0;
  const clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after(delayMs: number, callback: () => void) {
      nowMs += delayMs;
      setImmediate(callback);
      return () => {};
    },
  };
  const options = { url: `postgres://tests:secret@127.0.0.1:${port}/shop`, table: 't' };
  const checked = postgresSink(options, { ...parts, clock });
  const recovered = checked.ok && checked.value.recover(contextOf(), []);
  await expect(recovered).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
    message: expect.stringMatching(
      new RegExp(
        `sink "out" cannot recover in database "shop" at 127.0.0.1:${port}: .*ECONNREFUSED`,
      ),
    ),
  });
  await expect(recovered).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
  expect(nowMs).toBeGreaterThan(10_000);
});

const missing = postgresMissing();
describe.skipIf(missing !== undefined)(
  `a PostgreSQL server${missing ? `: ${missing}` : ''}`,
  () => {
    let server: PostgresServer;
    let tables = 0;

    beforeAll(async () => {
      server = await startPostgres();
    }, 60_000);
    afterAll(() => server?.stop());

    /** A schema for each test, so that its tables are its own. */
    async function emptySchema(): Promise<string> {
      const schema = `test_${++tables}`;
      await server.ask(`create schema ${schema}`);
      return schema;
    }

    async function visibleIn(table: string): Promise<string[]> {
      const rows = await server.ask(`select text from ${table} order by ctid`);
      return rows.map(({ text }) => String(text));
    }

    async function placeOf(): Promise<SinkPlace> {
      const schema = await emptySchema();
      return {
        start: () => sinkOf({ url: server.url, table: `${schema}.out` }),
        baseDirectory: '/',
        visible: () => visibleIn(`${schema}.out`),
        deliver() {},
        async leftovers() {
          const [{ count }] = await server.ask(
            `select count(*)::int as count from ${schema}.millrace_staged`,
          );
          return Number(count);
        },
      };
    }

    /** Recovered and opened; closed with the test. */
    async function openWriter(options: ConnectorOptions, more: Partial<SinkContext> = {}) {
      const context = contextOf(more);
      const sink = sinkOf({ url: server.url, ...options });
      await sink.recover(context, []);
      const writer = await sink.open(context);
      onTestFinished(() => writer.close());
      return { sink, writer, context };
    }

    async function commitNext(writer: SinkWriter, checkpoint: number): Promise<Json> {
      const transaction = await writer.preCommit(checkpoint);
      await writer.commit(transaction);
      return transaction;
    }

    sinkContract('postgres', placeOf);

    test('keeps the order of a task and writes what does not fit into one chunk', async () => {
      const table = `${await emptySchema()}.out`;
      const { writer } = await openWriter({ table });
      const texts = Array.from({ length: 3_000 }, (_, i) => `${i} ${'x'.repeat(300)}`);
      for (let i = 0; i < texts.length; i += 500) writer.write(lines(...texts.slice(i, i + 500)));
      await commitNext(writer, 1);
      expect(texts.join('').length).toBeGreaterThan(3 * CHUNK_BYTES);
      expect(await visibleIn(table)).toEqual(texts);
    });

    test('writes values of every type as the table has them', async () => {
      const schema = await emptySchema();
      const { writer } = await openWriter(
        { table: `${schema}.every kind` },
        { schema: EVERY_KIND },
      );
      writer.write(encodeBatch(EVERY_KIND, EVERY_VALUE));
      await commitNext(writer, 1);
      const rows = await server.ask(
        `select *, "at"::text as at_text, wide::text as wide_text, big::text as big_text
       from ${schema}."every kind" order by small`,
      );
      expect(rows).toMatchObject([
        {
          flag: false,
          small: -2147483648,
          big_text: '-9223372036854775808',
          real: 0.5,
          double: null,
          text: '',
          maybe: null,
          list: [],
        },
        {
          flag: true,
          small: 7,
          count: '4294967295',
          big_text: '9223372036854775807',
          wide_text: '18446744073709551615',
          double: 1e300,
          text: 'quote " back \\ \\n line\n €😀',
          raw: Buffer.from([0, 255, 10]),
          at_text: '2026-01-02 03:04:05.678+00',
          maybe: '0',
          list: ['a', 'b'],
          inner: { 'a "key"': 'x' },
        },
      ]);
    });

    test.each([
      {
        what: 'a text with a NUL',
        schema: LINE_SCHEMA,
        bad: { text: 'with\0nul' },
        good: { text: 'x' },
      },
      { what: 'a time too far', schema: AT_SCHEMA, bad: { at: 2n ** 62n }, good: { at: 0n } },
    ])('L3 refuses $what before its checkpoint', async ({ schema, bad, good }) => {
      const { writer } = await openWriter({ table: `${await emptySchema()}.out` }, { schema });
      writer.write(encodeBatch(schema, [good, bad]));
      const refused = {
        code: 'SINK_UNAVAILABLE',
        hint: expect.stringContaining('a value does not fit'),
      };
      await expect(writer.preCommit(1)).rejects.toMatchObject(refused);
      expect(writer.full).toBe(false);
      expect(() => writer.write(encodeBatch(schema, [good]))).toThrow('cannot stage rows');
    });

    test('lists all that is wrong with a table that is there', async () => {
      const schema = await emptySchema();
      const make = `create table ${schema}.t (flag boolean, small smallint not null, count bigint, "key" int not null,
      filled int not null default 1, maybe bigint not null)`;
      await server.ask(make);
      const fields = EVERY_KIND.fields.slice(0, 4).concat(EVERY_KIND.fields.slice(10, 11));
      const context = contextOf({ schema: { name: 'Some', fields } });
      const recovered = sinkOf({ url: server.url, table: `${schema}.t` }).recover(context, []);
      await expect(recovered).rejects.toMatchObject({
        code: 'SINK_UNAVAILABLE',
        details: [
          'column "small" is smallint, expected integer or bigint or numeric',
          'there is no column "big" (bigint)',
          'column "maybe" must take nulls',
          'column "key" gets no value and has no default',
        ],
      });
      const other = sinkOf({ url: server.url, table: `${schema}.none`, create: false });
      await expect(other.recover(context, [])).rejects.toMatchObject({
        details: ['there is no such table'],
      });
    });

    test('says which right or database is missing, and no password', async () => {
      const schema = await emptySchema();
      await server.ask(`create role ${schema}_reader login password 'secret'`);
      const url = server.url.replace('tests@', `${schema}_reader@`);
      const directory = temporaryDirectory();
      writeFileSync(join(directory, 'password'), 'secret\n');
      const context = contextOf({ baseDirectory: directory });
      const denied = sinkOf({ url, table: `${schema}.t`, passwordFile: 'password' });
      await expect(denied.recover(context, [])).rejects.toMatchObject({
        code: 'SINK_UNAVAILABLE',
        message: expect.stringContaining('permission denied'),
        hint: expect.stringContaining('right to create'),
      });
      const elsewhere = sinkOf({ url: server.url.replace(/postgres$/, 'shop'), table: 't' });
      await expect(elsewhere.recover(context, [])).rejects.toMatchObject({
        code: 'SINK_UNAVAILABLE',
        hint: 'create the database or mend the URL',
      });
    });

    test('L1 refuses a commit whose rows somebody removed', async () => {
      const schema = await emptySchema();
      const { writer } = await openWriter({ table: `${schema}.out` });
      writer.write(lines('a'));
      const transaction = await writer.preCommit(4);
      await server.ask(`delete from ${schema}.millrace_staged`);
      await expect(writer.commit(transaction)).rejects.toMatchObject({
        code: 'SINK_UNAVAILABLE',
        message: expect.stringContaining('lost rows of checkpoint 4: 1 were staged, 0 are there'),
      });
      expect(await visibleIn(`${schema}.out`)).toEqual([]);
    });

    test('L4 lets an attempt that was replaced neither stage nor commit', async () => {
      const table = `${await emptySchema()}.out`;
      const { writer: zombie } = await openWriter({ table });
      zombie.write(lines('old'));
      const old = await zombie.preCommit(1);
      const { writer } = await openWriter({ table }, { attempt: 2 });
      const fenced = {
        code: 'SINK_UNAVAILABLE',
        message: expect.stringContaining('attempt 2 does'),
      };
      await expect(zombie.commit(old)).rejects.toMatchObject(fenced);
      zombie.write(lines('older'));
      await expect(zombie.preCommit(2)).rejects.toMatchObject(fenced);
      writer.write(lines('new'));
      await commitNext(writer, 2);
      expect(await visibleIn(table)).toEqual(['new']);
    });

    test('P1 waits while the server is away, holds the task back, and goes on without loss or repetition', async () => {
      const table = `${await emptySchema()}.out`;
      let wakes = 0;
      const { writer } = await openWriter({ table }, { wake: () => void wakes++ });
      writer.write(lines('before'));
      const first = await writer.preCommit(1);
      await server.kill();
      const committed = writer.commit(first);
      const texts: string[] = [];
      for (let i = 0; !writer.full; i++) {
        texts.push(`${i} ${'y'.repeat(60_000)}`);
        writer.write(lines(texts[i]));
      }
      expect(texts.length * 60_000).toBeLessThan(QUEUE_BYTES_MAX + 2 * CHUNK_BYTES);
      await expect(writer.preCommit(2)).rejects.toMatchObject({
        code: 'STORAGE_FAILED',
        hint: expect.stringContaining('the job waits'),
      });
      await server.start();
      await committed;
      await until('the task may go on', () => wakes > 0 && !writer.full);
      await commitNext(writer, 3);
      expect(await visibleIn(table)).toEqual(['before', ...texts]);
    }, 30_000);

    test('loses and repeats nothing while the server is killed again and again under load', async () => {
      const table = `${await emptySchema()}.out`;
      const { writer } = await openWriter({ table });
      let done = false;
      const kills = (async () => {
        for (let i = 0; i < 4; i++) {
          const seen = (await visibleIn(table).catch(() => [])).length;
          const moved = async () => (await visibleIn(table).catch(() => [])).length > seen;
          await until('more rows', moved);
          await server.kill();
          await server.start();
        }
        done = true;
      })();
      const texts: string[] = [];
      for (let checkpoint = 1; !done; checkpoint++) {
        for (let i = 0; i < 3; i++) {
          if (writer.full) continue;
          const some = Array.from(
            { length: 200 },
            (_, n) => `${texts.length + n} ${'z'.repeat(500)}`,
          );
          texts.push(...some);
          writer.write(lines(...some));
        }
        const transaction = await writer.preCommit(checkpoint).catch(() => null);
        await writer.commit(transaction);
        await new Promise(setImmediate);
      }
      await kills;
      const last = await until('a checkpoint', () =>
        writer.preCommit(1_000_000).catch(() => false),
      );
      await writer.commit(last as Json);
      expect(await visibleIn(table)).toEqual(texts);
    }, 60_000);
  },
);
