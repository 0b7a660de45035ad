import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createServer } from '../../host/control/create-server.ts';
import { takeDataDirectory } from '../../host/control/data-directory.ts';
import { type RunningServer, type ServeOptions, serve } from '../../host/control/serve.ts';
import { processIdentity } from '../../host/runtime/process-identity.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

async function start(options: Partial<ServeOptions> = {}): Promise<RunningServer> {
  const data = temporaryDirectory();
  const server = await serve({
    port: 0,
    host: '127.0.0.1',
    data,
    tokenFile: undefined,
    ...options,
  });
  onTestFinished(() => server.close());
  return server;
}

function tokenFile(text: string): string {
  const path = join(temporaryDirectory(), 'token');
  writeFileSync(path, text);
  return path;
}

test('serves on a free port and says where', async () => {
  const server = await start();
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

test.each([
  '0.0.0.0',
  '::',
  '192.0.2.1',
  'example.org',
])('does not bind to %s without a token', async (host) => {
  await expect(start({ host })).rejects.toMatchObject({
    code: 'BIND_REFUSED',
    hint: expect.stringContaining('--token-file'),
  });
});

test('binds elsewhere with a token, which is asked for', async () => {
  const server = await start({ host: '0.0.0.0', tokenFile: tokenFile('0123456789abcdef\n') });
  const url = server.url.replace('0.0.0.0', '127.0.0.1');
  expect((await fetch(`${url}/v1/jobs`)).status).toBe(401);
  const headers = { authorization: 'Bearer 0123456789abcdef' };
  expect((await fetch(`${url}/v1/jobs`, { headers })).status).toBe(200);
});

test.each([
  ['no file', '/nowhere/token'],
  ['an empty one', tokenFileIn('')],
  ['a short one', tokenFileIn('abc')],
  ['two words', tokenFileIn('0123456789 0123456789')],
])('refuses a token file that is %s', async (_what, path) => {
  const resolved = typeof path === 'string' ? path : path();
  await expect(start({ tokenFile: resolved })).rejects.toMatchObject({ code: 'USAGE' });
});

function tokenFileIn(text: string): () => string {
  return () => tokenFile(text);
}

test('a port that is taken is told, and the data directory is free again', async () => {
  const { url } = await start();
  const data = temporaryDirectory();
  await expect(start({ port: Number(new URL(url).port), data })).rejects.toMatchObject({
    code: 'PORT_TAKEN',
    hint: expect.stringContaining('--port'),
  });
  await start({ data });
});

test('two servers do not share a data directory', async () => {
  const data = temporaryDirectory();
  const first = await start({ data });
  await expect(start({ data })).rejects.toMatchObject({
    code: 'DATA_DIRECTORY',
    message: expect.stringContaining(`process ${process.pid}`),
  });
  expect((await fetch(`${first.url}/healthz`)).status).toBe(200);
});

test('a data directory that is a file, or cannot be made, is told', async () => {
  const path = join(temporaryDirectory(), 'file');
  writeFileSync(path, '');
  for (const data of [path, join(path, 'below'), '/dev/null/data']) {
    await expect(start({ data })).rejects.toMatchObject({ code: 'DATA_DIRECTORY' });
  }
});

test('a job that cannot be read back keeps the server from starting, and is named', async () => {
  const data = temporaryDirectory();
  mkdirSync(join(data, 'jobs', 'count-1'), { recursive: true });
  writeFileSync(join(data, 'jobs', 'count-1', 'job.json'), '{"format":');
  await expect(start({ data })).rejects.toMatchObject({
    code: 'DATA_DIRECTORY',
    message: expect.stringContaining('count-1'),
  });
  expect(existsSync(join(data, 'lock'))).toBe(false);
});

test('a server can be mounted by a host application', async () => {
  const server = await createServer({ data: temporaryDirectory(), warmRunner: false });
  onTestFinished(() => server.close());
  const response = await server.inject({ method: 'GET', url: '/v1/jobs' });
  expect(response.json()).toEqual({ jobs: [] });
});

test('the lock of a server that died is no lock', () => {
  const data = temporaryDirectory();
  const identity = processIdentity(process.pid);
  for (const owner of [
    { pid: 2 ** 22 - 1, identity: 'long ago' },
    // The number was given to another process since.
    { pid: process.pid, identity: `not ${identity}` },
    'torn',
  ]) {
    writeFileSync(join(data, 'lock'), JSON.stringify(owner).slice(0, owner === 'torn' ? 3 : 999));
    takeDataDirectory(data).release();
    expect(readdirSync(data)).toEqual([]);
  }
});
