import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtinConnectors } from '../../host/connectors/registry.ts';
import type { Pipeline } from '../../host/dataflow/pipeline.ts';
import { fitSavepoint } from '../../host/runtime/fit-savepoint.ts';
import { readSavepoint, verifySavepoint } from '../../host/runtime/savepoint-file.ts';
import { createLocalBlobStore } from '../../host/storage/local-blob-store.ts';
import { completedCheckpoints } from '../kit/completed-checkpoints.ts';
import { createJobBench, type JobBench } from '../kit/job-bench.ts';
import { benchFrom, newSavepoint } from '../kit/savepoint-bench.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { untilRead } from '../kit/wait-for.ts';
import { expectEveryCountOnce, wordPipeline } from '../kit/word-pipeline.ts';

const LINES = 600;
/** Slow enough that the first job is stopped long before its end. */
const SLOW = wordPipeline({ lines: LINES, rate: 400 });
const FAST = wordPipeline({ lines: LINES });

type Steps = NonNullable<Pipeline['steps']>;

function withSteps(pipeline: typeof FAST, steps: Steps, from = 'counts'): typeof FAST {
  return { ...pipeline, steps, sinks: { out: { from, connector: 'memory' } } };
}

/** A job that was stopped in the middle, and where its savepoint is. */
async function stopped(pipeline = SLOW, parallelism = 2) {
  const first = createJobBench({ pipeline, parallelism });
  const job = await first.start();
  await untilRead(job, 'lines', 60);
  const request = newSavepoint();
  await job.stop(request);
  return { first, directory: request.directory };
}

async function finish(bench: JobBench): Promise<void> {
  expect(await (await bench.start()).ended).toEqual({ kind: 'finished' });
}

describe('a savepoint', () => {
  test.each([
    [1, 2],
    [2, 1],
    [2, 4],
    [4, 2],
    [4, 1],
    [1, 4],
    [3, 5],
    [2, 2],
  ])('of parallelism %i is gone on with at %i, every count once', async (before, after) => {
    const { first, directory } = await stopped(SLOW, before);
    expect(first.committed('out').length).toBeLessThan(LINES * 6);
    const second = await benchFrom(directory, { pipeline: FAST, parallelism: after });
    await finish(second);
    expectEveryCountOnce([...first.committed('out'), ...second.committed('out')], LINES);
  });

  test.each([1, 2])('is gone on with on %i worker threads', async (threads) => {
    const { first, directory } = await stopped(SLOW, 2);
    const second = await benchFrom(directory, { pipeline: FAST, parallelism: 4, threads });
    await finish(second);
    expectEveryCountOnce([...first.committed('out'), ...second.committed('out')], LINES);
  });

  test('is taken of a job that goes on, with everything of it committed', async () => {
    const first = createJobBench({ pipeline: SLOW, parallelism: 2 });
    const job = await first.start();
    await untilRead(job, 'lines', 60);
    const request = newSavepoint();
    const record = await job.savepoint(request);
    const committed = first.committed('out');
    expect(record).toMatchObject({ directory: request.directory, job: 'job-1' });
    expect((await job.status()).checkpoint?.checkpoint).toBe(record.checkpoint);
    await job.ended;
    expectEveryCountOnce(first.committed('out'), LINES);
    // The other branch of history: exactly what came after the savepoint, once more.
    const second = await benchFrom(request.directory, { pipeline: FAST, parallelism: 3 });
    await finish(second);
    expectEveryCountOnce([...committed, ...second.committed('out')], LINES);
  });

  test('outlives retention, its job and the folder it was written to', async () => {
    const pipeline = { ...SLOW, checkpoint: { every: 'off', retain: 1 } } as const;
    const { first, directory } = await stopped(pipeline);
    rmSync(first.directory, { recursive: true });
    const elsewhere = join(temporaryDirectory(), 'copy');
    cpSync(directory, elsewhere, { recursive: true });
    rmSync(directory, { recursive: true });
    const store = createLocalBlobStore(elsewhere);
    const savepoint = await readSavepoint(store, elsewhere);
    await verifySavepoint(store, savepoint);
    expect(JSON.stringify(savepoint)).not.toContain(directory);
    const second = await benchFrom(elsewhere, { pipeline: FAST, parallelism: 1 });
    rmSync(elsewhere, { recursive: true });
    await finish(second);
    expectEveryCountOnce([...first.committed('out'), ...second.committed('out')], LINES);
  });

  test('is not removed by the checkpoints that follow', async () => {
    const pipeline = { ...SLOW, checkpoint: { every: 'off', retain: 1 } } as const;
    const bench = createJobBench({ pipeline });
    const job = await bench.start();
    const request = newSavepoint();
    const { checkpoint } = await job.savepoint(request);
    for (let i = 0; i < 3; i += 1) await job.checkpoint();
    expect(completedCheckpoints(bench.directory)).toEqual([`${checkpoint + 3}`]);
    const store = createLocalBlobStore(request.directory);
    await verifySavepoint(store, await readSavepoint(store, request.directory));
  });

  test('keeps the versions that ran, the document, and the operators with their schemas', async () => {
    const bench = createJobBench({ pipeline: SLOW });
    const job = await bench.start();
    await job.update(bench.update('words', 'v2'));
    const request = newSavepoint({ pipeline: { name: 'job', note: 'as submitted' } });
    await job.savepoint(request);
    const savepoint = await readSavepoint(createLocalBlobStore(request.directory), 'here');
    expect(savepoint.pipeline).toEqual(request.pipeline);
    expect(savepoint.aliases).toEqual({ text: 'v1' });
    expect(savepoint.steps).toMatchObject({ words: { digest: 'v2' }, counts: { digest: 'v1' } });
    expect(savepoint.modules.map(({ digest }) => digest).sort()).toEqual(['v1', 'v2']);
    expect(savepoint.operators.map(({ id }) => id)).toEqual(['lines', 'words', 'counts', 'out']);
    expect(savepoint.operators[2]).toMatchObject({
      function: 'text.sum',
      state: { name: 'Word', fields: [{ name: 'word' }, { name: 'count' }] },
      key: [{ name: 'word', kind: 'string' }],
    });
  });

  test('of a job at its end leaves nothing to do, unless operators were added', async () => {
    const { first, directory } = await stopped();
    const savepoint = await readSavepoint(createLocalBlobStore(directory), directory);
    const options = { connectors: builtinConnectors, allowDroppedState: false };
    const same = { ...options, plan: first.spec.plan };
    expect((await fitSavepoint(savepoint, same)).final).toBe(false);
    const last = { ...savepoint, final: true };
    expect((await fitSavepoint(last, same)).final).toBe(true);
    const steps = { ...FAST.steps, more: { flatMap: 'text.words', from: 'lines' } };
    const sinks = { ...FAST.sinks, rest: { from: 'more', connector: 'memory' } };
    const { spec } = createJobBench({ pipeline: { ...FAST, steps, sinks }, parallelism: 2 });
    expect((await fitSavepoint(last, { ...options, plan: spec.plan })).final).toBe(false);
  });
});

describe('a place for a savepoint', () => {
  test('is never written over, and the job goes on', async () => {
    const bench = createJobBench({ pipeline: SLOW });
    const job = await bench.start();
    const request = newSavepoint();
    await job.savepoint(request);
    await expect(job.savepoint(request)).rejects.toMatchObject({ code: 'SAVEPOINT_EXISTS' });
    await expect(job.stop(request)).rejects.toMatchObject({ code: 'SAVEPOINT_EXISTS' });
    expect((await job.status()).state).toBe('running');
    await job.ended;
    expectEveryCountOnce(bench.committed('out'), LINES);
  });

  test('is not a folder with files of somebody else', async () => {
    const bench = createJobBench({ pipeline: SLOW });
    const job = await bench.start();
    const request = newSavepoint();
    mkdirSync(request.directory);
    writeFileSync(join(request.directory, 'thesis.txt'), 'years of work');
    await expect(job.savepoint(request)).rejects.toMatchObject({ code: 'SAVEPOINT_EXISTS' });
    expect(readdirSync(request.directory)).toEqual(['thesis.txt']);
  });

  test('that cannot be written refuses the savepoint and leaves the job alone', async () => {
    const bench = createJobBench({ pipeline: SLOW });
    const job = await bench.start();
    const request = newSavepoint({ directory: '/dev/null/kept' });
    await expect(job.stop(request)).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' });
    await job.ended;
    expectEveryCountOnce(bench.committed('out'), LINES);
  });

  test('takes the savepoint of a stop that is pursued after its runner was lost', async () => {
    const first = createJobBench({ pipeline: SLOW });
    const job = await first.start();
    await untilRead(job, 'lines', 50);
    const request = newSavepoint();
    await job.savepoint(request);
    await untilRead(job, 'lines', 120);
    await job.stop({ ...request, replace: true });
    const second = await benchFrom(request.directory, { pipeline: FAST });
    await finish(second);
    expectEveryCountOnce([...first.committed('out'), ...second.committed('out')], LINES);
    // What the first one held is gone.
    expect(readdirSync(join(request.directory, 'state'))).toHaveLength(1);
  });

  test('without its last file holds no savepoint', async () => {
    const { directory } = await stopped();
    rmSync(join(directory, 'savepoint.json'));
    await expect(benchFrom(directory, { pipeline: FAST })).rejects.toMatchObject({
      code: 'SAVEPOINT_NOT_FOUND',
    });
  });
});

describe('a changed pipeline', () => {
  const words = { flatMap: 'text.words', from: 'lines' } as const;
  const counts = { reduce: 'text.sum', from: 'words', key: 'word' } as const;

  test('gets the state of a step that was renamed, by its uid', async () => {
    const { first, directory } = await stopped();
    const steps = { words, totals: { ...counts, uid: 'counts' } };
    const second = await benchFrom(directory, { pipeline: withSteps(FAST, steps, 'totals') });
    await finish(second);
    expectEveryCountOnce([...first.committed('out'), ...second.committed('out')], LINES);
  });

  test('starts added operators empty', async () => {
    const { first, directory } = await stopped();
    const steps = { words, counts, again: { ...counts } };
    const pipeline = {
      ...withSteps(FAST, steps),
      sinks: {
        out: { from: 'counts', connector: 'memory' },
        more: { from: 'again', connector: 'memory' },
      },
    };
    const second = await benchFrom(directory, { pipeline });
    await finish(second);
    const committed = first.committed('out');
    expectEveryCountOnce([...committed, ...second.committed('out')], LINES);
    expect(second.committed('more')).toHaveLength(LINES * 6 - committed.length);
    expect(second.committed('more').some(({ count }) => count === 1n)).toBe(true);
  });

  test('leaves state behind only when it is told to', async () => {
    const { first, directory } = await stopped();
    const pipeline = withSteps(FAST, { words }, 'words');
    await expect(benchFrom(directory, { pipeline })).rejects.toMatchObject({
      code: 'SAVEPOINT_INCOMPATIBLE',
      details: [
        expect.stringMatching(
          /^step "counts" is not in the pipeline and has state "\w+" \(10 keys, \d+ bytes\).*--allow-dropped-state$/,
        ),
      ],
    });
    const second = await benchFrom(directory, { pipeline }, true);
    await finish(second);
    expect(first.committed('out').length + second.committed('out').length).toBe(LINES * 6);
  });

  test('leaves stateless operators behind without a word', async () => {
    const long = { filter: 'text.long', from: 'lines' } as const;
    const steps = { long, words: { ...words, from: 'long' }, counts };
    const { first, directory } = await stopped(withSteps(SLOW, steps));
    const second = await benchFrom(directory, { pipeline: FAST });
    await finish(second);
    expectEveryCountOnce([...first.committed('out'), ...second.committed('out')], LINES);
  });

  test('names the fields of a state whose layout differs', async () => {
    const { directory } = await stopped();
    const means = { aggregate: 'text.mean', from: 'words', key: 'word', uid: 'counts' } as const;
    const pipeline = withSteps(FAST, { words, means }, 'means');
    await expect(benchFrom(directory, { pipeline })).rejects.toMatchObject({
      code: 'SAVEPOINT_INCOMPATIBLE',
      details: [
        expect.stringContaining(
          'field 2 is "total: i64", was "count: i64"; field 3 is "rows: i64", was missing',
        ),
      ],
    });
  });

  test('is refused when a step groups by another key', async () => {
    const { directory } = await stopped();
    const pipeline = withSteps(FAST, { words, counts: { ...counts, key: 'count' } });
    await expect(benchFrom(directory, { pipeline })).rejects.toMatchObject({
      details: [expect.stringMatching(/^key of step "counts" .* is i64, was string;/)],
    });
  });

  test('must keep the number of key groups', async () => {
    const { directory } = await stopped();
    await expect(
      benchFrom(directory, { pipeline: { ...FAST, keyGroups: 64 } }),
    ).rejects.toMatchObject({
      details: ['the pipeline has 64 key groups, the savepoint 128: write keyGroups: 128'],
    });
  });

  test.each([
    ['another connector', { connector: 'file', path: 'package.json' }, 'is of connector "file"'],
    ['other splits', { ...FAST.sources.lines, splits: 8 }, 'has other options'],
  ])('is refused when positions would mean something else: %s', async (_what, lines, finding) => {
    const { directory } = await stopped();
    const pipeline = { ...FAST, sources: { lines } };
    await expect(benchFrom(directory, { pipeline })).rejects.toMatchObject({
      details: [expect.stringContaining(finding)],
    });
  });

  test('hears everything that is wrong at once', async () => {
    const { directory } = await stopped();
    const pipeline = {
      ...withSteps(FAST, { words, counts: { ...counts, from: 'words', key: 'count' } }),
      keyGroups: 64,
      sources: { other: FAST.sources.lines },
    };
    pipeline.steps = { ...pipeline.steps, words: { ...words, from: 'other' } };
    const refused = benchFrom(directory, { pipeline });
    await expect(refused).rejects.toMatchObject({ code: 'SAVEPOINT_INCOMPATIBLE' });
    await refused.catch(({ details }) => expect(details).toHaveLength(3));
  });

  test('reads files that were not there at the savepoint, each record once', async () => {
    const folder = temporaryDirectory();
    const file = (name: string, text: string) => writeFileSync(join(folder, name), text);
    file('a.txt', 'to be or\n'.repeat(200));
    const sources = {
      lines: { connector: 'file', path: join(folder, '*.txt'), format: 'lines' },
    };
    const first = createJobBench({ pipeline: { ...FAST, sources } });
    const request = newSavepoint();
    const job = await first.start();
    await job.savepoint(request);
    await job.ended;
    const before = first.committed('out').length;
    expect(before).toBe(600);
    file('b.txt', 'not to be\n');
    const savepoint = await readSavepoint(createLocalBlobStore(request.directory), 'here');
    const done = savepoint.operators[0].splits[0].position ?? 0;
    const second = await benchFrom(request.directory, { pipeline: { ...FAST, sources } });
    await finish(second);
    const left = (200 * 'to be or\n'.length - Number(done)) / 3;
    expect(second.committed('out')).toHaveLength(left + 3);
    expect(existsSync(join(folder, 'a.txt'))).toBe(true);
  });
});
