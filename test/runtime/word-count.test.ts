import { describe, expect, test } from 'vitest';
import { createJobBench } from '../kit/job-bench.ts';

const WORDS = ['the', 'mill', 'race', 'runs', 'on', 'and', 'water', 'wheel'];

const pipeline = (count: number) => ({
  sources: {
    lines: {
      connector: 'generator',
      count,
      splits: 4,
      fields: { text: { words: { of: WORDS, count: 6 } } },
    },
  },
  steps: {
    words: { flatMap: 'text.words', from: 'lines' },
    counts: { reduce: 'text.sum', from: 'words', key: 'word' },
  },
  sinks: { out: { from: 'counts', connector: 'memory' } },
});

describe.each([0, 1, 2])('on %i threads', (threads) => {
  test.each([1, 2, 4])('counts every word once at parallelism %i', async (parallelism) => {
    const bench = createJobBench({ pipeline: pipeline(2000), threads, parallelism });
    const job = await bench.start();
    expect(await job.ended).toEqual({ kind: 'finished' });
    const highest = new Map<unknown, bigint>();
    for (const { word, count } of bench.committed('out')) {
      expect(count).toBe((highest.get(word) ?? 0n) + 1n);
      highest.set(word, count as bigint);
    }
    expect([...highest.values()].reduce((sum, count) => sum + count, 0n)).toBe(12_000n);
  });
});
