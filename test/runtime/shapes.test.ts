import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RING_BYTES, ROW_BYTES_MAX } from '../../host/limits.ts';
import type { RunningJob } from '../../host/runtime/running-job.ts';
import { createJobBench, type JobBench } from '../kit/job-bench.ts';
import { untilRead } from '../kit/wait-for.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

function idsOf(bench: JobBench, sink: string): number[] {
  return bench
    .committed(sink)
    .map(({ id }) => Number(id))
    .sort((a, b) => a - b);
}

function events(count: number, more: object = {}) {
  return {
    connector: 'generator',
    record: 'text.Event',
    count,
    splits: 4,
    fields: { id: { sequence: {} } },
    ...more,
  };
}

async function run(bench: JobBench): Promise<RunningJob> {
  const job = await bench.start();
  expect(await job.ended).toEqual({ kind: 'finished' });
  return job;
}

describe.each([0, 1, 2])('on %i threads', (threads) => {
  test('a union has the records of all its inputs', async () => {
    const bench = createJobBench({
      threads,
      parallelism: 2,
      pipeline: {
        sources: {
          a: events(500),
          b: events(500, { fields: { id: { sequence: { start: 500 } } } }),
          empty: events(0),
        },
        steps: { all: { union: ['a', 'b', 'empty'] } },
        sinks: { out: { from: 'all', connector: 'memory' } },
      },
    });
    await run(bench);
    expect(idsOf(bench, 'out')).toEqual(numbers(1000));
  });

  test('every branch has every record', async () => {
    const bench = createJobBench({
      threads,
      parallelism: 2,
      pipeline: {
        sources: { in: events(800) },
        steps: {
          stamped: { map: 'text.stamp', from: 'in' },
          dealt: { keyBy: 'id', from: 'stamped' },
        },
        sinks: {
          direct: { from: 'in', connector: 'memory' },
          marked: { from: 'stamped', connector: 'memory' },
          out: { from: 'dealt', connector: 'memory' },
        },
      },
    });
    await run(bench);
    for (const sink of ['direct', 'marked', 'out'])
      expect(idsOf(bench, sink)).toEqual(numbers(800));
  });

  test('steps of different parallelism are fed evenly and completely', async () => {
    const bench = createJobBench({
      threads,
      pipeline: {
        sources: { in: events(20_000, { parallelism: 1 }) },
        steps: { stamped: { map: 'text.stamp', from: 'in', parallelism: 3 } },
        sinks: { out: { from: 'stamped', connector: 'memory' } },
      },
    });
    await run(bench);
    expect(idsOf(bench, 'out')).toEqual(numbers(20_000));
    expect(new Set(bench.runs('out').map((one) => one.task)).size).toBe(3);
  });

  test('an empty input ends the job with nothing put out', async () => {
    const bench = createJobBench({
      threads,
      parallelism: 2,
      pipeline: {
        sources: { lines: { connector: 'generator', count: 0 } },
        steps: {
          words: { flatMap: 'text.words', from: 'lines' },
          counts: { reduce: 'text.sum', from: 'words', key: 'word', emit: 'end' },
        },
        sinks: { out: { from: 'counts', connector: 'memory' } },
      },
    });
    await run(bench);
    expect(bench.committed('out')).toEqual([]);
  });

  test('a step ends when the last of its inputs does, and checkpoints go on meanwhile', async () => {
    const bench = createJobBench({
      threads,
      parallelism: 2,
      pipeline: {
        checkpoint: { every: 'off' },
        sources: { short: events(10), long: events(300, { connector: 'gated', hold: 50 }) },
        steps: {
          all: { union: ['short', 'long'] },
          dealt: { keyBy: 'id', from: 'all' },
        },
        sinks: { out: { from: 'dealt', connector: 'memory' } },
      },
    });
    const job = await bench.start();
    await untilRead(job, 'short', 10);
    for (let i = 0; i < 3; i += 1) {
      expect(await job.checkpoint()).toMatchObject({ state: 'completed', final: false });
    }
    bench.openGate();
    expect(await job.ended).toEqual({ kind: 'finished' });
    expect(bench.committed('out')).toHaveLength(310);
    expect((await job.status()).checkpoint).toMatchObject({ final: true });
  });

  test('the checkpoint that ends a job holds no states, those before it do', async () => {
    const bench = createJobBench({
      threads,
      parallelism: 2,
      pipeline: {
        checkpoint: { every: 'off' },
        sources: {
          words: {
            ...events(300, { connector: 'gated', hold: 50 }),
            record: 'text.Word',
            fields: { word: { words: { of: ['mill', 'race'], count: 1 } } },
          },
        },
        steps: { counts: { reduce: 'text.sum', from: 'words', key: 'word', emit: 'end' } },
        sinks: { out: { from: 'counts', connector: 'memory' } },
      },
    });
    const job = await bench.start();
    await untilRead(job, 'words', 50);
    expect((await job.checkpoint()).bytes).toBeGreaterThan(0);
    bench.openGate();
    expect(await job.ended).toEqual({ kind: 'finished' });
    expect(bench.committed('out')).toHaveLength(2);
    expect((await job.status()).checkpoint).toMatchObject({ final: true, bytes: 0 });
  });

  test('a record longer than a batch and than a ring passes between tasks', async () => {
    const bench = createJobBench({
      threads,
      parallelism: 2,
      pipeline: {
        sources: { lines: { connector: 'file', path: '*.txt', format: 'lines' } },
        steps: { dealt: { keyBy: 'text', from: 'lines' } },
        sinks: { out: { from: 'dealt', connector: 'memory' } },
      },
    });
    const lengths = [1, RING_BYTES * 2 + 5, ROW_BYTES_MAX - 100, 70_000, 0, RING_BYTES - 40, 3];
    const texts = lengths.map((length, i) => String.fromCharCode(97 + i).repeat(length));
    writeFileSync(join(bench.directory, 'in.txt'), `${texts.join('\n')}\n`);
    await run(bench);
    const found = bench.committed('out').map(({ text }) => String(text));
    const summary = (list: readonly string[]) => list.map((one) => `${one.length}${one[0]}`).sort();
    expect(summary(found)).toEqual(summary(texts));
    expect(found.every((text) => texts.includes(text))).toBe(true);
  });

  test('a sink that takes nothing holds the source back, and nothing is lost', async () => {
    const count = 400_000;
    const bench = createJobBench({
      threads,
      parallelism: 2,
      pipeline: {
        checkpoint: { every: 'off' },
        sources: { in: events(count) },
        steps: { dealt: { keyBy: 'id', from: 'in' } },
        sinks: { out: { from: 'dealt', connector: 'gated' } },
      },
    });
    const job = await bench.start();
    const held = await untilHeldBack(job);
    // Four channels of at most a ring each, and what the tasks hold themselves; a row is 40 bytes and more.
    expect(held).toBeLessThan((4 * RING_BYTES * 2) / 40);
    bench.openGate();
    expect(await job.ended).toEqual({ kind: 'finished' });
    const { operators } = await job.metrics();
    expect(operators.find((one) => one.id === 'out')?.recordsIn).toBe(count);
  });
});

/** Resolves when the source has stood still for a while, with the records that it has read. */
async function untilHeldBack(job: RunningJob): Promise<number> {
  let read = 0;
  for (let sinceMs = performance.now(); read === 0 || performance.now() - sinceMs < 300; ) {
    const { operators } = await job.metrics();
    if (operators[0].recordsOut === read) continue;
    read = operators[0].recordsOut;
    sinceMs = performance.now();
  }
  return read;
}
