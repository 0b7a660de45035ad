import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRowKernel } from '../../../host/abi/create-row-kernel.ts';
import type { LookupRequestsSpec, LookupSpec } from '../../../host/dataflow/lookup-spec.ts';
import type { DeadLetter, OperatorSnapshot, Output } from '../../../host/dataflow/operator.ts';
import { createLookupOperator } from '../../../host/dataflow/operators/lookup/lookup-operator.ts';
import { keyGroupRange } from '../../../host/model/key-group.ts';
import { createMapStateTable } from '../../../host/state/map-state-table.ts';
import { createFakeSandbox } from '../../kit/fake-sandbox.ts';
import { JOIN_KEY_GROUPS, joinSpec, LEFT, pairFunctions, RIGHT } from '../../kit/join-bench.ts';
import { copyOf, keyOf } from '../../kit/keyed-rows.ts';
import { ManualClock } from '../../kit/manual-clock.ts';
import { createMemoryTable, type MemoryTable } from '../../kit/memory-table.ts';
import { timedBatch, timedRecords } from '../../kit/timed-rows.ts';

const REQUESTS: LookupRequestsSpec = {
  ordered: true,
  capacity: 4,
  timeoutMs: 1_000,
  retries: 2,
  backoffMs: 10,
  cache: undefined,
};

function specOf(type: LookupSpec['type'], requests: Partial<LookupRequestsSpec> = {}): LookupSpec {
  const { input, right, output, key, rightKey, onError, limits } = joinSpec(type, {
    kind: 'regular',
    ttlMs: undefined,
  });
  return {
    ...{ kind: 'lookup', id: 'items', type, connector: 'memory', options: {} },
    ...{ input, right, output, key, rightKey, onError, limits },
    function: { module: 'm', name: 'pair', kind: 'join' },
    requests: { ...REQUESTS, ...requests },
  };
}

/** Rows of the table: of key `a` one, of `b` two, of `cc` none. */
const TABLE = [
  { id: 1n, note: '', name: 'a' },
  { id: 2n, note: 'x', name: 'b' },
  { id: 3n, note: '', name: 'b' },
];
const PARTNERS: Readonly<Record<string, readonly number[]>> = { a: [1], b: [2, 3], cc: [] };

interface Bench {
  readonly operator: ReturnType<typeof createLookupOperator>;
  readonly table: MemoryTable;
  readonly clock: ManualClock;
  readonly deadLetters: DeadLetter[];
  readonly out: string[];
  readonly wakes: { count: number };
  rows(...rows: readonly (readonly [key: string, id: number])[]): void;
  watermark(timeMs: number): void;
  /** Lets promises settle, then the task look. */
  turn(): Promise<void>;
}

function createBench(spec: LookupSpec, task = 0, parallelism = 1): Bench {
  const clock = new ManualClock(0);
  const table = createMemoryTable({ id: 'items', schema: RIGHT, key: keyOf(RIGHT, 'name') });
  table.fill(TABLE);
  const sandbox = createFakeSandbox();
  const deadLetters: DeadLetter[] = [];
  const wakes = { count: 0 };
  const operator = createLookupOperator(spec, {
    sandbox,
    module: sandbox.module('v1', pairFunctions()),
    kernel: createRowKernel(),
    createStateTable: createMapStateTable,
    context: {
      ...{ task, keyGroups: JOIN_KEY_GROUPS, hashed: true },
      range: keyGroupRange(task, JOIN_KEY_GROUPS, parallelism),
      log: () => {},
      deadLetter: (letter) => deadLetters.push(letter),
    },
    lookup: {
      table,
      clock,
      wake: () => {
        wakes.count += 1;
      },
    },
  });
  const out: string[] = [];
  let passedMs = operator.passedMs;
  const output: Output = {
    batch(batch) {
      for (const { record } of timedRecords(spec.output, copyOf(batch))) {
        out.push(`${record.left} ${record.right ?? '-'}`);
      }
    },
    side() {},
  };
  const look = () => {
    if (operator.dueMs !== undefined) operator.onTime(clock.nowMs(), output);
    if (operator.passedMs > passedMs) {
      passedMs = operator.passedMs;
      out.push(`@${passedMs}`);
    }
  };
  return {
    ...{ operator, table, clock, deadLetters, out, wakes },
    rows(...rows) {
      const timed = rows.map(([key, id]) => ({ record: { key, id: BigInt(id) }, time: 0n }));
      operator.onBatch(copyOf(timedBatch(LEFT, timed)), output);
      look();
    },
    watermark(timeMs) {
      operator.onWatermark(timeMs, output);
      look();
    },
    async turn() {
      for (let i = 0; i < 20; i++) await Promise.resolve();
      look();
    },
  };
}

type Action =
  | { readonly kind: 'rows'; readonly keys: readonly string[] }
  | { readonly kind: 'watermark' }
  | { readonly kind: 'answer'; readonly index: number }
  | { readonly kind: 'kill' };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('rows' as const),
      keys: fc.array(fc.constantFrom('a', 'b', 'cc'), { maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'watermark' as const }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('answer' as const), index: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'kill' as const }) },
);

/** What leaves for rows and watermarks if every answer came at once. */
function expected(type: LookupSpec['type'], key: string, id: number): string[] {
  const partners = PARTNERS[key];
  if (partners.length === 0) return type === 'left' ? [`${id} -`] : [];
  return partners.map((partner) => `${id} ${partner}`);
}

describe('with answers that come in any order', () => {
  test.each([
    true,
    false,
  ])('ordered %s: every row leaves once, none overtakes a watermark, whatever is killed', async (ordered) => {
    const type = fc.constantFrom('inner' as const, 'left' as const);
    await fc.assert(
      fc.asyncProperty(type, fc.array(action, { maxLength: 25 }), async (type, actions) => {
        const spec = specOf(type, { ordered, capacity: 3 });
        let bench = createBench(spec);
        bench.table.hold();
        const out: string[] = [];
        const said: string[][] = [[]];
        let [id, watermarkMs] = [0, 0];
        for (const one of actions) {
          if (one.kind === 'rows' && !bench.operator.full) {
            const rows = one.keys.map((key) => {
              id += 1;
              return [key, id] as const;
            });
            said.at(-1)!.push(...rows.flatMap(([key, id]) => expected(type, key, id)));
            bench.rows(...rows);
          } else if (one.kind === 'watermark') {
            watermarkMs += 1;
            bench.watermark(watermarkMs);
            said.push([]);
          } else if (one.kind === 'answer') {
            bench.table.release(one.index);
          } else if (one.kind === 'kill') {
            const snapshot = structuredClone(bench.operator.snapshot());
            out.push(...bench.out);
            bench = createBench(spec);
            bench.table.hold();
            bench.operator.restore(snapshot, { start: 0, end: JOIN_KEY_GROUPS });
            // The source says again where it is.
            if (watermarkMs > 0) bench.watermark(watermarkMs);
          }
          await bench.turn();
        }
        for (let left = 0; left < 200 && bench.operator.busy; left++) {
          bench.table.release(0);
          await bench.turn();
        }
        out.push(...bench.out);
        expect(bench.operator.busy).toBe(false);
        const rows = out.filter((text) => !text.startsWith('@'));
        const all = said.flat();
        if (ordered) expect(rows).toEqual(all);
        else expect([...rows].sort()).toEqual([...all].sort());
        // A watermark has everything before it behind it.
        for (const [i, before] of said.slice(0, -1).entries()) {
          const at = out.indexOf(`@${i + 1}`);
          const later = out.findIndex((text) => text.startsWith('@') && Number(text.slice(1)) > i);
          const place = at >= 0 ? at : later;
          expect(place).toBeGreaterThanOrEqual(0);
          for (const text of before) expect(out.indexOf(text)).toBeLessThan(place);
        }
      }),
      { numRuns: 2_000 },
    );
  }, 300_000);
});

test('rows under way are dealt to other tasks, each to one', async () => {
  const spec = specOf('inner', { capacity: 100 });
  const parts: OperatorSnapshot[] = [];
  for (const task of [0, 1]) {
    const bench = createBench(spec, task, 2);
    bench.table.hold();
    bench.rows(...Array.from({ length: 20 }, (_, i) => ['a', 20 * task + i] as const));
    parts.push(structuredClone(bench.operator.snapshot()));
  }
  const out: string[] = [];
  for (const task of [0, 1, 2]) {
    const bench = createBench(spec, task, 3);
    const range = keyGroupRange(task, JOIN_KEY_GROUPS, 3);
    for (const part of parts) bench.operator.restore(part, range);
    await bench.turn();
    expect(bench.operator.busy).toBe(false);
    out.push(...bench.out);
  }
  expect(out.sort()).toEqual(Array.from({ length: 40 }, (_, i) => `${i} 1`).sort());
});

test('a task takes no more than its capacity, and asks for a key once at a time', async () => {
  const bench = createBench(specOf('inner', { capacity: 3 }));
  bench.table.hold();
  bench.rows(['a', 1], ['b', 2]);
  expect(bench.operator.full).toBe(false);
  bench.rows(['a', 3], ['a', 4], ['cc', 5]);
  expect(bench.operator.full).toBe(true);
  expect(bench.table.asked).toEqual([{ name: 'a' }, { name: 'b' }, { name: 'cc' }]);
  for (let i = 0; i < 3; i++) bench.table.release(0);
  await bench.turn();
  expect(bench.operator.full).toBe(false);
  expect(bench.out).toEqual(['1 1', '2 2', '2 3', '3 1', '4 1']);
  expect(bench.wakes.count).toBeGreaterThan(0);
});

test('answers are remembered for as long and as many as the cache says', async () => {
  const bench = createBench(specOf('inner', { cache: { entries: 2, ttlMs: 100 } }));
  const ask = async (key: string) => {
    bench.rows([key, 1]);
    await bench.turn();
    return bench.table.asked.length;
  };
  expect([await ask('a'), await ask('a'), await ask('cc'), await ask('cc')]).toEqual([1, 1, 2, 2]);
  // `a` was asked for less recently than `cc`.
  expect([await ask('b'), await ask('cc'), await ask('a')]).toEqual([3, 3, 4]);
  bench.clock.advance(100);
  expect(await ask('a')).toBe(5);
});

test('a table that is down is asked again, then the task fails with what to do', async () => {
  const bench = createBench(specOf('inner'));
  bench.table.stop();
  bench.rows(['a', 1]);
  await bench.turn();
  expect(bench.clock.waiting).toEqual([10]);
  bench.clock.advance(10);
  await bench.turn();
  expect(bench.clock.waiting).toEqual([20]);
  bench.clock.advance(20);
  const failure = await bench.turn().catch((thrown: unknown) => thrown);
  expect(failure).toMatchObject({
    code: 'LOOKUP_UNAVAILABLE',
    message:
      'the table that step "items" looks rows up in does not answer after 2 repetitions: nobody answers',
    hint: 'whenDown: wait lets the step wait until the table is back',
  });
});

test('a step that waits goes on when the table is back', async () => {
  const bench = createBench(specOf('inner', { retries: undefined }));
  bench.table.stop();
  bench.rows(['a', 1]);
  for (let i = 0; i < 30; i++) {
    await bench.turn();
    bench.clock.advance(10_000);
  }
  expect(bench.out).toEqual([]);
  bench.table.start();
  await bench.turn();
  bench.clock.advance(10_000);
  await bench.turn();
  expect(bench.out).toEqual(['1 1']);
});

test('a request that gets no answer in time is repeated', async () => {
  const bench = createBench(specOf('inner'));
  bench.table.hold();
  bench.rows(['a', 1]);
  bench.clock.advance(1_000);
  await bench.turn();
  bench.clock.advance(10);
  await bench.turn();
  expect(bench.table.asked).toHaveLength(2);
  // The second one: nobody waits for the first any more.
  bench.table.release(1);
  await bench.turn();
  expect(bench.out).toEqual(['1 1']);
});
