import { describe, expect, onTestFinished, test } from 'vitest';
import type { ConnectorOptions } from '../../host/connectors/connector.ts';
import { httpLookup } from '../../host/connectors/lookup/http-lookup.ts';
import { postgresLookup } from '../../host/connectors/lookup/postgres-lookup.ts';
import type { Lookup } from '../../host/connectors/lookup.ts';
import { connectDatabase } from '../../host/connectors/postgres/database.ts';
import { ITEM, ITEM_KEY, lookupTableContract } from '../contracts/lookup-table.ts';
import { startItemServer } from '../kit/item-server.ts';
import { keyOf } from '../kit/keyed-rows.ts';
import { createMemoryTable } from '../kit/memory-table.ts';
import { postgresMissing, startPostgres } from '../kit/postgres-server.ts';

const context = { id: 'items', schema: ITEM, key: ITEM_KEY };

function checked(result: ReturnType<typeof httpLookup>): Lookup {
  if (!result.ok) throw new Error(JSON.stringify(result.findings));
  return result.value;
}

lookupTableContract('memory', async () => {
  const table = createMemoryTable(context);
  return {
    open: () => table,
    fill: async (rows) => table.fill(rows),
    stop: async () => table.stop(),
    start: async () => table.start(),
    close: async () => {},
  };
});

lookupTableContract('http', async () => {
  const server = await startItemServer();
  return {
    open: () => checked(httpLookup({ url: server.url })).open(context),
    async fill(rows) {
      server.items = rows;
    },
    stop: () => server.stop(),
    start: () => server.start(),
    close: () => server.stop(),
  };
});

describe.skipIf(postgresMissing() !== undefined)(`PostgreSQL ${postgresMissing() ?? ''}`, () => {
  lookupTableContract('postgres', async () => {
    const server = await startPostgres();
    await server.ask(
      'create table items (id bigint, shop text, price double precision, more text)',
    );
    const options = { url: server.url, table: 'items' };
    return {
      open: () => checked(postgresLookup(options, connectDatabase)).open(context),
      async fill(rows) {
        for (const { id, shop, price } of rows) {
          const text = String(shop).replaceAll("'", "''");
          await server.ask(`insert into items values (${id}, '${text}', ${price ?? 'null'}, 'x')`);
        }
      },
      stop: () => server.kill(),
      start: () => server.start(),
      close: () => server.stop(),
    };
  });
});

const findings = (result: ReturnType<typeof httpLookup>) => (result.ok ? [] : result.findings);

test('options are checked, each with its path', () => {
  expect(findings(httpLookup({ url: 'ftp://host/{id}', mode: 1 }))).toEqual([
    { path: ['url'], message: 'expected a URL such as "https://host/items/{id}"' },
    { path: ['mode'], message: 'there is no option "mode"' },
  ]);
  expect(findings(httpLookup({ url: 'http://host/items' }))[0].message).toContain('{id}');
  const options: ConnectorOptions = { url: 'http://host', table: 'a.b.c' };
  expect(findings(postgresLookup(options, connectDatabase)).map(({ path }) => path[0])).toEqual([
    'url',
    'table',
  ]);
});

test('a URL without all of the key, or with more, is refused', () => {
  const open = (url: string) => () => checked(httpLookup({ url })).open(context);
  expect(open('http://host/{id}')).toThrow('the URL that "items" looks up has not its key: "shop"');
  expect(open('http://host/{id}/{shop}/{price}')).toThrow('has not its key: "price"');
});

test('an answer that is no row is the fault of the record, an error of the server is not', async () => {
  const server = await startItemServer();
  onTestFinished(() => server.stop());
  const table = checked(httpLookup({ url: server.url })).open(context);
  const ask = () => table.lookup([{ id: 1n, shop: 'a' }], new AbortController().signal);
  const answerWith = (status: number, body: string) => {
    server.answer = (_, response) => {
      response.statusCode = status;
      response.end(body);
      return true;
    };
  };
  for (const [status, body] of [
    [200, '{"id": 1}'],
    [200, 'no JSON'],
    [200, '{"id": "x", "shop": "a"}'],
    [400, ''],
    [302, ''],
  ] as const) {
    answerWith(status, body);
    await expect(ask()).rejects.toMatchObject({ code: 'RECORD_MALFORMED' });
  }
  for (const status of [408, 429, 500, 503]) {
    answerWith(status, '');
    await expect(ask()).rejects.toThrow(`answered ${status}`);
    await expect(ask()).rejects.not.toHaveProperty('code');
  }
  answerWith(200, ' [] ');
  expect((await ask())[0].count).toBe(0);
});

test('PostgreSQL gets the key as values, whatever is in it', async () => {
  const asked: { readonly text: string; readonly values: readonly unknown[] }[] = [];
  const key = keyOf(ITEM, 'shop');
  const options = { url: 'postgres://host/x', table: 'my"shop.items' };
  const lookup = checked(
    postgresLookup(options, () => ({
      transaction: (work) =>
        work(async (text, values = []) => {
          asked.push({ text, values });
          return { rows: [], count: 0 };
        }),
      close: async () => {},
    })),
  );
  const table = lookup.open({ ...context, key });
  await table.lookup([{ shop: "'; drop table items; --" }], new AbortController().signal);
  expect(asked[0].values).toEqual(["'; drop table items; --"]);
  expect(asked[0].text).toContain('join "my""shop"."items" t on t."shop" = k.k0');
});
