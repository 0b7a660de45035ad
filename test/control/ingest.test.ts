import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HTTP_BODY_BYTES_MAX, HTTP_RECORDS_MAX } from '../../host/server-limits.ts';
import { json, type TestServer } from '../kit/test-server.ts';
import { until } from '../kit/until.ts';
import {
  exactCounts,
  type Job,
  reaches,
  show,
  startWordCountServer,
  submit,
} from '../kit/word-count-server.ts';

/** Processes start one after the other; a busy machine needs its time for that. */
const SLOW = { timeout: 90_000 };

interface Stored {
  readonly records: number;
  readonly partition: number;
  readonly position: number;
  readonly repeated: boolean;
}

/** Word count of lines that come over HTTP. */
function overHttp(options = 'format: lines', every = '100ms'): string {
  return `
name: count
checkpoint: { every: ${every} }
modules: { text: text@1 }
sources: { lines: { connector: http, ${options} } }
steps:
  words: { flatMap: text.words, from: lines }
  counts: { reduce: text.sum, from: words, key: word }
sinks: { out: { from: counts, connector: file, path: out, format: json } }
`;
}

function records(lines: readonly string[], key?: string): RequestInit {
  return {
    method: 'POST',
    headers: {
      'content-type': 'application/x-ndjson',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body: lines.map((line) => `${line}\n`).join(''),
  };
}

function send(server: TestServer, id: string, lines: readonly string[], key?: string) {
  return server.request<Stored>(`/v1/jobs/${id}/sources/lines/records`, records(lines, key));
}

async function endInput(server: TestServer, id: string): Promise<void> {
  expect(await server.request(`/v1/jobs/${id}/sources/lines/end`, { method: 'POST' })).toEqual({
    ended: true,
  });
}

test(
  'records that are sent while the job runs come out, and the job finishes when the input ends',
  SLOW,
  async () => {
    const around = await startWordCountServer();
    const { server, folder } = around;
    const id = await submit(around, overHttp());
    expect(await send(server, id, ['to be or not', 'to be'])).toMatchObject({
      records: 2,
      repeated: false,
    });
    await send(server, id, ['that is']);
    await endInput(server, id);
    await reaches(server, id, 'finished');
    expect(exactCounts(folder)).toEqual({ to: 2, be: 2, or: 1, not: 1, that: 1, is: 1 });
    expect(
      await server.refusal(`/v1/jobs/${id}/sources/lines/records`, records(['late'])),
    ).toMatchObject({ status: 409, code: 'JOB_STATE' });
  },
);

test('a request that is repeated with its key is stored once', SLOW, async () => {
  const around = await startWordCountServer();
  const { server, folder } = around;
  const id = await submit(around, overHttp('format: lines, partitions: 3'));
  const [first, again] = await Promise.all([
    send(server, id, ['once'], 'key-1'),
    send(server, id, ['once'], 'key-1'),
  ]);
  expect([first.repeated, again.repeated].sort()).toEqual([false, true]);
  expect(await send(server, id, ['once'], 'key-1')).toMatchObject({ repeated: true, records: 1 });
  const path = `/v1/jobs/${id}/sources/lines/records`;
  expect(await server.refusal(path, records(['other'], 'key-1'))).toMatchObject({
    status: 422,
    code: 'IDEMPOTENCY_KEY_REUSED',
  });
  await endInput(server, id);
  await reaches(server, id, 'finished');
  expect(exactCounts(folder)).toEqual({ once: 1 });
});

test('malformed lines refuse the whole request with their numbers', SLOW, async () => {
  const around = await startWordCountServer();
  const { server, folder } = around;
  const id = await submit(around, overHttp('format: json'));
  const path = `/v1/jobs/${id}/sources/lines/records`;
  const error = await server.refusal(
    path,
    records(['{"text":"a"}', '{"text":1}', '', '{"text":"b"', '{"text":"c"}']),
  );
  expect(error).toMatchObject({ status: 422, code: 'RECORD_MALFORMED' });
  expect(error.details.map((detail) => detail.split(':')[0])).toEqual(['line 2', 'line 4']);
  const noText = await server.refusal(path, {
    ...records([]),
    body: Buffer.from('{"text":"ok"}\n{"text":"\xff"}\n', 'latin1'),
  });
  expect(noText.details).toEqual(['line 2: it is no UTF-8']);
  await server.request(path, records(['{"text":"stored"}']));
  await endInput(server, id);
  await reaches(server, id, 'finished');
  expect(exactCounts(folder)).toEqual({ stored: 1 });
});

test('what a request may be is bounded', SLOW, async () => {
  const around = await startWordCountServer();
  const { server } = around;
  const id = await submit(around, overHttp());
  const path = `/v1/jobs/${id}/sources/lines/records`;
  const sized = (bytes: number) => ({ ...records([]), body: Buffer.alloc(bytes, 'a') });
  expect(await server.refusal(path, sized(HTTP_BODY_BYTES_MAX + 1))).toMatchObject({
    status: 413,
    code: 'BODY_TOO_LARGE',
  });
  expect(
    await server.refusal(path, { ...records([]), body: '\n'.repeat(HTTP_RECORDS_MAX + 1) }),
  ).toMatchObject({ status: 413, code: 'BODY_TOO_LARGE' });
  expect(await server.refusal(path, records(['a'], 'k'.repeat(256)))).toMatchObject({
    status: 400,
    code: 'REQUEST_INVALID',
  });
  expect(
    await server.refusal(path, { ...records(['a']), headers: { 'content-type': 'image/png' } }),
  ).toMatchObject({ status: 415 });
  expect(await server.request(path, sized(0))).toMatchObject({ records: 0 });
});

test('only sources of connector http take records', SLOW, async () => {
  const around = await startWordCountServer();
  const { server } = around;
  const id = await submit(around, overHttp());
  for (const [path, code] of [
    [`/v1/jobs/${id}/sources/words/records`, 'SOURCE_NOT_FOUND'],
    [`/v1/jobs/${id}/sources/..%2F..%2Fx/records`, 'SOURCE_NOT_FOUND'],
    ['/v1/jobs/none/sources/lines/records', 'JOB_NOT_FOUND'],
  ] as const) {
    expect(await server.refusal(path, records(['a']))).toMatchObject({ status: 404, code });
  }
  expect(await server.refusal(`/v1/jobs/${id}/sources/other/end`, json({}))).toMatchObject({
    code: 'SOURCE_NOT_FOUND',
  });
});

test(
  'a job that is too far behind answers 429 and takes records again when it has read on',
  SLOW,
  async () => {
    const around = await startWordCountServer();
    const { server, folder } = around;
    const id = await submit(around, overHttp('format: lines, aheadMax: 4MiB'));
    await reaches(server, id, 'running');
    await server.request(`/v1/jobs/${id}/pause`, { method: 'POST' });
    const lines = Array.from({ length: 100 }, () => 'word'.repeat(2_500));
    let taken = 0;
    const refused = await until('the job is too far behind', async () => {
      const path = `${server.url}/v1/jobs/${id}/sources/lines/records`;
      const response = await fetch(path, records(lines, `key-${taken}`));
      if (response.ok) taken += 1;
      return !response.ok && response;
    });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ code: 'SOURCE_BEHIND' });
    await server.request(`/v1/jobs/${id}/resume`, { method: 'POST' });
    await until('it takes records again', async () => {
      const path = `${server.url}/v1/jobs/${id}/sources/lines/records`;
      return (await fetch(path, records(lines, `key-${taken}`))).ok;
    });
    await endInput(server, id);
    await reaches(server, id, 'finished');
    expect(exactCounts(folder)).toEqual({ [lines[0]]: (taken + 1) * lines.length });
  },
);

test(
  'records are kept through deaths of the runner, and are taken while there is none',
  SLOW,
  async () => {
    const around = await startWordCountServer();
    const { server, folder } = around;
    const id = await submit(around, overHttp());
    await reaches(server, id, 'running');
    let sent = 0;
    for (let death = 0; death < 3; death++) {
      const { pid, attempt } = await reaches(server, id, 'running');
      for (let i = 0; i < 20; i++) await send(server, id, [`a b ${sent++}`], `key-${sent}`);
      process.kill(Number(pid), 'SIGKILL');
      for (let i = 0; i < 20; i++) await send(server, id, [`a b ${sent++}`], `key-${sent}`);
      await until('another attempt runs', async () => {
        const job: Job = await show(server, id);
        return job.attempt > attempt && job.state === 'running';
      });
    }
    await endInput(server, id);
    await reaches(server, id, 'finished');
    const counts = exactCounts(folder);
    expect(counts).toMatchObject({ a: sent, b: sent });
    expect(Object.keys(counts)).toHaveLength(sent + 2);
  },
);

test(
  'files of the log go away when checkpoints cover them, and all of them with the job',
  SLOW,
  async () => {
    const around = await startWordCountServer();
    const { server, data } = around;
    const id = await submit(around, overHttp());
    const folder = join(data, 'jobs', id, 'http', 'lines', '0');
    const files = () => readdirSync(folder).filter((name) => name.endsWith('.log'));
    const lines = Array.from({ length: 100 }, () => 'word'.repeat(9_000));
    for (let i = 0; i < 12; i++) await send(server, id, lines);
    expect(files().length).toBeGreaterThan(0);
    await until('the first file is gone', () => !files().includes(`${'0'.repeat(20)}.log`));
    await server.request(`/v1/jobs/${id}?purge=true`, { method: 'DELETE' });
    expect(readdirSync(join(data, 'jobs'))).not.toContain(id);
  },
);
