import { describe, expect, test } from 'vitest';
import { createLocalBlobStore } from '../../host/storage/local-blob-store.ts';
import { createFailingStorage } from '../kit/failing-storage.ts';
import { createJobBench } from '../kit/job-bench.ts';
import { nextEvent } from '../kit/wait-for.ts';
import { expectEveryCountOnce, wordPipeline } from '../kit/word-pipeline.ts';

const LINES = 1200;
const RATE = 4000;
/** More of them for a longer look: `MILLRACE_CHAOS_SEEDS=100 vitest run test/runtime/chaos.test.ts`. */
const SEEDS = Array.from(
  { length: Number(process.env.MILLRACE_CHAOS_SEEDS ?? 4) },
  (_, i) => i + 1,
);
/** Attempts that are interrupted; one more runs to the end. */
const INTERRUPTED = 5;

function randomOf(seed: number): (below: number) => number {
  let state = seed * 2654435761;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Runs a word count through attempts that end in one way or another, at changing parallelism. */
async function runThroughChaos(seed: number, threads: number): Promise<void> {
  const random = randomOf(seed);
  const pipeline = wordPipeline({ lines: LINES, rate: RATE, checkpoint: { every: '15ms' } });
  const bench = createJobBench({ pipeline, threads });
  const storage = createFailingStorage(createLocalBlobStore(bench.directory));
  for (let attempt = 0; attempt < INTERRUPTED; attempt += 1) {
    storage.fail('manifest-', 0);
    const job = await bench.start({ parallelism: 1 + random(4), parts: { storage } });
    for (let left = random(4); left > 0; left -= 1) {
      await Promise.race([nextEvent(job, 'checkpoint'), job.ended]);
      if (random(4) === 0) storage.fail('manifest-', 1);
    }
    if (random(3) === 0) {
      job.update(bench.update('counts', random(2) === 0 ? 'v1' : 'v2')).catch(() => {});
    }
    if (random(3) > 0) await bench.kill();
    else await job.stop().catch(() => bench.kill());
    expect((await job.ended).kind).toMatch(/failed|stopped|finished/);
  }
  const last = await bench.start({ parallelism: 1 + random(4) });
  expect(await last.ended).toEqual({ kind: 'finished' });
  expectEveryCountOnce(bench.committed('out'), LINES);
}

describe.each([0, 1, 2])('chaos on %i threads', (threads) => {
  test.each(
    SEEDS,
  )('kills, stops, swaps, full disks and other parallelisms leave every count once (seed %i)', (seed) =>
    runThroughChaos(seed * 3 + threads, threads));
});
