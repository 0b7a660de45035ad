import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { builtinConnectors } from '../../host/connectors/registry.ts';
import type { Pipeline } from '../../host/dataflow/pipeline.ts';
import { runPipeline } from '../../host/runtime/run-pipeline.ts';
import { gate } from '../../host/sandbox/gate.ts';
import { startItemServer } from '../kit/item-server.ts';
import { ABORT, createTestSource, type TestInput } from '../kit/test-source.ts';

let wasm: Uint8Array;
beforeAll(async () => {
  const path = join(import.meta.dirname, '../dataflow/udfs/join-functions.udf.ts');
  ({ wasm } = await compileAssemblyScript({ path }));
});

interface Row {
  readonly key: string;
  readonly at: number;
  readonly id: number;
}

type Fit = (left: Row, right: Row) => boolean;
type Type = 'inner' | 'left' | 'right' | 'full' | 'semi' | 'anti';

const row = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  at: fc.integer({ min: 1, max: 100 }),
});
const rows = fc
  .array(row, { maxLength: 30 })
  .map((all) => all.map((one, id) => ({ ...one, id: id + 1 })));

interface Run {
  readonly left: readonly Row[];
  readonly right: readonly Row[];
  readonly step: object;
  readonly parallelism: number;
  readonly kill: boolean;
}

/** Two splits a side, one of which dies in the middle. */
function sourceOf(name: 'Left' | 'Right', all: readonly Row[], kill: boolean) {
  const schema = gate(wasm).description.records.find((record) => record.name === name)!;
  const splits: TestInput[][] = [[], []];
  for (const [i, { key, at, id }] of all.entries()) {
    if (kill && i === all.length >> 1) splits[i % 2].push(ABORT);
    splits[i % 2].push(name === 'Left' ? { id, key, at } : { at, name: key, id });
  }
  return createTestSource({ splits, schema, name, recordsPerPoll: 3 });
}

async function results({ left, right, step, parallelism, kill }: Run) {
  const sources = { Left: sourceOf('Left', left, kill), Right: sourceOf('Right', right, kill) };
  const eventTime = { field: 'at', outOfOrderness: '1s' };
  const pipeline = {
    name: 'joined',
    checkpoint: { every: '1ms' },
    modules: { j: './j.wasm' },
    sources: { l: { connector: 'Left', eventTime }, r: { connector: 'Right', eventTime } },
    steps: { joined: { left: 'l', right: 'r', on: { left: 'key', right: 'name' }, ...step } },
    sinks: { out: { from: 'joined', connector: 'memory' } },
  } as unknown as Pipeline;
  const { records } = await runPipeline(pipeline, {
    modules: { j: wasm },
    parallelism,
    restart: { kind: 'fixedDelay', attempts: 5, delayMs: 0 },
    parts: {
      connectors: new Map([
        ...builtinConnectors,
        ['Left', sources.Left.connector],
        ['Right', sources.Right.connector],
      ]),
    },
  });
  return records.out
    .map((one) => ('left' in one ? `${one.left ?? '-'} ${one.right ?? '-'}` : `${one.id} -`))
    .sort();
}

/** All pairs looked through; with event times so wide apart nothing is late. */
function expected(type: Type, { left, right }: Pick<Run, 'left' | 'right'>, areFit: Fit): string[] {
  const matches = (l: Row, r: Row) => l.key === r.key && areFit(l, r);
  const hasPartner = (l: Row) => right.some((r) => matches(l, r));
  const alone = left.filter((l) => !hasPartner(l)).map(({ id }) => `${id} -`);
  if (type === 'semi')
    return left
      .filter(hasPartner)
      .map(({ id }) => `${id} -`)
      .sort();
  if (type === 'anti') return alone.sort();
  const pairs = left.flatMap((l) =>
    right.filter((r) => matches(l, r)).map((r) => `${l.id} ${r.id}`),
  );
  const rightAlone = right
    .filter((r) => !left.some((l) => matches(l, r)))
    .map(({ id }) => `- ${id}`);
  return [
    ...pairs,
    ...(type === 'left' || type === 'full' ? alone : []),
    ...(type === 'right' || type === 'full' ? rightAlone : []),
  ].sort();
}

const KINDS: { readonly [name: string]: { readonly step: object; readonly areFit: Fit } } = {
  interval: {
    step: { interval: { lower: '-5ms', upper: '10ms' } },
    areFit: (l, r) => r.at - l.at >= -5 && r.at - l.at <= 10,
  },
  windowed: {
    step: { window: { tumbling: '20ms', offset: '3ms' } },
    areFit: (l, r) => Math.floor((l.at - 3) / 20) === Math.floor((r.at - 3) / 20),
  },
  regular: { step: {}, areFit: () => true },
};

const TYPES: readonly Type[] = ['inner', 'left', 'right', 'full', 'semi', 'anti'];
const functionOf = (type: Type) => (type === 'semi' || type === 'anti' ? true : 'j.pair');

describe.each(Object.entries(KINDS))('%s joins in a job', (_, { step, areFit }) => {
  test.each([
    1, 3,
  ])('equal their definition at parallelism %i, with and without a kill in the middle', async (parallelism) => {
    await fc.assert(
      fc.asyncProperty(
        ...[rows, rows, fc.constantFrom(...TYPES), fc.boolean()],
        async (left, right, type, kill) => {
          const made = { join: functionOf(type), type, ...step };
          const out = await results({ left, right, step: made, parallelism, kill });
          expect(out).toEqual(expected(type, { left, right }, areFit));
        },
      ),
      { numRuns: 15 },
    );
  }, 60_000);
});

test('a temporal join meets the version of the time, with and without a kill', async () => {
  await fc.assert(
    fc.asyncProperty(rows, rows, fc.boolean(), async (left, all, kill) => {
      // One version of a key and time: which of two came last is not given by the splits.
      const right = all.filter(
        (one, i) => all.findIndex(({ key, at }) => key === one.key && at === one.at) === i,
      );
      const step = { join: 'j.both', temporal: true };
      const out = await results({ left, right, step, parallelism: 3, kill });
      const met = left.flatMap((l) => {
        const valid = right.filter((r) => r.key === l.key && r.at <= l.at);
        const version = valid.sort((a, b) => a.at - b.at).at(-1);
        return version === undefined ? [] : [`${l.id} ${version.id}`];
      });
      expect(out).toEqual(met.sort());
    }),
    { numRuns: 15 },
  );
}, 60_000);

test('a stream is joined with itself', async () => {
  const source = sourceOf(
    'Left',
    [
      { key: 'a', at: 1, id: 1 },
      { key: 'a', at: 2, id: 2 },
    ],
    false,
  );
  const on = { left: 'key', right: 'key' };
  const pipeline = {
    name: 'self',
    modules: { j: './j.wasm' },
    sources: { l: { connector: 'Left', eventTime: { field: 'at' } } },
    steps: { joined: { join: true, type: 'semi', left: 'l', right: 'l', on } },
    sinks: { out: { from: 'joined', connector: 'memory' } },
  } as unknown as Pipeline;
  const connectors = new Map([...builtinConnectors, ['Left', source.connector]]);
  const { records } = await runPipeline(pipeline, { modules: { j: wasm }, parts: { connectors } });
  expect(records.out.map(({ id }) => Number(id)).sort()).toEqual([1, 2]);
});

describe('a lookup in a job', () => {
  const lookUp = async (all: readonly Row[], lookup: object, kill = false) => {
    const source = sourceOf('Left', all, kill);
    const server = await startItemServer();
    onTestFinished(() => server.stop());
    server.answer = (path, response) => {
      const key = path.split('/')[2];
      response.statusCode = key === 'a' || key === 'b' ? 200 : 404;
      response.end(`{"at": 1, "name": "${key}", "id": ${key === 'a' ? 101 : 102}}`);
      return true;
    };
    const url = server.url.replace('{id}/{shop}', '{name}');
    const pipeline = {
      name: 'looked-up',
      checkpoint: { every: '1ms' },
      modules: { j: './j.wasm' },
      sources: { l: { connector: 'Left', eventTime: { field: 'at', outOfOrderness: '1s' } } },
      steps: {
        found: {
          ...{ join: 'j.pair', type: 'left', left: 'l', on: { left: 'key', right: 'name' } },
          lookup: { connector: 'http', url, ...lookup },
        },
      },
      sinks: { out: { from: 'found', connector: 'memory' } },
    } as unknown as Pipeline;
    const { records } = await runPipeline(pipeline, {
      modules: { j: wasm },
      parallelism: 2,
      restart: { kind: 'fixedDelay', attempts: 5, delayMs: 0 },
      parts: { connectors: new Map([...builtinConnectors, ['Left', source.connector]]) },
    });
    return records.out.map(({ left, right }) => `${left} ${right ?? '-'}`).sort();
  };
  const all = Array.from({ length: 200 }, (_, i) => ({
    key: ['a', 'b', 'c'][i % 3],
    at: i,
    id: i,
  }));
  const found = all.map(({ key, id }) => `${id} ${{ a: '101', b: '102' }[key] ?? '-'}`).sort();

  test.each([
    ['in order', {}],
    ['as answers come', { ordered: false, capacity: 7 }],
    ['from a cache', { cache: { size: 2, ttl: '1m' } }],
  ])(
    'yields every record once, %s, with a kill in the middle',
    async (_, lookup) => {
      expect(await lookUp(all, lookup, true)).toEqual(found);
    },
    30_000,
  );

  test('fails with what to do when the table is down', async () => {
    const lookup = { url: 'http://127.0.0.1:1/{name}', retries: 1, backoff: '1ms' };
    await expect(lookUp(all.slice(0, 3), lookup)).rejects.toMatchObject({
      code: 'RESTARTS_EXHAUSTED',
      message: expect.stringContaining('LOOKUP_UNAVAILABLE'),
    });
  }, 30_000);
});
