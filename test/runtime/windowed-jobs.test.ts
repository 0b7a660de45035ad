import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { builtinConnectors } from '../../host/connectors/registry.ts';
import type { Pipeline } from '../../host/dataflow/pipeline.ts';
import { windowShape } from '../../host/dataflow/planning/window-parts.ts';
import type { WindowShape } from '../../host/dataflow/window-spec.ts';
import { runPipeline } from '../../host/runtime/run-pipeline.ts';
import { gate } from '../../host/sandbox/gate.ts';
import { WindowOracle } from '../dataflow/window-oracle.ts';
import { ABORT, createTestSource, type TestInput } from '../kit/test-source.ts';
import { windowStep } from '../kit/window-functions.ts';

let wasm: Uint8Array;
beforeAll(async () => {
  const path = join(import.meta.dirname, '../dataflow/udfs/window-functions.udf.ts');
  ({ wasm } = await compileAssemblyScript({ path }));
});

const FUNCTIONS = { reduce: 'w.sum', aggregate: 'w.weighed', apply: 'w.whole' } as const;
type Kind = keyof typeof FUNCTIONS;

const WINDOWS: { readonly [name: string]: object } = {
  tumbling: { tumbling: '20ms', offset: '3ms' },
  sliding: { sliding: '30ms', every: '10ms' },
  session: { session: '15ms' },
  count: { count: 4 },
  'sliding count': { count: 6, every: 2 },
  global: { global: true, trigger: { count: 3 } },
  'tumbling with early results': { tumbling: '40ms', trigger: { count: 2, purge: true } },
};

interface Reading {
  readonly key: string;
  readonly value: number;
  readonly at: number;
}

const readings = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    value: fc.integer({ min: -99, max: 99 }),
    at: fc.integer({ min: 1, max: 200 }),
  }),
  { minLength: 1, maxLength: 60 },
);

interface Run {
  readonly kind: Kind;
  readonly window: object;
  readonly splits: readonly (readonly TestInput[])[];
  readonly parallelism: number;
  readonly eventTime?: object;
}

async function results(run: Run) {
  const { records: declared } = gate(wasm).description;
  const schema = declared.find(({ name }) => name === 'Reading')!;
  const source = createTestSource({ splits: run.splits, schema, recordsPerPoll: 7 });
  const step = { [run.kind]: FUNCTIONS[run.kind], from: 'in', key: 'key', window: run.window };
  const pipeline = {
    name: 'windows',
    checkpoint: { every: '1ms' },
    modules: { w: './w.wasm' },
    sources: {
      in: { connector: 'test', eventTime: run.eventTime ?? { field: 'at', outOfOrderness: '1s' } },
    },
    steps: { windows: step },
    sinks: { out: { from: 'windows', connector: 'memory' } },
  } as unknown as Pipeline;
  const ran = await runPipeline(pipeline, {
    modules: { w: wasm },
    parallelism: run.parallelism,
    restart: { kind: 'fixedDelay', attempts: 3, delayMs: 0 },
    parts: { connectors: new Map([...builtinConnectors, ['test', source.connector]]) },
  });
  return { ...ran, source };
}

/** What the oracle yields for all records at once: nothing is late within the bound. */
function expected(
  kind: Kind,
  window: WindowShape,
  trigger: object | undefined,
  all: readonly Reading[],
) {
  const part =
    trigger === undefined
      ? {}
      : { trigger: { everyMs: undefined, purge: false, count: undefined, ...trigger } };
  const oracle = new WindowOracle(windowStep('sum', window, part));
  const fed = oracle.feed(
    all.map(({ key, value, at }) => ({ record: { key, value: BigInt(value) }, time: at })),
  );
  return [...fed, ...oracle.watermark(Number.MAX_SAFE_INTEGER)]
    .map(({ key, start, end, values }) => {
      const total = Number(values.reduce((a, b) => a + b, 0n));
      const result = kind === 'reduce' ? total : total + 100_000 * values.length;
      return [key, start ?? 0, end ?? 0, result].join(' ');
    })
    .sort();
}

const text = (row: { readonly [field: string]: unknown }) =>
  [row.key, row.windowStart, row.windowEnd, row.result ?? row.value].map(String).join(' ');

describe.each(Object.entries(WINDOWS))('%s windows in a job', (_, window) => {
  const shape = windowShape(window as Parameters<typeof windowShape>[0]);
  const trigger = Reflect.get(window, 'trigger') as object | undefined;
  // A window of a count has the records that came first: only order within a key and split is given.
  const splits = shape.kind === 'aligned' && trigger === undefined ? 3 : 1;

  test.each([
    1, 3,
  ])('equal the oracle at parallelism %i, with and without a kill in the middle', async (parallelism) => {
    await fc.assert(
      fc.asyncProperty(
        readings,
        fc.constantFrom<Kind>('reduce', 'aggregate', 'apply'),
        fc.boolean(),
        async (all, kind, kill) => {
          const dealt: TestInput[][] = Array.from({ length: splits }, () => []);
          for (const [i, { key, value, at }] of all.entries()) {
            if (kill && i === all.length >> 1) dealt[i % splits].push(ABORT);
            dealt[i % splits].push({ key, value, at, windowStart: 0, windowEnd: 0 });
          }
          const { records, source, attempts } = await results({
            ...{ kind, window, splits: dealt, parallelism },
          });
          expect(records.out.map(text).sort()).toEqual(expected(kind, shape, trigger, all));
          expect(attempts).toBe(source.aborts + 1);
        },
      ),
      { numRuns: 12 },
    );
  }, 60_000);
});

describe('event time by a function', () => {
  const at = (time: number) => ({ key: 'k', value: 1, at: time, windowStart: 0, windowEnd: 0 });
  const run = (times: readonly number[]) => {
    const eventTime = { assign: 'w.time', outOfOrderness: '5ms' };
    const one = {
      kind: 'reduce',
      window: { tumbling: '10ms' },
      parallelism: 1,
      eventTime,
    } as const;
    return results({ ...one, splits: [times.map(at)] });
  };

  test('is that of the function; records without one are in no window', async () => {
    const { records, metrics } = await run([3, 12, 0, 15, 4, 27]);
    expect(records.out.map(text)).toEqual(['k 0 10 1', 'k 10 20 2', 'k 20 30 1']);
    const counters = metrics.operators.find(({ id }) => id === 'windows');
    // 4 came behind the watermark that 15 made, 0 has no time.
    expect(counters).toMatchObject({ recordsIn: 6, windowedRecords: 4, droppedRecords: 2 });
  });

  test('a record that the function fails on follows the policy of the source', async () => {
    await expect(run([3, -1])).rejects.toMatchObject({ code: 'GUEST_TRAP' });
  });
});
