import { describe, expect, test } from 'vitest';
import { createJobBench, type JobBench } from '../kit/job-bench.ts';

const COUNT = 600;
const KINDS = ['bid', 'other', 'person'];
const source = {
  connector: 'generator',
  record: 'text.Event',
  count: COUNT,
  splits: 4,
  fields: { id: { sequence: {} }, version: { choice: KINDS } },
};
const memory = (from: string) => ({ from, connector: 'memory' });

async function finish(bench: JobBench): Promise<JobBench> {
  const job = await bench.start();
  expect(await job.ended).toEqual({ kind: 'finished' });
  return bench;
}

const idsOf = (bench: JobBench, sink: string) =>
  bench
    .committed(sink)
    .map(({ id }) => Number(id))
    .sort((a, b) => a - b);

describe.each([0, 2])('on %i threads', (threads) => {
  test('a split deals records to its side outputs, and the rest to its main one', async () => {
    const bench = await finish(
      createJobBench({
        threads,
        parallelism: 2,
        pipeline: {
          sources: { in: source },
          steps: {
            by: { split: 'version', sides: ['bid', 'person'], from: 'in' },
            stamped: { map: 'text.stamp', from: 'by:person' },
          },
          sinks: {
            bids: memory('by:bid'),
            persons: memory('stamped'),
            rest: memory('by'),
            both: { from: ['by:bid', 'by'], connector: 'memory' },
          },
        },
      }),
    );
    const kinds = (sink: string) => new Set(bench.committed(sink).map(({ version }) => version));
    expect(kinds('bids')).toEqual(new Set(['bid']));
    expect(kinds('rest')).toEqual(new Set(['other']));
    expect(kinds('persons')).toEqual(new Set(['v1']));
    const all = ['bids', 'persons', 'rest'].flatMap((sink) => idsOf(bench, sink));
    expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, i) => i));
    expect(idsOf(bench, 'both')).toEqual(
      [...idsOf(bench, 'bids'), ...idsOf(bench, 'rest')].sort((a, b) => a - b),
    );
  });

  test('broadcast, rebalance and partition deal to the tasks that follow', async () => {
    const bench = await finish(
      createJobBench({
        threads,
        parallelism: 2,
        pipeline: {
          sources: { in: source },
          steps: {
            all: { broadcast: true, from: 'in' },
            even: { rebalance: true, from: 'in' },
            mine: { partition: 'id', from: 'in' },
          },
          sinks: {
            twice: { ...memory('all'), parallelism: 2 },
            once: { ...memory('even'), parallelism: 2 },
            dealt: { ...memory('mine'), parallelism: 2 },
          },
        },
      }),
    );
    const tasks = (sink: string, task: number) =>
      bench.runs(sink).flatMap((run) => (run.task === task ? run.records : []));
    for (const task of [0, 1]) expect(tasks('twice', task)).toHaveLength(COUNT);
    expect(idsOf(bench, 'once')).toEqual(Array.from({ length: COUNT }, (_, i) => i));
    expect(tasks('once', 0).length).toBeGreaterThan(0);
    expect(tasks('once', 1).length).toBeGreaterThan(0);
    for (const task of [0, 1]) {
      expect(tasks('dealt', task)).toHaveLength(COUNT / 2);
      for (const { id } of tasks('dealt', task)) expect(Number(id) % 2).toBe(task);
    }
  });

  test('limit lets so many pass in all, dedupe and distinct each key once', async () => {
    const bench = await finish(
      createJobBench({
        threads,
        parallelism: 2,
        pipeline: {
          sources: { in: source },
          steps: {
            few: { limit: 7, from: 'in' },
            kinds: { dedupe: 'version', from: 'in' },
            each: { distinct: true, from: 'in' },
          },
          sinks: { outFew: memory('few'), outKinds: memory('kinds'), outEach: memory('each') },
        },
      }),
    );
    expect(bench.committed('outFew')).toHaveLength(7);
    expect(
      bench
        .committed('outKinds')
        .map(({ version }) => version)
        .sort(),
    ).toEqual(KINDS);
    expect(bench.committed('outEach')).toHaveLength(COUNT);
  });
});
