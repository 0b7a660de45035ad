import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Pipeline } from '../../host/dataflow/pipeline.ts';
import { checkManifest } from '../../host/runtime/encode-manifest.ts';
import type { Manifest } from '../../host/runtime/manifest.ts';
import { createJobBench, type JobBench } from '../kit/job-bench.ts';
import { newSavepoint } from '../kit/savepoint-bench.ts';
import { untilRead } from '../kit/wait-for.ts';
import { expectEveryCountOnce, wordPipeline } from '../kit/word-pipeline.ts';

const LINES = 16_000;

/** Words are counted as fast as the sink takes results, and it takes none until the gate opens. */
function blockedPipeline(checkpoint: Pipeline['checkpoint']): Omit<Pipeline, 'name'> {
  const pipeline = wordPipeline({ lines: LINES, checkpoint });
  return { ...pipeline, sinks: { out: { from: 'counts', connector: 'gated' } } };
}

/** The manifest of a checkpoint, of whichever attempt. */
function manifestOf(bench: JobBench, checkpoint: number): Manifest {
  const directory = join(bench.directory, 'checkpoints', `${checkpoint}`);
  const name = readdirSync(directory).find((one) => one.startsWith('manifest'));
  return JSON.parse(checkManifest(readFileSync(join(directory, name ?? ''))) ?? '') as Manifest;
}

function rowsInFlight({ inFlight = [] }: Manifest): number {
  return inFlight.flatMap((ref) => ref.pieces).reduce((sum, { count }) => sum + count, 0);
}

describe.each([
  { threads: 0, parallelism: 2 },
  { threads: 2, parallelism: 2 },
])('with $threads threads, a job whose sink takes nothing', ({ threads, parallelism }) => {
  const create = (checkpoint: Pipeline['checkpoint']) =>
    createJobBench({ pipeline: blockedPipeline(checkpoint), threads, parallelism });

  test('has no aligned checkpoint: barriers wait behind the records', async () => {
    const bench = create({ every: 'off', timeout: '300ms' });
    const job = await bench.start();
    await untilRead(job, 'lines', 1_000);
    await expect(job.checkpoint()).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' });
  });

  test('has unaligned ones, one after the other, and comes back from them', {
    timeout: 120_000,
  }, async () => {
    const bench = create({ every: 'off', unaligned: true });
    const job = await bench.start();
    await untilRead(job, 'lines', 1_000);
    await job.checkpoint();
    const { checkpoint } = await job.checkpoint();
    const inFlight = rowsInFlight(manifestOf(bench, checkpoint));
    expect(inFlight).toBeGreaterThan(500);
    await bench.kill();
    const again = await bench.start();
    // What is replayed is in flight again until it is processed.
    const next = await again.checkpoint();
    expect(rowsInFlight(manifestOf(bench, next.checkpoint))).toBeGreaterThanOrEqual(inFlight);
    await bench.kill();
    const last = await bench.start();
    bench.openGate();
    expect(await last.ended).toEqual({ kind: 'finished' });
    expectEveryCountOnce(bench.committed('out'), LINES);
  });
});

test('at another parallelism rows in flight have no place: the job says so', async () => {
  const bench = createJobBench({
    pipeline: blockedPipeline({ every: 'off', unaligned: true }),
    parallelism: 2,
  });
  const job = await bench.start();
  await untilRead(job, 'lines', 1_000);
  await job.checkpoint();
  await bench.kill();
  await expect(bench.start({ parallelism: 1 })).rejects.toMatchObject({
    code: 'SAVEPOINT_INCOMPATIBLE',
    hint: expect.stringContaining('savepoint'),
  });
});

test('savepoints and swaps are aligned in unaligned jobs, too', async () => {
  const pipeline = wordPipeline({
    lines: 600,
    rate: 400,
    checkpoint: { every: '20ms', unaligned: true },
  });
  const bench = createJobBench({ pipeline, parallelism: 2, threads: 2 });
  const job = await bench.start();
  await untilRead(job, 'lines', 50);
  const { checkpoint } = await job.update(bench.update('words', 'v2'));
  expect(checkpoint).toBeDefined();
  const savepoint = await job.savepoint(newSavepoint());
  expect(manifestOf(bench, savepoint.checkpoint).inFlight).toBeUndefined();
  expect(await job.ended).toEqual({ kind: 'finished' });
  expectEveryCountOnce(bench.committed('out'), 600);
});
