import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createSavepointPlaces } from '../../host/control/savepoint-places.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { json, startTestServer, type TestServer, yaml } from '../kit/test-server.ts';
import { until } from '../kit/until.ts';
import {
  exactCounts,
  type Job,
  overGenerator,
  reaches,
  show,
  startWordCountServer,
  submit,
  type WordCountServer,
} from '../kit/word-count-server.ts';

const LINES = 3_000;
const DOCUMENT = overGenerator(3_000, LINES);

interface Taken {
  readonly savepoint: string;
  readonly job: string;
  readonly checkpoint: number;
}

function restore(savepoint: string, query = {}, document?: string) {
  const search = new URLSearchParams({ savepoint: basename(savepoint), ...query });
  const request = document === undefined ? { method: 'POST' } : yaml(document);
  return { path: `/v1/jobs?${search}`, request };
}

async function restored(server: TestServer, savepoint: string, query = {}, document?: string) {
  const { path, request } = restore(savepoint, query, document);
  return (await server.request<Job>(path, request)).id;
}

/** A job that counts, and has read something. */
async function counting(one: WordCountServer, document = DOCUMENT): Promise<string> {
  const id = await submit(one, document);
  await reaches(one.server, id, 'running');
  await until('it has put something out', () => parts(one.folder) > 0);
  return id;
}

function parts(folder: string): number {
  const out = join(folder, 'out');
  return existsSync(out) ? readdirSync(out).filter((name) => name.startsWith('part-')).length : 0;
}

function total(folder: string): number {
  return Object.values(exactCounts(folder)).reduce((sum, count) => sum + count, 0);
}

async function stopped(one: WordCountServer): Promise<string> {
  const id = await counting(one);
  const answer = await one.server.request<{ job: Job; savepoint: string }>(
    `/v1/jobs/${id}/stop`,
    json({ savepoint: true }),
  );
  expect(answer.job.state).toBe('stopped');
  return answer.savepoint;
}

test('a job that stopped with a savepoint goes on as another, each record in the output once', async () => {
  const one = await startWordCountServer();
  const savepoint = await stopped(one);
  expect(savepoint.startsWith(join(one.data, 'savepoints', 'count-1-'))).toBe(true);
  const before = total(one.folder);
  expect(before).toBeLessThan(LINES * 4);
  const id = await restored(one.server, savepoint, { parallelism: '2' });
  expect(id).toBe('count-2');
  const plan = await one.server.request<{ parallelism: number }>(`/v1/jobs/${id}/plan`);
  expect(plan.parallelism).toBe(2);
  await reaches(one.server, id, 'finished');
  expect(total(one.folder)).toBe(LINES * 4);
  // Purging the job that it was taken from takes nothing from it.
  await one.server.request('/v1/jobs/count-1?purge=true', { method: 'DELETE' });
  expect(readdirSync(savepoint).sort()).toEqual(['modules', 'savepoint.json', 'state']);
});

test.each([
  ['it is being copied', 'modules'],
  ['it is written', 'savepoint.json'],
])(
  'a stop leaves its savepoint though the runner is killed when %s',
  {
    timeout: 60_000,
  },
  async (_when, sign) => {
    const one = await startWordCountServer();
    const id = await counting(one);
    const { pid } = await show(one.server, id);
    const kept = join(one.data, 'savepoints', 'kept');
    const stopping = one.server.request(`/v1/jobs/${id}/stop`, json({ savepoint: 'kept' }));
    await until('it has come so far', () => existsSync(join(kept, sign)));
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It had ended by itself.
    }
    await stopping;
    const next = await restored(one.server, kept, { parallelism: '2' });
    await reaches(one.server, next, 'finished');
    expect(total(one.folder)).toBe(LINES * 4);
  },
);

test('a savepoint goes to another server with the versions that ran', async () => {
  const one = await startWordCountServer();
  const id = await counting(one);
  await one.server.request(`/v1/jobs/${id}/steps/words/updates`, json({ module: 'text@2' }));
  await until('the update is settled', async () => {
    const { modules } = await show(one.server, id);
    return modules.words.ref === 'text@2';
  });
  const taken = await one.server.request<Taken>(`/v1/jobs/${id}/savepoints`, json({ to: 'kept' }));
  expect(taken).toMatchObject({ job: id, savepoint: join(one.data, 'savepoints', 'kept') });
  await one.server.request(`/v1/jobs/${id}`, { method: 'DELETE' });
  const [data, folder] = [temporaryDirectory(), temporaryDirectory()];
  const other = await startTestServer(data);
  cpSync(taken.savepoint, join(data, 'savepoints', 'kept'), { recursive: true });
  const next = await restored(other, 'kept', { baseDirectory: folder });
  await reaches(other, next, 'finished');
  const { modules } = await show(other, next);
  expect(Object.keys(modules).sort()).toEqual(['counts', 'words']);
  expect(modules.words.ref).not.toBe(modules.counts.ref);
  const names = readdirSync(join(folder, 'out')).filter((name) => name.startsWith('part-'));
  const first = readFileSync(join(folder, 'out', names[0]), 'utf8').split('\n')[0];
  expect(JSON.parse(first).word).toMatch(/!$/);
});

test('a savepoint that does not fit is refused with every finding, and leaves no job', async () => {
  const one = await startWordCountServer();
  const savepoint = await stopped(one);
  const document = DOCUMENT.replaceAll('counts', 'totals').replace(
    'checkpoint:',
    'keyGroups: 64\ncheckpoint:',
  );
  const { path, request } = restore(savepoint, {}, document);
  const error = await one.server.refusal(path, request);
  expect(error).toMatchObject({ status: 422, code: 'SAVEPOINT_INCOMPATIBLE' });
  expect(error.details).toHaveLength(2);
  expect(error.details[1]).toContain('uid: counts');
  const jobs = await one.server.request<{ jobs: object[] }>('/v1/jobs');
  expect(jobs.jobs).toHaveLength(1);
  const renamed = DOCUMENT.replaceAll('counts', 'totals').replace(
    'key: word',
    'key: word, uid: counts',
  );
  const id = await restored(one.server, savepoint, { baseDirectory: one.folder }, renamed);
  await reaches(one.server, id, 'finished');
  expect(total(one.folder)).toBe(LINES * 4);
});

test('a damaged or missing savepoint is told, and leaves no job', async () => {
  const one = await startWordCountServer();
  const savepoint = await stopped(one);
  const state = readdirSync(savepoint, { recursive: true, encoding: 'utf8' }).find((name) =>
    name.endsWith('.state'),
  ) as string;
  writeFileSync(join(savepoint, state), 'nothing of the kind');
  const refused = (place: string) => {
    const { path, request } = restore(place);
    return one.server.refusal(path, request);
  };
  expect(await refused(savepoint)).toMatchObject({ code: 'CHECKPOINT_CORRUPT' });
  expect(await refused('nowhere')).toMatchObject({ status: 404, code: 'SAVEPOINT_NOT_FOUND' });
  expect((await one.server.request<{ jobs: object[] }>('/v1/jobs')).jobs).toHaveLength(1);
  const left = readdirSync(join(one.data, 'jobs')).filter((name) => !name.includes('.'));
  expect(left).toEqual(['count-1']);
});

test('a stop whose savepoint cannot be written leaves the job running', async () => {
  const one = await startWordCountServer();
  const id = await counting(one, overGenerator(1_000));
  const taken = () => one.server.request(`/v1/jobs/${id}/savepoints`, json({ to: 'kept' }));
  await taken();
  const again = json({ savepoint: 'kept' });
  expect(await one.server.refusal(`/v1/jobs/${id}/stop`, again)).toMatchObject({
    status: 409,
    code: 'SAVEPOINT_EXISTS',
  });
  mkdirSync(join(one.data, 'savepoints', 'half'));
  writeFileSync(join(one.data, 'savepoints', 'half', 'state'), 'a file where a folder is wanted');
  expect(
    await one.server.refusal(`/v1/jobs/${id}/stop`, json({ savepoint: 'half' })),
  ).toMatchObject({ status: 503, code: 'CHECKPOINT_FAILED' });
  expect(await show(one.server, id)).toMatchObject({ state: 'running', desired: 'running' });
  await one.server.request(`/v1/jobs/${id}/stop`, { method: 'POST' });
  expect((await show(one.server, id)).state).toBe('stopped');
});

test('a job that has ended has no savepoint to give', async () => {
  const one = await startWordCountServer();
  const id = await counting(one);
  await one.server.request(`/v1/jobs/${id}`, { method: 'DELETE' });
  const refusal = await one.server.refusal(`/v1/jobs/${id}/savepoints`, { method: 'POST' });
  expect(refusal).toMatchObject({ status: 409, code: 'JOB_STATE' });
});

describe('a request', () => {
  test.each([
    '/etc',
    '../jobs',
    'a/b',
    '.',
    '..',
    '.hidden',
    '',
    'a\0b',
  ])('cannot name %j for a savepoint', async (to) => {
    const { folder } = createSavepointPlaces({ directory: '/data/savepoints', anywhere: false });
    expect(() => folder(to)).toThrow('a savepoint cannot be at');
  });

  test('names absolute paths only where it may write the files anyway', async () => {
    const places = createSavepointPlaces({ directory: '/data/savepoints', anywhere: true });
    expect(places.folder('/backup/one')).toBe('/backup/one');
    expect(places.folder('one')).toBe('/data/savepoints/one');
    expect(() => places.folder('./one')).toThrow('a savepoint cannot be at');
    const one = await startWordCountServer();
    const id = await counting(one, overGenerator(1_000));
    const to = join(one.folder, 'elsewhere');
    const error = await one.server.refusal(`/v1/jobs/${id}/savepoints`, json({ to }));
    expect(error).toMatchObject({ status: 400, code: 'NAME_INVALID' });
    expect(existsSync(to)).toBe(false);
  });

  test('waits for nobody at a place that is being written', async () => {
    const { reserve } = createSavepointPlaces({ directory: '/data', anywhere: false });
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = reserve('/data/one', () => promise);
    await expect(reserve('/data/one', async () => {})).rejects.toMatchObject({
      code: 'SAVEPOINT_EXISTS',
    });
    resolve();
    await first;
    await reserve('/data/one', async () => {});
  });
});
