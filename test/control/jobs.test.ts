import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { json, yaml } from '../kit/test-server.ts';
import { until } from '../kit/until.ts';
import {
  exactCounts,
  isAlive,
  overFile,
  overGenerator,
  overMissingFile,
  reaches,
  show,
  startWordCountServer,
  submit,
} from '../kit/word-count-server.ts';

test('a submitted pipeline runs, ends and can be looked at from all sides', async () => {
  const one = await startWordCountServer();
  const { server, folder } = one;
  const id = await submit(one, overFile(folder, ['to be or not', 'to be']));
  expect(id).toBe('count-1');
  const job = await reaches(server, id, 'finished');
  expect(job).toMatchObject({ pid: null, paused: false, checkpoint: { final: true } });
  expect(job.modules).toMatchObject({ words: { ref: 'text@1' }, counts: { ref: 'text@1' } });
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
  const one = await startWordCountServer();
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
  ['a missing file', overMissingFile(), 422, 'SOURCE_UNAVAILABLE'],
  ['a cycle', overGenerator(1).replace('from: lines', 'from: counts'), 422, 'PIPELINE_INVALID'],
  [
    'a type mismatch',
    overGenerator(1).replace('from: words, key', 'from: lines, key'),
    422,
    'PIPELINE_INVALID',
  ],
  ['5 MiB', `# ${'x'.repeat(5 * 2 ** 20)}`, 413, 'BODY_TOO_LARGE'],
])('a document with %s is refused and the server goes on', async (_what, document, status, code) => {
  const { server } = await startWordCountServer();
  const error = await server.refusal('/v1/jobs', yaml(document));
  expect(error).toMatchObject({ status, code });
  expect(error.hint).not.toBe('');
  expect(await server.request('/v1/jobs')).toEqual({ jobs: [] });
});

test('a job that cannot write its output fails with what to do, and is not started again', async () => {
  const one = await startWordCountServer();
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
  const one = await startWordCountServer();
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
  const one = await startWordCountServer();
  const id = await submit(one, overGenerator(100));
  const path = `/v1/jobs/${id}/steps/${step}/updates`;
  expect(await one.server.refusal(path, json({ module }))).toMatchObject({ status, code });
  expect(await one.server.refusal(`/v1/jobs/${id}/updates/1`)).toMatchObject({
    code: 'UPDATE_NOT_FOUND',
  });
});

test('a paused job reads nothing until it is resumed', async () => {
  const one = await startWordCountServer();
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
  const one = await startWordCountServer();
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

test('the log is followed as it grows, and read on from where a client was', async () => {
  const one = await startWordCountServer();
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
  const one = await startWordCountServer();
  const id = await submit(one, overGenerator(1_000));
  await reaches(one.server, id, 'running');
  const text = await (await fetch(`${one.server.url}/metrics`)).text();
  expect(text).toContain(`millrace_job_running{job="${id}",state="running"} 1`);
  expect(text).toMatch(/millrace_operator_records_in_total\{job="count-1",operator="counts"\} \d+/);
});
