import { describe, expect, test } from 'vitest';
import { createJobBench } from '../kit/job-bench.ts';
import { expectEveryCountOnce, wordPipeline } from '../kit/word-pipeline.ts';

describe.each([0, 1, 2])('word count on %i threads', (threads) => {
  test.each([1, 2, 4])('counts every word once at parallelism %i', async (parallelism) => {
    const bench = createJobBench({ pipeline: wordPipeline({ lines: 1000 }), threads, parallelism });
    const job = await bench.start();
    expect(await job.ended).toEqual({ kind: 'finished' });
    expectEveryCountOnce(bench.committed('out'), 1000);
  });
});
