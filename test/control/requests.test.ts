import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { serve } from '../../host/control/serve.ts';
import { pipelineJsonSchema } from '../../host/dataflow/document/json-schema.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { json, startTestServer, yaml } from '../kit/test-server.ts';

test('what nothing listens on is answered in the form of every error', async () => {
  const server = await startTestServer(temporaryDirectory());
  for (const path of ['/nope', '/v1/jobs/a/b/c', '/v1']) {
    expect(await server.refusal(path)).toMatchObject({ status: 404, code: 'ROUTE_NOT_FOUND' });
  }
  expect(await server.refusal('/v1/jobs', { method: 'PATCH' })).toMatchObject({
    code: 'ROUTE_NOT_FOUND',
  });
});

test.each([
  ['/v1/jobs/none', 'JOB_NOT_FOUND'],
  ['/v1/jobs/none/plan', 'JOB_NOT_FOUND'],
  ['/v1/jobs/none/metrics', 'JOB_NOT_FOUND'],
  ['/v1/jobs/none/exceptions', 'JOB_NOT_FOUND'],
  ['/v1/jobs/none/updates', 'JOB_NOT_FOUND'],
  ['/v1/jobs/none/updates/1', 'JOB_NOT_FOUND'],
  ['/v1/jobs/none/checkpoints', 'JOB_NOT_FOUND'],
  ['/v1/jobs/none/logs', 'JOB_NOT_FOUND'],
  ['/v1/jobs/none/dead-letters', 'JOB_NOT_FOUND'],
  ['/v1/modules/none', 'MODULE_NOT_FOUND'],
  ['/v1/modules/none/versions/1', 'MODULE_NOT_FOUND'],
  ['/v1/modules/none/versions/1.wasm', 'MODULE_NOT_FOUND'],
])('GET %s answers 404 %s', async (path, code) => {
  const server = await startTestServer(temporaryDirectory());
  expect(await server.refusal(path)).toMatchObject({ status: 404, code });
});

test('all findings about a request come at once', async () => {
  const server = await startTestServer(temporaryDirectory());
  const error = await server.refusal('/v1/jobs/j/logs?follow=perhaps&limit=-1&level=loud');
  expect(error).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
  expect(error.details.map((detail) => detail.split(':')[0]).sort()).toEqual([
    'querystring.follow',
    'querystring.level',
    'querystring.limit',
  ]);
});

test.each([
  ['malformed JSON', { ...json({}), body: '{"module":' }, 400, 'REQUEST_INVALID'],
  ['no JSON', { ...json({}), body: '' }, 400, 'REQUEST_INVALID'],
  ['another strategy', json({ module: 'a@1', strategy: 'canary' }), 400, 'REQUEST_INVALID'],
  ['an unknown key', json({ module: 'a@1', when: 'now' }), 400, 'REQUEST_INVALID'],
  ['2 MiB of JSON', json({ module: 'a'.repeat(2 ** 21) }), 413, 'BODY_TOO_LARGE'],
  ['YAML where JSON is taken', yaml('module: a@1'), 415, 'CONTENT_TYPE'],
])('an update with %s is refused', async (_what, init, status, code) => {
  const server = await startTestServer(temporaryDirectory());
  const error = await server.refusal('/v1/jobs/j/steps/s/updates', init);
  expect(error).toMatchObject({ status, code });
  expect(error.hint).not.toBe('');
});

test('a path that cannot be decoded is answered in the form of every error', async () => {
  const server = await startTestServer(temporaryDirectory());
  expect(await server.refusal('/v1/modules/%zz')).toMatchObject({
    status: 400,
    code: 'REQUEST_INVALID',
  });
});

test('what is no HTTP is answered in the form of every error', async () => {
  const server = await startTestServer(temporaryDirectory());
  const { port } = new URL(server.url);
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect(Number(port), '127.0.0.1', () => socket.write('nonsense\r\n\r\n'));
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
  });
  expect(answer).toMatch(/^HTTP\/1.1 400/);
  expect(JSON.parse(answer.split('\r\n\r\n')[1])).toMatchObject({ code: 'REQUEST_INVALID' });
});

test('with a token, only requests that carry it are served, health checks apart', async () => {
  const token = 'a-token-of-some-length';
  const server = await startTestServer(temporaryDirectory(), { token });
  expect(await server.request('/v1/jobs')).toEqual({ jobs: [] });
  for (const authorization of ['', 'Bearer', 'Bearer wrong', `Basic ${token}`, token]) {
    const error = await server.refusal('/v1/jobs', { headers: { authorization } });
    expect(error).toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
  }
  for (const path of ['/healthz', '/readyz']) {
    expect((await fetch(server.url + path)).status).toBe(200);
  }
});

test('editors get the schema of a pipeline document', async () => {
  const server = await startTestServer(temporaryDirectory());
  const schema = await server.request('/v1/pipeline-schema');
  expect(schema).toEqual(JSON.parse(JSON.stringify(pipelineJsonSchema())));
});

test('without a token, web pages and names from elsewhere are not served', async () => {
  const server = await serve({
    port: 0,
    host: '127.0.0.1',
    data: temporaryDirectory(),
    tokenFile: undefined,
  });
  try {
    const get = async (headers: Record<string, string>) => {
      const response = await fetch(`${server.url}/v1/jobs`, { headers });
      return [response.status, ((await response.json()) as { code?: string }).code];
    };
    expect(await get({})).toEqual([200, undefined]);
    expect(await get({ origin: server.url })).toEqual([200, undefined]);
    expect(await get({ origin: 'https://example.org' })).toEqual([403, 'ORIGIN_REFUSED']);
    expect(await get({ origin: 'null' })).toEqual([403, 'ORIGIN_REFUSED']);
    expect(await foreignHost(server.url)).toMatch(/^HTTP\/1.1 403 .*ORIGIN_REFUSED/s);
  } finally {
    await server.close();
  }
});

/** `fetch` does not let a test lie about the host. */
function foreignHost(url: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () =>
      socket.write('GET /v1/jobs HTTP/1.1\r\nhost: evil.example.org\r\nconnection: close\r\n\r\n'),
    );
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
  });
}

test('the OpenAPI document names every route and its bodies', async () => {
  const server = await startTestServer(temporaryDirectory());
  const document = await server.request<{
    paths: Record<string, Record<string, { requestBody?: { content: object } }>>;
  }>('/openapi.json');
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining([
      '/v1/modules/{name}/versions/{version}',
      '/v1/modules/{name}:compile',
      '/v1/jobs',
      '/v1/jobs/{job}/steps/{step}/updates',
      '/metrics',
    ]),
  );
  const upload = document.paths['/v1/modules/{name}/versions/{version}'].put;
  expect(upload.requestBody?.content).toHaveProperty(['application/wasm']);
});

test('the reference loads nothing from anywhere else', async () => {
  const server = await startTestServer(temporaryDirectory());
  const page = await fetch(`${server.url}/docs/`);
  const html = await page.text();
  const sources = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map((match) => match[1]);
  expect(sources).not.toEqual([]);
  for (const source of sources) expect(source).not.toMatch(/^(https?:)?\/\//);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
  const script = await fetch(new URL(sources[0], `${server.url}/docs/`));
  expect(script.headers.get('content-type')).toContain('javascript');
});

test('the page at / lists the jobs', async () => {
  const server = await startTestServer(temporaryDirectory());
  expect(await (await fetch(server.url)).text()).toContain('No job was submitted yet');
});

test('bombs of headers and of JSON are refused, and the server serves on', async () => {
  const server = await startTestServer(temporaryDirectory());
  const update = (body: string) =>
    server.refusal('/v1/jobs/j/steps/s/updates', { ...json({}), body });
  const deep = '['.repeat(500_000);
  expect(await update(deep)).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
  expect(await update(`${deep}${']'.repeat(500_000)}`)).toMatchObject({ status: 400 });
  expect(await update('{"__proto__":{"module":"a@1"}}')).toMatchObject({ status: 400 });
  expect(await update(`{"module":"a@1","constructor":{"prototype":{}}}`)).toMatchObject({
    status: 400,
  });
  const many = `{${Array.from({ length: 90_000 }, (_, i) => `"k${i}":1`).join(',')}}`;
  expect(await update(many)).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
  const headers = (count: number, bytes: number) =>
    `GET /v1/jobs HTTP/1.1\r\nhost: localhost\r\n${Array.from({ length: count }, (_, i) => `x-${i}: ${'a'.repeat(bytes)}\r\n`).join('')}\r\n`;
  for (const bomb of [headers(1, 100_000), headers(5_000, 10), 'GET /'.padEnd(100_000, 'a')]) {
    expect(await rawAnswer(server.url, bomb)).toMatch(/^HTTP\/1\.1 4\d\d|^$/);
  }
  expect(await server.request('/v1/jobs')).toEqual({ jobs: [] });
});

/** What a server answers to bytes that no client would send. */
function rawAnswer(url: string, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}
