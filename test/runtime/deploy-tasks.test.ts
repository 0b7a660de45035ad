import { describe, expect, test } from 'vitest';
import type { Split } from '../../host/connectors/source.ts';
import type { Chain, OperatorSpec, Plan } from '../../host/dataflow/plan.ts';
import { EDGE_RING_BYTES_MAX, RING_BYTES, RING_BYTES_MIN } from '../../host/limits.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { deployTasks } from '../../host/runtime/deploy-tasks.ts';
import type { Manifest, OperatorManifest } from '../../host/runtime/manifest.ts';

const pass = (id: string): OperatorSpec => ({ kind: 'pass', id, schema: LINE_SCHEMA });

function chain(id: number, parallelism: number, name: string): Chain {
  return { id, parallelism, operators: [pass(name)] };
}

/** Two chains, `a` and `b`, with a keyed edge between them. */
function planOf(a: number, b: number, kind: 'key' | 'forward' = 'key'): Plan {
  const partitioning = kind === 'key' ? { kind, key: { fields: [] } } : { kind };
  return {
    name: 'plan',
    parallelism: Math.max(a, b),
    keyGroups: 128,
    checkpoint: {
      everyMs: undefined,
      timeoutMs: 1000,
      retained: 1,
      minPauseMs: 0,
      unaligned: false,
    },
    baseDirectory: '/',
    chains: [chain(0, a, 'a'), chain(1, b, 'b')],
    edges: [{ from: 0, to: 1, partitioning }],
  } as Plan;
}

function manifestOf(part: Partial<OperatorManifest>): Manifest {
  const operator = {
    parallelism: 2,
    splits: [],
    transactions: [],
    snapshots: [0, 1].map((task) => ({ task, values: null, states: [] })),
    watermarksMs: [70, 50],
    finished: [],
    ...part,
  };
  return { operators: { a: operator } } as unknown as Manifest;
}

const splits = (count: number) =>
  new Map<string, readonly Split[]>([
    ['a', Array.from({ length: count }, (_, i) => ({ id: `${i}`, spec: i, position: undefined }))],
  ]);

describe('deployment', () => {
  test('deals splits to the tasks of a source in turn', () => {
    const { tasks } = deployTasks(planOf(3, 1), 1, splits(7), undefined);
    const dealt = tasks
      .filter((one) => one.chain === 0)
      .map((one) => one.splits.map(({ id }) => id));
    expect(dealt).toEqual([
      ['0', '3', '6'],
      ['1', '4'],
      ['2', '5'],
    ]);
  });

  test('puts tasks of the same number into the same worker, and rings only between workers', () => {
    const { workers } = deployTasks(planOf(4, 4), 2, new Map(), undefined);
    for (const [worker, { tasks, channels }] of workers.entries()) {
      expect(tasks.map((one) => one.task % 2)).toEqual(tasks.map(() => worker));
      for (const { from, to, ring } of channels) {
        expect([from.worker, to.worker]).toContain(worker);
        expect(ring === undefined).toBe(from.worker === to.worker);
      }
    }
    const forward = deployTasks(planOf(4, 4, 'forward'), 2, new Map(), undefined);
    expect(forward.workers.flatMap((one) => one.channels)).toHaveLength(4);
  });

  test('both ends of a channel have the same ring', () => {
    const [one, two] = deployTasks(planOf(2, 2), 2, new Map(), undefined).workers;
    const shared = one.channels.filter((channel) => channel.ring !== undefined);
    expect(shared).toHaveLength(2);
    for (const channel of shared) expect(two.channels).toContain(channel);
  });

  test.each([
    [2, 2, RING_BYTES],
    [16, 16, EDGE_RING_BYTES_MAX / 256],
    [20, 20, EDGE_RING_BYTES_MAX / 512],
    [128, 128, RING_BYTES_MIN],
  ])('channels of an edge from %i to %i tasks hold %i bytes each', (a, b, bytes) => {
    const { workers } = deployTasks(planOf(a, b), 1, new Map(), undefined);
    expect(new Set(workers[0].channels.map((channel) => channel.bytes))).toEqual(new Set([bytes]));
  });

  test.each([
    [1, [[0, 1]]],
    [2, [[0], [1]]],
    [3, [[0], [0, 1], [1]]],
    [4, [[0], [0], [1], [1]]],
  ])('restores each of %i tasks from the parts that overlap its key groups', (parallelism, parts) => {
    const { tasks } = deployTasks(planOf(parallelism, 1), 1, new Map(), manifestOf({}));
    const restored = tasks
      .filter((one) => one.chain === 0)
      .map((one) => one.restore.a.map(({ task }) => task));
    expect(restored).toEqual(parts);
  });

  test('a task of another parallelism begins with the lowest watermark', () => {
    const at = (parallelism: number) =>
      deployTasks(planOf(parallelism, 1), 1, new Map(), manifestOf({})).tasks.map(
        (one) => one.watermarkMs,
      );
    expect(at(2).slice(0, 2)).toEqual([70, 50]);
    expect(at(3).slice(0, 3)).toEqual([50, 50, 50]);
  });

  test('a task has said its last if it had at the checkpoint, at another parallelism if all had', () => {
    const spent = (parallelism: number, finished: readonly number[]) =>
      deployTasks(planOf(parallelism, 1), 1, new Map(), manifestOf({ finished }))
        .tasks.filter((one) => one.chain === 0)
        .map((one) => one.spent);
    expect(spent(2, [1])).toEqual([false, true]);
    expect(spent(3, [1])).toEqual([false, false, false]);
    expect(spent(3, [0, 1])).toEqual([true, true, true]);
  });

  test('an operator that the checkpoint does not know begins with nothing, whatever its name', () => {
    const plan = { ...planOf(1, 1), chains: [chain(0, 1, 'constructor'), chain(1, 1, 'b')] };
    const [task] = deployTasks(plan, 1, new Map(), manifestOf({})).tasks;
    expect(task).toMatchObject({ restore: {}, watermarkMs: undefined, spent: false });
  });
});
