import { describe, expect, test } from 'vitest';
import { createJobBench, type JobBench } from '../kit/job-bench.ts';
import { BUCKET_MS } from '../kit/process-functions.ts';
import { untilRead } from '../kit/wait-for.ts';

const CLICKS = 1_200;
const RULES = 40;
/** Rules come again: the last of a kind holds. */
const KINDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const USERS = [1, 2, 3, 5, 8, 13, 21];

/** Clicks and rules into every kind of process step; `all` and `rules` are what came in. */
function pipeline(hold?: { readonly hold: number }) {
  const source = { connector: hold === undefined ? 'generator' : 'gated', ...hold };
  const memory = (from: string) => ({ from, connector: 'memory' });
  return {
    checkpoint: { every: 'off' },
    sources: {
      clicks: {
        ...source,
        ...{ record: 'text.Click', count: CLICKS, splits: 4, eventTime: { field: 'at' } },
        ...(hold === undefined ? {} : { rate: 3_000 }),
        fields: {
          ...{ id: { sequence: {} }, user: { choice: USERS } },
          at: { timestamp: { start: 0, step: '1ms' } },
        },
      },
      rules: {
        ...source,
        ...{ record: 'text.Word', count: RULES },
        fields: { word: { choice: KINDS }, count: { uniform: { min: 1, max: 9 } } },
      },
    },
    steps: {
      tally: { process: 'text.tally', from: 'clicks', key: 'user' },
      pair: {
        coProcess: 'text.pair',
        ...{ left: 'clicks', right: 'tally:seen', on: { left: 'user', right: 'user' } },
      },
      rated: { broadcastProcess: 'text.rated', from: 'clicks', key: 'user', broadcast: 'rules' },
    },
    sinks: {
      all: memory('clicks'),
      weights: memory('rules'),
      tallied: memory('tally'),
      seen: memory('tally:seen'),
      paired: memory('pair'),
      rates: memory('rated'),
    },
  };
}

type Row = readonly [user: number, id: number, at: number];
const rowsOf = (bench: JobBench, sink: string): Row[] =>
  bench
    .committed(sink)
    .map(({ user, id, at }): Row => [Number(user), Number(id), Number(at)])
    .sort(([a, b, c], [d, e, f]) => a - d || b - e || c - f);

/** What must have come out, from what came in. */
function expectResults(bench: JobBench): void {
  const clicks = rowsOf(bench, 'all');
  expect(clicks.map(([, id]) => id).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: CLICKS }, (_, i) => i),
  );
  expect(rowsOf(bench, 'seen')).toEqual(clicks);
  const buckets = new Map<string, number>();
  const users = new Map<number, number>();
  for (const [user, , at] of clicks) {
    const end = (Math.floor(at / BUCKET_MS) + 1) * BUCKET_MS;
    buckets.set(`${user} ${end}`, (buckets.get(`${user} ${end}`) ?? 0) + 1);
    users.set(user, (users.get(user) ?? 0) + 1);
  }
  const tallied = rowsOf(bench, 'tallied').map(([user, id, at]) => [`${user} ${id}`, at] as const);
  expect(tallied.length).toBe(buckets.size);
  expect(new Map(tallied)).toEqual(buckets);
  const weights = new Map(
    bench.committed('weights').map(({ word, count }) => [word, Number(count)]),
  );
  const sum = [...weights.values()].reduce((total, weight) => total + weight, 0);
  const each = [...users].sort(([a], [b]) => a - b);
  expect(rowsOf(bench, 'paired')).toEqual(each.map(([user, count]) => [user, count, count]));
  expect(rowsOf(bench, 'rates')).toEqual(each.map(([user, count]) => [user, count, sum]));
}

describe.each([0, 2])('process steps on %i threads', (threads) => {
  test.each([
    1, 3,
  ])('give each key its records, timers and broadcast state, at parallelism %i', async (parallelism) => {
    const bench = createJobBench({ pipeline: pipeline(), threads, parallelism });
    const job = await bench.start();
    expect(await job.ended).toEqual({ kind: 'finished' });
    expectResults(bench);
    const { operators } = await job.metrics();
    expect(operators.find(({ id }) => id === 'tally')?.userMetrics).toEqual([
      { name: 'clicks', kind: 'counter', value: CLICKS },
    ]);
    expect(operators.find(({ id }) => id === 'pair')?.userMetrics).toEqual([]);
  });

  test.each([
    [1, 3, 2],
    [3, 1, 3],
  ])('and so when workers are killed, at parallelism %i, %i, %i', async (...parallelism) => {
    const bench = createJobBench({ pipeline: pipeline({ hold: 200 }), threads });
    for (const [i, tasks] of parallelism.entries()) {
      const job = await bench.start({ parallelism: tasks });
      await untilRead(job, 'clicks', 60);
      if (i + 1 === parallelism.length) {
        bench.openGate();
        expect(await job.ended).toEqual({ kind: 'finished' });
        continue;
      }
      await job.checkpoint();
      await untilRead(job, 'clicks', 150);
      await bench.kill();
    }
    expectResults(bench);
  });
});
