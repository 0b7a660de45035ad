import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../../guest-sdk/assemblyscript/compile.ts';
import type { ProcessSpec } from '../../../host/dataflow/process-spec.ts';
import { createSandbox } from '../../../host/sandbox/create-sandbox.ts';
import { AMPLE_LIMITS } from '../../kit/guest-runs.ts';
import { keyOf } from '../../kit/keyed-rows.ts';
import { ProcessTasks } from '../../kit/process-tasks.ts';

const path = join(import.meta.dirname, '../../guest-sdk/udfs/process.udf.ts');
const sandbox = createSandbox();
const module = await sandbox.compile((await compileAssemblyScript({ path })).wasm);

/** A function of the compiled file as a step, keyed by these fields. */
function tasksOf(name: string, keys: readonly string[], parallelism = 2): ProcessTasks {
  const found = module.description.functions.find((one) => one.name === name);
  if (found?.process === undefined) throw new Error(`no process function "${name}"`);
  const { kind, input, output, state, process } = found;
  const spec: ProcessSpec = {
    ...{ kind: 'process', id: name, input, output, state, process },
    function: { module: 'm', name, kind },
    key: keyOf(input, keys[0]),
    secondKey:
      process.second === undefined || keys[1] === undefined
        ? undefined
        : keyOf(process.second, keys[1]),
    ttlMs: undefined,
    // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
    onError: { retries: 0, backoffMs: 0, then: 'fail' },
    limits: AMPLE_LIMITS,
  };
  const tasks = new ProcessTasks({ spec, sandbox, module }, parallelism);
  tasks.time(1_000);
  return tasks;
}

const at = (time: number, record: object) => ({ record, time: BigInt(time) });
const records = (tasks: ProcessTasks) =>
  tasks.take().map(({ side, record }) => (side === undefined ? record : { side, ...record }));

describe('states of every kind', () => {
  const click = (user: number, page: string) => at(0, { user: BigInt(user), page });
  const visit = (clicks: number, first: string, last: ReturnType<typeof click>) => ({
    clicks,
    first,
    last: last.record,
  });

  test('hold records, lists, numbers and maps, from call to call and within one', () => {
    for (const together of [true, false]) {
      const tasks = tasksOf('Visits', ['user']);
      const [a, b, c] = [click(1, '/a'), click(1, '/longer'), click(1, '/a')];
      const other = click(2, '/x');
      for (const batch of together ? [[a, other, b, c]] : [[a], [other], [b], [c]])
        tasks.feed(batch);
      const out = records(tasks);
      const of = (user: bigint) =>
        out.filter((one) => (one as { last: { user: bigint } }).last.user === user);
      // The visit so far, then the entry of the page: its clicks, the longest page so far, and the first click of all.
      expect(of(1n)).toEqual([
        ...[visit(1, '/a', a), visit(1, '/a', a)],
        ...[visit(2, '/a', b), visit(1, '/longer', a)],
        ...[visit(3, '/a', c), visit(2, '/longer', a)],
      ]);
      expect(of(2n)).toEqual([visit(1, '/x', other), visit(1, '/x', other)]);
      tasks.restart(3);
      tasks.feed([click(1, '/b')]);
      expect(records(tasks)[0]).toMatchObject({ clicks: 4, first: '/a' });
    }
  });
});

describe('coProcess', () => {
  const order = (time: number, id: number) => at(time, { id: BigInt(id), item: `item ${id}` });
  const payment = (time: number, id: number) =>
    at(time, { order: BigInt(id), cents: BigInt(id * 100) });
  const paid = (id: number) => ({ id: BigInt(id), item: `item ${id}`, cents: BigInt(id * 100) });

  test('shares the states of a key between its inputs, whichever comes first', () => {
    const tasks = tasksOf('Match', ['id', 'order']);
    tasks.feed([order(0, 1), order(0, 2)]);
    tasks.feed([payment(10, 2), payment(10, 3)], 1);
    expect(records(tasks)).toEqual([paid(2)]);
    tasks.restart(3);
    tasks.feed([order(20, 3)]);
    expect(records(tasks)).toEqual([paid(3)]);
    tasks.watermark(99);
    expect(records(tasks)).toEqual([]);
    tasks.watermark(100);
    expect(records(tasks)).toEqual([{ side: 'unmatched', id: 1n, item: 'item 1' }]);
    tasks.watermark(10_000);
    expect(records(tasks)).toEqual([]);
    expect(tasks.tasks.map(({ counters }) => counters.stateBytes)).toEqual([0, 0, 0]);
  });
});

describe('broadcastProcess', () => {
  const rule = (kind: string, limit: number) => at(0, { kind, limit: BigInt(limit) });
  const measured = (sensor: number, kind: string, value: number) =>
    at(0, { sensor: BigInt(sensor), kind, value: BigInt(value) });

  test('reads in every task what the broadcast input wrote, also after a restart with more or fewer', () => {
    const tasks = tasksOf('Alerts', ['sensor'], 1);
    const readings = Array.from({ length: 20 }, (_, i) =>
      measured(i, i % 2 === 0 ? 'heat' : 'noise', 50),
    );
    tasks.feed(readings);
    expect(records(tasks)).toEqual([]);
    tasks.feed([rule('heat', 40), rule('noise', 90), rule('dust', 1)], 1);
    for (const parallelism of [1, 3, 2]) {
      tasks.restart(parallelism);
      tasks.feed(readings);
      expect(records(tasks).length).toBe(10);
    }
    tasks.feed([rule('noise', 45), rule('heat', -1)], 1);
    tasks.restart(3);
    tasks.feed(readings);
    const kinds = records(tasks).map((one) => (one as { kind: string }).kind);
    expect(kinds).toEqual(Array(10).fill('noise'));
  });
});
