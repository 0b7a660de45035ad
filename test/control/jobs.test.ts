import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { json, startTestServer, type TestServer, wasm, yaml } from '../kit/test-server.ts';
import { until } from '../kit/until.ts';
import { wordCountModule } from '../kit/word-count-module.ts';

let first: Uint8Array;
let second: Uint8Array;

beforeAll(async () => {
  first = await wordCountModule();
  second = await wordCountModule('!');
});

interface Job {
  readonly id: string;
  readonly state: string;
  readonly pid: number | null;
  readonly attempt: number;
  readonly restarts: number;
  readonly endedAtMs: number | null;
  readonly paused: boolean;
  readonly error: { readonly code: string; readonly hint: string } | null;
  readonly modules: Record<string, { readonly ref: string }>;
}

interface Bench {
  readonly data: string;
  readonly folder: string;
  readonly server: TestServer;
}

/** A server with both versions of the word count in its catalog, and a folder for input and output. */
async function bench(): Promise<Bench> {
  const [data, folder] = [temporaryDirectory(), temporaryDirectory()];
  const server = await startTestServer(data);
  await server.request('/v1/modules/text', wasm(first, 'POST'));
  await server.request('/v1/modules/text', wasm(second, 'POST'));
  return { data, folder, server };
}

/** Word count of a file that was written beside. */
function overFile(folder: string, lines: readonly string[], checkpoint = 'off'): string {
  writeFileSync(join(folder, 'in.txt'), lines.map((line) => `${line}\n`).join(''));
  return `
name: count
checkpoint: { every: ${checkpoint} }
modules: { text: text@1 }
sources: { lines: { connector: file, path: in.txt, format: lines } }
steps:
  words: { flatMap: text.words, from: lines }
  counts: { reduce: text.sum, from: words, key: word }
sinks: { out: { from: counts, connector: file, path: out, format: json } }
`;
}

/** Word count of lines that never end, or end after \`count\`, so many a second. */
function overGenerator(rate: number, count?: number): string {
  return `
name: count
checkpoint: { every: 200ms }
modules: { text: text@1 }
sources:
  lines:
    connector: generator
    rate: ${rate}
    ${count === undefined ? '' : `count: ${count}`}
    fields: { text: { words: { of: [mill, race, wheel], count: 4 } } }
steps:
  words: { flatMap: text.words, from: lines }
  counts: { reduce: text.sum, from: words, key: word }
sinks: { out: { from: counts, connector: file, path: out, format: json } }
`;
}

async function submit({ server, folder }: Bench, document: string): Promise<string> {
  const query = new URLSearchParams({ baseDirectory: folder });
  return (await server.request<Job>(`/v1/jobs?${query}`, yaml(document))).id;
}

function show(server: TestServer, id: string): Promise<Job> {
  return server.request<Job>(`/v1/jobs/${id}`);
}

function reaches(server: TestServer, id: string, state: string): Promise<Job> {
  return until(`job ${id} is ${state}`, async () => {
    const job = await show(server, id);
    if (job.endedAtMs !== null && job.state !== state) {
      throw new Error(`job ${id} is ${job.state}: ${JSON.stringify(job.error)}`);
    }
    return job.state === state && job;
  });
}

function output(folder: string): readonly { readonly word: string; readonly count: number }[] {
  const parts = readdirSync(join(folder, 'out')).filter((name) => name.startsWith('part-'));
  return parts
    .flatMap((name) =>
      readFileSync(join(folder, 'out', name), 'utf8')
        .trimEnd()
        .split('\n'),
    )
    .map((line) => JSON.parse(line));
}

/** Every count of every word exactly once: nothing lost, nothing repeated. Answers the totals. */
function exactCounts(folder: string): Record<string, number> {
  const counts = new Map<string, number[]>();
  for (const { word, count } of output(folder)) {
    counts.set(word, [...(counts.get(word) ?? []), Number(count)]);
  }
  for (const list of counts.values()) {
    expect(list.sort((a, b) => a - b)).toEqual(list.map((_, i) => i + 1));
  }
  return Object.fromEntries([...counts].map(([word, list]) => [word, list.length]));
}

test('a submitted pipeline runs, ends and can be looked at from all sides', async () => {
  const one = await bench();
  const { server, folder } = one;
  const id = await submit(one, overFile(folder, ['to be or not', 'to be']));
  expect(id).toBe('count-1');
  await reaches(server, id, 'finished');
  expect(exactCounts(folder)).toEqual({ to: 2, be: 2, or: 1, not: 1 });
  const path = `/v1/jobs/${id}`;
  expect(await server.request(`${path}/plan`)).toMatchObject({ name: 'count', parallelism: 1 });
  const metrics = await server.request<{ operators: { id: string; recordsIn: number }[] }>(
    `${path}/metrics`,
  );
  expect(metrics.operators.find((operator) => operator.id === 'counts')?.recordsIn).toBe(6);
  expect(await server.request(`${path}/checkpoints`)).toMatchObject({
    checkpoints: [{ final: true }],
  });
  expect(await server.request(`${path}/exceptions`)).toEqual({ exceptions: [] });
  expect(await server.request(`${path}/updates`)).toEqual({ updates: [] });
  expect(await server.request(`${path}/dead-letters`)).toEqual({ deadLetters: [] });
  const { entries } = await server.request<{ entries: { text: string }[] }>(
    `${path}/logs?follow=false`,
  );
  expect(entries.at(-1)?.text).toBe('the job has finished');
  expect(await server.refusal(`${path}/stop`, { method: 'POST' })).toMatchObject({
    code: 'JOB_STATE',
  });
  expect(await server.refusal(path, { method: 'DELETE' })).toMatchObject({ code: 'JOB_STATE' });
  expect(await server.refusal(`${path}/checkpoints`, { method: 'POST' })).toMatchObject({
    status: 409,
  });
  expect(await (await fetch(server.url)).text()).toContain('count-1');
});

test('a JSON document is taken as well, and a dry run starts nothing', async () => {
  const one = await bench();
  const document = {
    name: 'copy',
    sources: { lines: { connector: 'generator', count: 1, fields: { text: {} } } },
    sinks: { out: { from: 'lines', connector: 'stdout', format: 'json' } },
  };
  const answer = await one.server.request('/v1/jobs?dryRun=true', yaml(overGenerator(1)));
  expect(answer).toMatchObject({ valid: true, plan: { name: 'count' } });
  expect(await one.server.request('/v1/jobs')).toEqual({ jobs: [] });
  const wrong = { ...document, sinks: {} };
  expect(await one.server.refusal('/v1/jobs', json(wrong))).toMatchObject({
    code: 'PIPELINE_INVALID',
  });
});

test.each([
  ['no YAML', '{ name: [', 400, 'PIPELINE_UNREADABLE'],
  ['nothing', '', 422, 'PIPELINE_INVALID'],
  ['an unknown module', overGenerator(1).replace('text@1', 'text@9'), 422, 'PIPELINE_INVALID'],
  [
    'an unknown function',
    overGenerator(1).replace('text.sum', 'text.total'),
    422,
    'PIPELINE_INVALID',
  ],
  [
    'a missing file',
    overFile(temporaryFolder(), []).replace('in.txt', 'none.txt'),
    422,
    'SOURCE_UNAVAILABLE',
  ],
  ['a cycle', overGenerator(1).replace('from: lines', 'from: counts'), 422, 'PIPELINE_INVALID'],
  [
    'a type mismatch',
    overGenerator(1).replace('from: words, key', 'from: lines, key'),
    422,
    'PIPELINE_INVALID',
  ],
  ['5 MiB', `# ${'x'.repeat(5 * 2 ** 20)}`, 413, 'BODY_TOO_LARGE'],
])('a document with %s is refused and the server goes on', async (_what, document, status, code) => {
  const { server } = await bench();
  const error = await server.refusal('/v1/jobs', yaml(document));
  expect(error).toMatchObject({ status, code });
  expect(error.hint).not.toBe('');
  expect(await server.request('/v1/jobs')).toEqual({ jobs: [] });
});

function temporaryFolder(): string {
  return process.env.TMPDIR ?? '/tmp';
}

test('a job that cannot write its output fails with what to do, and is not started again', async () => {
  const one = await bench();
  const document = overFile(one.folder, ['a']).replace('path: out', 'path: in.txt');
  const id = await submit(one, document);
  const job = await reaches(one.server, id, 'failed');
  expect(job).toMatchObject({ attempt: 1, error: { code: 'SINK_UNAVAILABLE' } });
  expect(job.error?.hint).not.toBe('');
  const { exceptions } = await one.server.request<{ exceptions: object[] }>(
    `/v1/jobs/${id}/exceptions`,
  );
  expect(exceptions).toMatchObject([{ code: 'SINK_UNAVAILABLE', attempt: 1, scope: 'job' }]);
});

test('a step is swapped while the job runs', async () => {
  const one = await bench();
  const { server, folder } = one;
  const id = await submit(one, overGenerator(2_000));
  await reaches(server, id, 'running');
  const path = `/v1/jobs/${id}`;
  const request = json({ module: 'text@2' });
  const { update } = await server.request<{ update: number }>(
    `${path}/steps/words/updates`,
    request,
  );
  const settled = await until('the update is settled', async () => {
    const record = await server.request<{ state: string; pauses: object[] }>(
      `${path}/updates/${update}`,
    );
    return record.state === 'settled' && record;
  });
  expect(settled).toMatchObject({ from: { ref: 'text@1' }, to: { ref: 'text@2' } });
  expect(settled.pauses.length).toBeGreaterThan(0);
  expect((await show(server, id)).modules.words.ref).toBe('text@2');
  expect((await server.request<{ updates: object[] }>(`${path}/updates`)).updates).toHaveLength(1);
  expect(await server.refusal('/v1/modules/text/versions/2', { method: 'DELETE' })).toMatchObject({
    status: 409,
    code: 'MODULE_IN_USE',
  });
  await server.request(`${path}/checkpoints`, { method: 'POST' });
  expect(await server.request(`${path}/stop`, { method: 'POST' })).toMatchObject({
    job: { state: 'stopped' },
    checkpoint: { state: 'completed' },
  });
  expect(Object.keys(exactCounts(folder)).sort()).toEqual(
    ['mill', 'mill!', 'race', 'race!', 'wheel', 'wheel!'].sort(),
  );
});

test.each([
  ['an unknown step', 'nope', 'text@2', 404, 'STEP_NOT_FOUND'],
  ['a source', 'lines', 'text@2', 404, 'STEP_NOT_FOUND'],
  ['a name that objects have', 'constructor', 'text@2', 404, 'STEP_NOT_FOUND'],
  ['an unknown version', 'words', 'text@7', 404, 'MODULE_NOT_FOUND'],
  ['no version', 'words', 'text', 400, 'NAME_INVALID'],
])('an update of %s is refused', async (_what, step, module, status, code) => {
  const one = await bench();
  const id = await submit(one, overGenerator(100));
  const path = `/v1/jobs/${id}/steps/${step}/updates`;
  expect(await one.server.refusal(path, json({ module }))).toMatchObject({ status, code });
  expect(await one.server.refusal(`/v1/jobs/${id}/updates/1`)).toMatchObject({
    code: 'UPDATE_NOT_FOUND',
  });
});

test('a paused job reads nothing until it is resumed', async () => {
  const one = await bench();
  const { server } = one;
  const id = await submit(one, overGenerator(1_000));
  await reaches(server, id, 'running');
  expect(await server.request(`/v1/jobs/${id}/pause`, { method: 'POST' })).toMatchObject({
    paused: true,
  });
  const read = async () => {
    const { operators } = await server.request<{ operators: { id: string; recordsOut: number }[] }>(
      `/v1/jobs/${id}/metrics`,
    );
    return operators.find((operator) => operator.id === 'lines')?.recordsOut ?? 0;
  };
  await server.request(`/v1/jobs/${id}/checkpoints`, { method: 'POST' });
  const before = await read();
  await server.request(`/v1/jobs/${id}/checkpoints`, { method: 'POST' });
  expect(await read()).toBe(before);
  expect(await server.request(`/v1/jobs/${id}/resume`, { method: 'POST' })).toMatchObject({
    paused: false,
  });
  await until('it reads on', async () => (await read()) > before);
});

test('a cancelled job ends at once and can be purged, which frees its modules', async () => {
  const one = await bench();
  const { server, data } = one;
  const id = await submit(one, overGenerator(1_000));
  const { pid } = await until('it has a runner', async () => {
    const job = await show(server, id);
    return job.pid !== null && job;
  });
  expect(await server.request(`/v1/jobs/${id}`, { method: 'DELETE' })).toMatchObject({
    state: 'cancelled',
  });
  await until('the runner has gone', () => !isAlive(pid as number));
  await server.request(`/v1/jobs/${id}?purge=true`, { method: 'DELETE' });
  expect(await server.refusal(`/v1/jobs/${id}`)).toMatchObject({ code: 'JOB_NOT_FOUND' });
  expect(readdirSync(join(data, 'jobs'))).not.toContain(id);
  await server.request('/v1/modules/text/versions/1', { method: 'DELETE' });
  const other = await submit(one, overGenerator(1).replace('text@1', 'text@2'));
  expect(other, 'numbers are not given twice').toBe('count-2');
});

test('a killed runner is replaced from its checkpoint, and the output is exact', async () => {
  const one = await bench();
  const { server, folder } = one;
  const id = await submit(one, overGenerator(4_000, 8_000));
  for (const restarts of [0, 1]) {
    const job = await until('a checkpoint of the attempt', async () => {
      const now = await show(server, id);
      const { checkpoints } = await server.request<{ checkpoints: object[] }>(
        `/v1/jobs/${id}/checkpoints`,
      );
      return now.restarts === restarts && now.pid !== null && checkpoints.length > restarts && now;
    });
    process.kill(job.pid as number, 'SIGKILL');
  }
  const job = await reaches(server, id, 'finished');
  expect(job.restarts).toBe(2);
  const counts = exactCounts(folder);
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(32_000);
  const { exceptions } = await server.request<{ exceptions: object[] }>(
    `/v1/jobs/${id}/exceptions`,
  );
  expect(exceptions).toMatchObject([
    { code: 'RUNNER_LOST', attempt: 1, scope: 'task' },
    { code: 'RUNNER_LOST', attempt: 2, scope: 'task' },
  ]);
});

test('jobs go on while there is no server, and the next one takes them up', async () => {
  const one = await bench();
  const { data, folder, server } = one;
  const endless = await submit(one, overGenerator(1_000));
  const { pid } = await until('it has a runner', async () => {
    const job = await show(server, endless);
    return job.pid !== null && job;
  });
  const ending = await submit(
    { ...one, folder: temporaryDirectory() },
    overGenerator(4_000, 4_000),
  );
  await reaches(server, ending, 'running');
  await server.close();
  await until('the other has ended', () =>
    readdirSync(join(data, 'jobs', ending)).includes('outcome.json'),
  );
  expect(isAlive(pid as number)).toBe(true);
  const next = await startTestServer(data);
  expect(await reaches(next, endless, 'running')).toMatchObject({ attempt: 1, restarts: 0 });
  await until('its runner answers', async () => (await show(next, endless)).pid === pid);
  expect(await reaches(next, ending, 'finished')).toMatchObject({ attempt: 1 });
  await next.request(`/v1/jobs/${endless}/stop`, { method: 'POST' });
  exactCounts(folder);
});

test('a runner that died while there was no server is replaced by the next', async () => {
  const one = await bench();
  const { data, folder, server } = one;
  const id = await submit(one, overGenerator(4_000, 8_000));
  const { pid } = await until('it has a checkpoint', async () => {
    const { checkpoints } = await server.request<{ checkpoints: object[] }>(
      `/v1/jobs/${id}/checkpoints`,
    );
    return checkpoints.length > 0 && show(server, id);
  });
  await server.close();
  process.kill(pid as number, 'SIGKILL');
  const next = await startTestServer(data);
  expect(await reaches(next, id, 'finished')).toMatchObject({ attempt: 2, restarts: 1 });
  const counts = exactCounts(folder);
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(32_000);
});

test('the log is followed as it grows, and read on from where a client was', async () => {
  const one = await bench();
  const { server } = one;
  const id = await submit(one, overGenerator(1_000));
  const stream = await fetch(`${server.url}/v1/jobs/${id}/logs?level=info`);
  expect(stream.headers.get('content-type')).toContain('text/event-stream');
  const events = readEvents(stream);
  expect((await events.next()).value?.data).toMatchObject({
    text: expect.stringContaining('attempt 1 runs'),
  });
  await server.request(`/v1/jobs/${id}/stop`, { method: 'POST' });
  const rest: { id: string | undefined; data: { text: string } }[] = [];
  for await (const event of events) rest.push(event);
  expect(rest.at(-1)?.data.text).toMatch(/stopped/);
  const from = rest.at(-1)?.id as string;
  const headers = { 'last-event-id': from };
  const resumed = await fetch(`${server.url}/v1/jobs/${id}/logs`, { headers });
  expect(await resumed.text()).not.toContain('data:');
});

async function* readEvents(response: Response) {
  let text = '';
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += new TextDecoder().decode(chunk);
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event);
      if (data !== null) yield { id: /^id: (.*)$/m.exec(event)?.[1], data: JSON.parse(data[1]) };
    }
  }
}

test('Prometheus finds every job and operator', async () => {
  const one = await bench();
  const id = await submit(one, overGenerator(1_000));
  await reaches(one.server, id, 'running');
  const text = await (await fetch(`${one.server.url}/metrics`)).text();
  expect(text).toContain(`millrace_job_running{job="${id}",state="running"} 1`);
  expect(text).toMatch(/millrace_operator_records_in_total\{job="count-1",operator="counts"\} \d+/);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
