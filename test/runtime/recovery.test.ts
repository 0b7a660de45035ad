import { readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { completedCheckpoints } from '../kit/completed-checkpoints.ts';
import { createJobBench, type JobBench } from '../kit/job-bench.ts';
import { untilRead } from '../kit/wait-for.ts';
import { expectEveryCountOnce, wordPipeline } from '../kit/word-pipeline.ts';

const LINES = 1500;
const RATE = 3000;
/** So far each reader goes in an attempt that is not to end by itself. */
const HOLD = 150;

function logOf(bench: JobBench): string {
  return readFileSync(join(bench.directory, 'log.jsonl'), 'utf8');
}

function manifests(bench: JobBench): string[] {
  const checkpoints = join(bench.directory, 'checkpoints');
  return readdirSync(checkpoints)
    .sort((a, b) => Number(a) - Number(b))
    .flatMap((number) =>
      readdirSync(join(checkpoints, number))
        .filter((name) => name.startsWith('manifest-'))
        .map((name) => join(checkpoints, number, name)),
    );
}

describe.each([0, 1, 2])('recovery on %i threads', (threads) => {
  test.each([
    [2, 2, 2],
    [2, 4, 1],
    [4, 1, 3],
  ])('puts out every count once when workers are killed, at parallelism %i, %i, %i', async (...parallelism) => {
    const pipeline = wordPipeline({ lines: LINES, rate: RATE, hold: HOLD });
    const bench = createJobBench({ pipeline, threads });
    for (const [i, tasks] of parallelism.entries()) {
      const job = await bench.start({ parallelism: tasks });
      await untilRead(job, 'lines', 20);
      if (i + 1 === parallelism.length) {
        bench.openGate();
        expect(await job.ended).toEqual({ kind: 'finished' });
        continue;
      }
      await job.checkpoint();
      // What comes now is written and lost again.
      await untilRead(job, 'lines', 120);
      await bench.kill();
      expect(await job.ended).toMatchObject({ kind: 'failed', error: { code: 'TASK_FAILED' } });
    }
    expectEveryCountOnce(bench.committed('out'), LINES);
  });

  test('goes on from a stop', async () => {
    const pipeline = wordPipeline({ lines: LINES, rate: RATE, hold: HOLD });
    const bench = createJobBench({ pipeline, threads, parallelism: 2 });
    const first = await bench.start();
    await untilRead(first, 'lines', 20);
    const { checkpoint, final } = await first.stop();
    expect(final).toBe(false);
    expect(await first.ended).toEqual({ kind: 'stopped', checkpoint });
    const second = await bench.start();
    expect((await second.status()).checkpoint?.checkpoint).toBe(checkpoint);
    bench.openGate();
    await second.ended;
    expectEveryCountOnce(bench.committed('out'), LINES);
  });
});

describe('recovery', () => {
  const pipeline = wordPipeline({ lines: LINES, rate: RATE, hold: HOLD });

  test('passes over a damaged checkpoint, uses the one before, and says so', async () => {
    const bench = createJobBench({ pipeline, parallelism: 2 });
    const first = await bench.start();
    await untilRead(first, 'lines', 20);
    await first.checkpoint();
    const good = await first.checkpoint();
    const newest = await first.checkpoint();
    await bench.kill();
    const manifest = manifests(bench).at(-1) as string;
    truncateSync(manifest, 200);
    const second = await bench.start();
    expect((await second.status()).checkpoint?.checkpoint).toBe(good.checkpoint);
    const text = `checkpoint ${newest.checkpoint} is passed over`;
    expect(logOf(bench)).toContain(text);
    expect((await second.status()).warnings).toEqual([expect.stringContaining(text)]);
  });

  test('notices a state blob that was changed', async () => {
    const bench = createJobBench({ pipeline, parallelism: 2 });
    const first = await bench.start();
    await untilRead(first, 'lines', 20);
    const good = await first.checkpoint();
    await first.checkpoint();
    await bench.kill();
    const folder = join(manifests(bench).at(-1) as string, '..');
    const blob = readdirSync(folder).find((name) => name.endsWith('.state')) as string;
    truncateSync(join(folder, blob), 8);
    const second = await bench.start();
    expect((await second.status()).checkpoint?.checkpoint).toBe(good.checkpoint);
    expect(logOf(bench)).toContain('is damaged');
  });

  test('does not begin anew when no checkpoint can be read', async () => {
    const bench = createJobBench({ pipeline });
    const first = await bench.start();
    await first.checkpoint();
    await bench.kill();
    for (const manifest of manifests(bench)) truncateSync(manifest, 10);
    await expect(bench.start()).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPT' });
  });

  test('gives later checkpoints numbers that were never used', async () => {
    const bench = createJobBench({ pipeline });
    const first = await bench.start();
    await untilRead(first, 'lines', 20);
    await first.checkpoint();
    const { checkpoint } = await first.checkpoint();
    await bench.kill();
    truncateSync(manifests(bench).at(-1) as string, 10);
    const second = await bench.start();
    expect((await second.checkpoint()).checkpoint).toBe(checkpoint + 1);
  });

  test('keeps the last checkpoints and removes the others', async () => {
    const bench = createJobBench({
      pipeline: wordPipeline({
        lines: LINES,
        rate: RATE,
        hold: HOLD,
        checkpoint: { every: 'off', retain: 2 },
      }),
    });
    const job = await bench.start();
    for (let i = 0; i < 5; i += 1) await job.checkpoint();
    expect(completedCheckpoints(bench.directory)).toEqual(['4', '5']);
  });

  test('ends at once when the job had finished', async () => {
    const bench = createJobBench({ pipeline: wordPipeline({ lines: 10 }) });
    const first = await bench.start();
    await first.ended;
    const records = bench.committed('out').length;
    const second = await bench.start();
    expect(await second.ended).toEqual({ kind: 'finished' });
    expect(bench.committed('out')).toHaveLength(records);
  });
});
