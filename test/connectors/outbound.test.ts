import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { httpLookup } from '../../host/connectors/lookup/http-lookup.ts';
import {
  assertOutbound,
  assertOutboundHost,
  type Outbound,
  outboundLookup,
  outboundSocket,
} from '../../host/connectors/outbound.ts';
import { connectDatabase } from '../../host/connectors/postgres/database.ts';
import { postOverHttp } from '../../host/connectors/webhook/post.ts';

const REFUSED = expect.objectContaining({ code: 'ADDRESS_REFUSED' });

/** A listener on loopback that counts who comes. */
async function listener(): Promise<{ readonly port: number; readonly visits: () => number }> {
  let visits = 0;
  const server = createServer((socket) => {
    visits += 1;
    socket.on('error', () => {});
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, visits: () => visits };
}

test.each([
  '127.0.0.1',
  '127.8.9.10',
  '0.0.0.0',
  '::1',
  '::',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '64:ff9b::127.0.0.1',
  '169.254.169.254',
  '::ffff:169.254.169.254',
  'fe80::1',
  'fe80::1%eth0',
  'fd00:ec2::254',
])('%s is refused unless its range is allowed', (address) => {
  expect(() => assertOutboundHost(address, [])).toThrow(REFUSED);
  expect(() => assertOutboundHost(`[${address}]`, [])).toThrow(REFUSED);
  expect(() => assertOutboundHost(address, ['loopback', 'link-local'])).not.toThrow();
  expect(() => assertOutboundHost(address, undefined)).not.toThrow();
});

test.each([
  '192.0.2.1',
  '10.0.0.1',
  '2001:db8::1',
  '128.0.0.1',
  '169.253.0.1',
])('%s is reached without leave', (address) =>
  expect(() => assertOutboundHost(address, [])).not.toThrow());

test('each range is allowed for itself', () => {
  expect(() => assertOutbound('127.0.0.1', 'x', ['loopback'])).not.toThrow();
  expect(() => assertOutbound('169.254.1.1', 'x', ['loopback'])).toThrow(REFUSED);
  expect(() => assertOutbound('127.0.0.1', 'x', ['link-local'])).toThrow(
    'jobs may not reach "x", which is 127.0.0.1: loopback',
  );
});

test('a name is refused by what it means, and the connection goes to what was looked up', async () => {
  const look = (allowed: Outbound, all: boolean) =>
    new Promise((resolve) =>
      outboundLookup(allowed)('localhost', { all }, (error, address) => resolve(error ?? address)),
    );
  expect(await look([], false)).toEqual(REFUSED);
  expect(await look([], true)).toEqual(REFUSED);
  expect(await look(['loopback'], false)).toMatch(/^(127\.0\.0\.1|::1)$/);
  expect(await look(['loopback'], true)).toEqual(
    expect.arrayContaining([expect.objectContaining({ address: expect.any(String) })]),
  );
});

test.each([
  '127.0.0.1',
  'localhost',
  '2130706433',
  '0x7f.1',
  '[::ffff:127.0.0.1]',
])('a webhook does not get to %s of a server that allows none', async (host) => {
  const { port, visits } = await listener();
  const send = (outbound: Outbound) =>
    postOverHttp({
      url: `http://${host}:${port}/`,
      headers: {},
      body: new Uint8Array(1),
      timeoutMs: 5_000,
      signal: new AbortController().signal,
      ...(outbound === undefined ? {} : { outbound }),
    });
  await expect(send([])).rejects.toEqual(REFUSED);
  expect(visits()).toBe(0);
  if (host === '127.0.0.1') {
    expect(await send(['loopback'])).toMatchObject({ status: 200, excerpt: 'ok' });
    expect(visits()).toBe(1);
  }
});

test.each([
  (port: number) => `postgres://u@127.0.0.1:${port}/d`,
  (port: number) => `postgres://u@localhost:${port}/d`,
  (port: number) => `postgres://u@example.org:${port}/d?host=127.0.0.1`,
  () => 'postgres://u@/d?host=/var/run/postgresql',
])('a database on this machine is not reached either: %o', async (urlOf) => {
  const { port, visits } = await listener();
  const database = connectDatabase({ url: urlOf(port), password: 'p', outbound: [] });
  await expect(database.transaction(async () => {})).rejects.toEqual(REFUSED);
  await database.close();
  expect(visits()).toBe(0);
});

test('a socket that may go anywhere is a plain one', async () => {
  const { port, visits } = await listener();
  const socket = outboundSocket(undefined);
  await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve));
  socket.destroy();
  expect(visits()).toBe(1);
});

test('a lookup does not get to this machine either', async () => {
  const { port, visits } = await listener();
  const schema = { name: 'Item', fields: [{ name: 'id', type: { kind: 'string' } }] } as const;
  const field = { name: 'id', index: 0, kind: 'string', optional: false } as const;
  const key = { fields: [field], slots: 1 };
  const found = httpLookup({ url: `http://localhost:${port}/{id}` });
  if (!found.ok) throw new Error(JSON.stringify(found.findings));
  const ask = (outbound: Outbound) =>
    found.value
      .open({ id: 'items', schema, key, outbound })
      .lookup([{ id: 'a' }], new AbortController().signal);
  await expect(ask([])).rejects.toEqual(REFUSED);
  expect(visits()).toBe(0);
  await expect(ask(['loopback'])).rejects.toMatchObject({ code: 'RECORD_MALFORMED' });
  expect(visits()).toBe(1);
});
