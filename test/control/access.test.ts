import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RouteEntry } from '../../host/control/server-type.ts';
import type { ErrorReport } from '../../host/errors.ts';
import { bearer, startTenantServer, TOKENS } from '../kit/tenant-server.ts';
import { until } from '../kit/until.ts';

/**
 * Who may use each route: `anyone`, or the lowest role. A route that is not here fails the test, so nobody adds one without saying
 * whose it is.
 */
const ROUTES: Readonly<Record<string, RouteEntry['role']>> = {
  'GET /healthz': 'anyone',
  'GET /readyz': 'anyone',
  'GET /': 'viewer',
  'GET /metrics': 'viewer',
  'GET /openapi.json': 'viewer',
  'GET /v1/audit': 'admin',
  'GET /v1/pipeline-schema': 'viewer',
  'GET /v1/modules': 'viewer',
  'GET /v1/modules/:name': 'viewer',
  'POST /v1/modules/:name': 'deployer',
  'POST /v1/modules/:name([^:]+)::compile': 'deployer',
  'GET /v1/modules/:name/versions/:version': 'viewer',
  'GET /v1/modules/:name/versions/:version.wasm': 'viewer',
  'PUT /v1/modules/:name/versions/:version': 'deployer',
  'DELETE /v1/modules/:name/versions/:version': 'deployer',
  'GET /v1/jobs': 'viewer',
  'POST /v1/jobs': 'deployer',
  'GET /v1/jobs/:job': 'viewer',
  'DELETE /v1/jobs/:job': 'deployer',
  'GET /v1/jobs/:job/plan': 'viewer',
  'GET /v1/jobs/:job/exceptions': 'viewer',
  'GET /v1/jobs/:job/metrics': 'viewer',
  'GET /v1/jobs/:job/logs': 'viewer',
  'GET /v1/jobs/:job/dead-letters': 'viewer',
  'GET /v1/jobs/:job/checkpoints': 'viewer',
  'POST /v1/jobs/:job/checkpoints': 'deployer',
  'POST /v1/jobs/:job/savepoints': 'deployer',
  'POST /v1/jobs/:job/stop': 'deployer',
  'POST /v1/jobs/:job/pause': 'deployer',
  'POST /v1/jobs/:job/resume': 'deployer',
  'GET /v1/jobs/:job/updates': 'viewer',
  'GET /v1/jobs/:job/updates/:update': 'viewer',
  'GET /v1/jobs/:job/steps/:step/state/:state': 'viewer',
  'GET /v1/jobs/:job/steps/:step/tap': 'viewer',
  'POST /v1/jobs/:job/steps/:step/updates': 'deployer',
  'GET /v1/jobs/:job/sinks/:sink/records': 'viewer',
  'POST /v1/jobs/:job/sources/:source/records': 'deployer',
  'POST /v1/jobs/:job/sources/:source/end': 'deployer',
};

const isPage = ({ url }: RouteEntry) => url === '/docs' || url.startsWith('/docs/');

/** A path of the route that names things that are not there. */
function pathOf(url: string): string {
  return url
    .replace(':name([^:]+)::compile', 'none:compile')
    .replace(/:version\b/, '1')
    .replace(/:update\b/, '1')
    .replace(/:[a-z]+/g, 'none')
    .replace('*', 'none.js');
}

const ROLES = ['viewer', 'deployer', 'admin'] as const;

test('every route says who may use it, as the table says, and no route is missing', async () => {
  const { server } = await startTenantServer();
  const routes = server.routeTable.filter(({ method }) => method !== 'HEAD');
  for (const route of routes.filter(isPage)) expect(route.role, route.url).toBe('viewer');
  const others = routes.filter((route) => !isPage(route));
  expect(Object.fromEntries(others.map((one) => [`${one.method} ${one.url}`, one.role]))).toEqual(
    ROUTES,
  );
});

test('every route answers each caller as its role says', async () => {
  const { server } = await startTenantServer({ limits: { failuresPerMinute: 1_000 } });
  const callers = [
    ['no token', {}],
    ['a wrong token', { authorization: 'Bearer wrong-token-of-nobody' }],
    ['viewer', bearer('viewer')],
    ['deployer', bearer('deployer')],
    ['admin', bearer('admin')],
  ] as const;
  for (const { method, url, role } of server.routeTable) {
    for (const [who, headers] of callers) {
      const { statusCode } = await server.inject({
        method: method as 'GET',
        url: pathOf(url),
        headers,
        ...(url.endsWith('/logs') ? { query: { follow: 'false' } } : {}),
      });
      const what = `${method} ${url} by ${who}`;
      const rank = ROLES.indexOf(who as (typeof ROLES)[number]);
      if (role === 'anyone') expect(statusCode, what).toBe(200);
      else if (rank < 0) expect(statusCode, what).toBe(401);
      else if (rank < ROLES.indexOf(role ?? 'admin')) expect(statusCode, what).toBe(403);
      else expect([401, 403], what).not.toContain(statusCode);
    }
  }
});

test('what is one tenant’s another cannot see, name, change or delete', async () => {
  const { server } = await startTenantServer();
  const submitted = await server.inject({
    method: 'POST',
    url: '/v1/jobs',
    headers: { ...bearer('deployer'), 'content-type': 'application/yaml' },
    body: 'name: mine\nsources: { in: { connector: http, format: lines } }\nsinks: { out: { from: in, connector: file, path: out } }',
  });
  expect(submitted.statusCode, submitted.body).toBe(201);
  const { id } = submitted.json() as { readonly id: string };
  const list = async (who: 'viewer' | 'stranger') =>
    (await server.inject({ url: '/v1/jobs', headers: bearer(who) })).json() as {
      readonly jobs: readonly { readonly id: string }[];
    };
  expect((await list('viewer')).jobs).toMatchObject([{ id }]);
  expect((await list('stranger')).jobs).toEqual([]);
  for (const { method, url } of server.routeTable) {
    if (!url.includes(':job')) continue;
    const { statusCode, body } = await server.inject({
      method: method as 'GET',
      url: pathOf(url.replace(':job', id)),
      ...(url.includes('/state/') ? { query: { key: 'a' } } : {}),
      headers: {
        ...bearer('stranger'),
        ...(url.endsWith('/records') ? { 'content-type': 'text/plain' } : {}),
        ...(url.endsWith('/updates') && method === 'POST'
          ? { 'content-type': 'application/json' }
          : {}),
      },
      ...(url.endsWith('/updates') && method === 'POST' ? { body: '{"module":"a@1"}' } : {}),
    });
    expect(statusCode, `${method} ${url}: ${body}`).toBe(404);
  }
  const metrics = await server.inject({ url: '/metrics', headers: bearer('stranger') });
  expect(metrics.body).not.toContain(id);
  expect((await server.inject({ url: '/metrics', headers: bearer('viewer') })).body).toContain(id);
  await server.inject({ method: 'DELETE', url: `/v1/jobs/${id}`, headers: bearer('deployer') });
});

describe('a tenant', () => {
  const submit = (server: Awaited<ReturnType<typeof startTenantServer>>['server'], sink: string) =>
    server.inject({
      method: 'POST',
      url: '/v1/jobs',
      headers: { ...bearer('deployer'), 'content-type': 'application/yaml' },
      body: `name: mine\nsources: { in: { connector: http, format: lines } }\nsinks: { out: ${sink} }`,
    });

  test('has no more jobs than its quota', async () => {
    const { server } = await startTenantServer();
    const sink = '{ from: in, connector: file, path: out }';
    const ids: string[] = [];
    for (let i = 0; i < 2; i++) ids.push((await submit(server, sink)).json<{ id: string }>().id);
    const refused = await submit(server, sink);
    expect(refused.statusCode).toBe(403);
    expect(refused.json()).toMatchObject({ code: 'QUOTA_EXCEEDED' });
    const cancel = (id: string) =>
      server.inject({ method: 'DELETE', url: `/v1/jobs/${id}`, headers: bearer('deployer') });
    await cancel(ids[0]);
    const again = await submit(server, sink);
    expect(again.statusCode).toBe(201);
    for (const id of [ids[1], again.json<{ id: string }>().id]) await cancel(id);
  });

  test('has no more bytes of modules than its quota', async () => {
    const { server } = await startTenantServer();
    const refused = await server.inject({
      method: 'POST',
      url: '/v1/modules/large',
      headers: { ...bearer('deployer'), 'content-type': 'application/wasm' },
      body: Buffer.alloc(2 ** 20 + 1),
    });
    expect(refused.json()).toMatchObject({ code: 'QUOTA_EXCEEDED' });
  });

  test.each([
    '{ from: in, connector: file, path: ../out }',
    '{ from: in, connector: file, path: /tmp/out }',
    '{ from: in, connector: file, path: "{../,}out" }',
    '{ from: in, connector: webhook, url: "https://example.org/", tokenFile: /etc/passwd }',
    '{ from: in, connector: webhook, url: "https://example.org/", spool: /tmp/spool }',
    '{ from: in, connector: postgres, url: "postgres://h/d", table: t, passwordFile: ../../lock }',
  ])('has its files in its own folder: %s is refused', async (sink) => {
    const { server } = await startTenantServer();
    const refused = await submit(server, sink);
    expect(refused.statusCode, refused.body).toBe(422);
    expect(refused.json<ErrorReport>().details.join()).toContain('out of the folder');
  });

  test('cannot begin elsewhere by a base directory or an absolute savepoint', async () => {
    const { server } = await startTenantServer({ savepointsAnywhere: true });
    const request = (query: Record<string, string>) =>
      server.inject({
        method: 'POST',
        url: '/v1/jobs',
        query,
        headers: { ...bearer('deployer'), 'content-type': 'application/yaml' },
        body: 'name: mine\nsources: { in: { connector: http, format: lines } }\nsinks: { out: { from: in, connector: file, path: out } }',
      });
    expect((await request({ baseDirectory: '/etc' })).json()).toMatchObject({
      code: 'REQUEST_INVALID',
    });
    expect((await request({ savepoint: '/etc' })).json()).toMatchObject({ code: 'NAME_INVALID' });
  });
});

test.each([
  ['cross-site', undefined, 403],
  ['same-site', undefined, 403],
  ['same-origin', undefined, 404],
  ['none', undefined, 404],
  [undefined, 'https://example.org', 403],
  [undefined, 'null', 403],
  [undefined, 'http://localhost:80', 404],
  [undefined, undefined, 404],
])('a change that a page asks for from %s, origin %s, is answered %i', async (site, origin, status) => {
  const { server } = await startTenantServer();
  const headers = {
    ...bearer('admin'),
    ...(site === undefined ? {} : { 'sec-fetch-site': site }),
    ...(origin === undefined ? {} : { origin }),
  };
  const change = { method: 'POST', url: '/v1/jobs/none/pause', headers } as const;
  expect((await server.inject(change)).statusCode).toBe(status);
  expect((await server.inject({ url: '/v1/jobs', headers })).statusCode).toBe(200);
});

test('compressed bodies are refused', async () => {
  const { server } = await startTenantServer();
  for (const encoding of ['gzip', 'br', 'deflate, gzip']) {
    const answer = await server.inject({
      method: 'POST',
      url: '/v1/modules/none',
      headers: {
        ...bearer('admin'),
        'content-type': 'application/wasm',
        'content-encoding': encoding,
      },
      body: 'x',
    });
    expect(answer.json()).toMatchObject({ code: 'CONTENT_TYPE' });
    expect(answer.statusCode).toBe(415);
  }
});

test.each([
  '/v1/jobs/..%2f..%2fetc',
  '/v1/jobs/%2e%2e%2f%2e%2e/logs?follow=false',
  '/v1/modules/..%2f..%2flock',
  '/v1/modules/a/versions/..%2f..%2findex.json',
  '/v1/modules/a%00b',
  '/v1/jobs/__proto__',
  '/v1/modules/constructor/versions/1.wasm',
  '/docs/..%2f..%2fpackage.json',
  '/docs/%2e%2e/%2e%2e/package.json',
])('names are never paths: GET %s finds nothing', async (url) => {
  const { server } = await startTenantServer();
  const { statusCode, body } = await server.inject({ url, headers: bearer('admin') });
  expect([400, 404], body.slice(0, 200)).toContain(statusCode);
});

test('the audit log says who changed what, from where, and is for admins of the same tenant', async () => {
  const { server, data } = await startTenantServer();
  const post = (who: keyof typeof TOKENS, url: string) =>
    server.inject({ method: 'POST', url, headers: bearer(who), remoteAddress: '192.0.2.7' });
  await post('deployer', '/v1/jobs/none/pause');
  await post('viewer', '/v1/jobs/none/resume');
  await post('stranger', '/v1/jobs/theirs/pause');
  await server.inject({ url: '/v1/jobs', headers: bearer('deployer') });
  const audit = await server.inject({ url: '/v1/audit', headers: bearer('admin') });
  const from = '192.0.2.7';
  expect(audit.json()).toMatchObject({
    entries: [
      {
        who: 'dan',
        role: 'deployer',
        tenant: 'acme',
        from,
        path: '/v1/jobs/none/pause',
        status: 404,
      },
      {
        who: 'vera',
        role: 'viewer',
        tenant: 'acme',
        from,
        path: '/v1/jobs/none/resume',
        status: 403,
      },
    ],
  });
  const text = readFileSync(join(data, 'audit.jsonl'), 'utf8');
  expect(text.trimEnd().split('\n')).toHaveLength(3);
  for (const token of Object.values(TOKENS)) expect(text).not.toContain(token);
});

test('a token that was taken out of the file is refused from then on', async () => {
  const { server, tokenFile } = await startTenantServer();
  const ask = async () =>
    (await server.inject({ url: '/v1/jobs', headers: bearer('viewer') })).statusCode;
  expect(await ask()).toBe(200);
  writeFileSync(tokenFile, `token ada admin acme ${TOKENS.admin}`);
  await until('it is refused', async () => (await ask()) === 401);
});

describe('one caller', () => {
  test('makes only so many requests a second, and others go on', async () => {
    const { server } = await startTenantServer({ limits: { requestsPerSecond: 5 } });
    const ask = (who: 'viewer' | 'admin') =>
      server.inject({ url: '/v1/jobs', headers: bearer(who) });
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('viewer')));
    const refused = answers.filter(({ statusCode }) => statusCode === 429);
    expect(refused.length).toBeGreaterThanOrEqual(10);
    expect(refused[0].json()).toMatchObject({ code: 'RATE_LIMITED' });
    expect(Number(refused[0].headers['retry-after'])).toBeGreaterThan(0);
    expect((await ask('admin')).statusCode).toBe(200);
  });

  test('may guess only so many tokens a minute', async () => {
    const { server } = await startTenantServer({ limits: { failuresPerMinute: 3 } });
    const guess = async (i: number) =>
      (await server.inject({ url: '/v1/jobs', headers: { authorization: `Bearer guess-${i}` } }))
        .statusCode;
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push(await guess(i));
    expect(statuses).toEqual([401, 401, 401, 429, 429, 429]);
    expect((await server.inject({ url: '/v1/jobs', headers: bearer('viewer') })).statusCode).toBe(
      200,
    );
  });
});
