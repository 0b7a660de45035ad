import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MillraceError } from '../../host/errors.ts';
import { WATERMARK_MAX_MS, WATERMARK_MIN_MS } from '../../host/model/element.ts';
import { createSandbox } from '../../host/sandbox/create-sandbox.ts';
import type { MapReader, ProcessCall } from '../../host/sandbox/process-call.ts';
import { AMPLE_LIMITS, failureOf, numberRows } from '../kit/guest-runs.ts';
import { INPUT_ADDRESS, NUMBERS, NUMBERS_ROW_BYTES } from '../kit/hand-made-guest.ts';
import { tagRows } from '../kit/tagged-rows.ts';
import { op, TYPE, WasmBuilder } from '../kit/wasm-builder.ts';

const { i32 } = TYPE;
const RUNS = Number(process.env.MILLRACE_FUZZ_RUNS ?? 1_500);
const MEMORY_BYTES = 4 * 65_536;
const IMPORTS = {
  emit: 4,
  state: 3,
  side: 4,
  timers: 2,
  map: 4,
  map_get: 6,
  map_next: 6,
  metrics: 2,
} as const;
type Import = keyof typeof IMPORTS;

const DECLARED = {
  states: [
    { name: 'value', kind: 'value', type: 'i64' },
    { name: 'entries', kind: 'map', key: 'i32', type: 'i32' },
    { name: 'shared', kind: 'broadcast', key: 'i32', type: 'i32' },
  ],
  sides: [{ name: 'aside', record: NUMBERS.name }],
  metrics: [
    { name: 'count', kind: 'counter' },
    { name: 'size', kind: 'gauge' },
  ],
};

/** A broadcastProcess for each import: `f_<import>` calls it with the numbers of its first row; `f_context` hands the arguments back. */
function lyingGuest(): Uint8Array {
  const builder = new WasmBuilder();
  const names = Object.keys(IMPORTS) as Import[];
  const indices = names.map((name) => {
    const params = Array.from({ length: IMPORTS[name] }, () => i32);
    const results = name.startsWith('map_') ? [i32] : [];
    return builder.importFunction('millrace', name, params, results);
  });
  builder.memory(4).exported('memory', 'memory', 0);
  const buffer = builder.function({ params: [i32], results: [i32], code: [op.i32(INPUT_ADDRESS)] });
  builder.exported('mr_buffer', 'function', buffer);
  const params = Array.from({ length: 9 }, () => i32);
  const add = (name: string, code: readonly (readonly number[])[]) => {
    const index = builder.function({ params, results: [i32], code });
    builder.exported(`mr_${name}`, 'function', index);
  };
  for (const [i, name] of names.entries()) {
    const numbers = Array.from({ length: IMPORTS[name] }, (_, n) => [
      op.get(0),
      op.load(16 + 8 * n),
    ]);
    const drop = name.startsWith('map_') ? [[0x1a]] : [];
    add(`f_${name}`, [...numbers.flat(), op.call(indices[i]), ...drop, op.i32(0)]);
  }
  // Keys, source and the four words of the context, in the slots of the row.
  const words = [0, 4, 8, 12].flatMap((at, n) => [
    ...[op.get(0), op.get(8), op.load(at), op.store(32 + 8 * n)],
  ]);
  add('f_context', [
    ...[op.get(0), op.get(6), op.store(16), op.get(0), op.get(7), op.store(24)],
    ...[...words, op.get(0), op.get(1), op.get(2), op.i32(1), op.call(indices[0]), op.i32(0)],
  ]);
  const record = { input: NUMBERS.name, second: NUMBERS.name, output: NUMBERS.name };
  const section = {
    ...{ abi: 1, sdk: 'by hand', records: [NUMBERS] },
    functions: [...names.map((name) => `f_${name}`), 'f_context'].map((name) => ({
      ...{ name, kind: 'broadcastProcess', ...record, ...DECLARED },
    })),
  };
  return builder.custom('millrace', new TextEncoder().encode(JSON.stringify(section))).build();
}

const sandbox = createSandbox();
const module = await sandbox.compile(lyingGuest());
const NO_MAPS: MapReader = { get: () => undefined, next: () => undefined };

function run(name: string, numbers: readonly number[], part: Partial<ProcessCall> = {}) {
  const instance = sandbox.instantiate(module, AMPLE_LIMITS, () => {});
  return instance.runProcess(`f_${name}`, {
    ...{ rows: numberRows(numbers), states: numberRows(), keys: 1, source: 'first' },
    ...{ watermarkMs: 0, nowMs: 0, maps: NO_MAPS, ...part },
  });
}

/** An entry row of 5 → 7, and a state row of 9, as 32-bit words of a row of numbers that hold them. */
const at = INPUT_ADDRESS + NUMBERS_ROW_BYTES;

describe('a process call', () => {
  test('hands keys, source, watermark and clock over', () => {
    const seen = (part: Partial<ProcessCall>) => {
      const { output } = run('context', [], part);
      const view = new DataView(output.bytes.buffer, output.bytes.byteOffset);
      const word = (i: number) => BigInt(view.getUint32(16 + 8 * i, true));
      const time = (i: number) => BigInt.asIntN(64, word(i) | (word(i + 1) << 32n));
      return [Number(word(0)), Number(word(1)), time(2), time(4)];
    };
    expect(seen({ watermarkMs: 2 ** 40, nowMs: 17 })).toEqual([1, 0, 2n ** 40n, 17n]);
    expect(seen({ source: 'second', keys: 0, watermarkMs: -5, nowMs: -1 })).toEqual([
      0,
      1,
      -5n,
      -1n,
    ]);
    expect(seen({ source: 'eventTimers', watermarkMs: WATERMARK_MAX_MS })).toEqual([
      1,
      2,
      2n ** 63n - 1n,
      0n,
    ]);
    expect(seen({ source: 'processingTimers', watermarkMs: WATERMARK_MIN_MS })).toEqual([
      1,
      3,
      -(2n ** 63n),
      0n,
    ]);
  });

  test('takes rows for a side output, and no others', () => {
    const row = [INPUT_ADDRESS, NUMBERS_ROW_BYTES, 1];
    expect(run('side', [0, ...row]).sides[0].count).toBe(1);
    expect(failureOf(() => run('side', [1, ...row])).message).toContain('side output 1 of 1');
    expect(failureOf(() => run('side', [-1, ...row])).code).toBe('ABI_VIOLATION');
    const short = failureOf(() => run('side', [0, INPUT_ADDRESS, 16, 1]));
    expect([short.code, short.message]).toEqual([
      'ABI_VIOLATION',
      expect.stringContaining('"aside"'),
    ]);
  });

  test('takes timers of keys that are in the call', () => {
    // The numbers of the row are the timer as well: ordinal 0, operation 0.
    const timer = [INPUT_ADDRESS + 16, 1];
    expect(failureOf(() => run('timers', timer)).message).toContain('a timer has ordinal');
    const zeros = [INPUT_ADDRESS + 48, 1];
    expect(run('timers', zeros).timers).toEqual(new Uint8Array(16));
    expect(failureOf(() => run('timers', zeros, { keys: 0 })).code).toBe('ABI_VIOLATION');
    expect(failureOf(() => run('timers', [INPUT_ADDRESS, 2 ** 27])).code).toBe('OUTPUT_LIMIT');
  });

  test('asks for entries of the keys of the call, with memory of its own', () => {
    const asked: unknown[] = [];
    const entry = new Uint8Array(40).fill(3);
    const maps: MapReader = {
      get(map, ordinal, key) {
        asked.push([map, ordinal, [...key]]);
        return entry;
      },
      next(map, ordinal, key) {
        asked.push([map, ordinal, key === undefined ? 'first' : [...key]]);
        return undefined;
      },
    };
    const get = (...numbers: number[]) => run('map_get', numbers, { maps });
    get(0, 0, INPUT_ADDRESS + 16, 8, at, 64);
    run('map_next', [1, 0, 0, -1, at, 64], { maps });
    expect(asked).toEqual([
      [0, 0, Array(8).fill(0)],
      [1, 0, 'first'],
    ]);
    for (const numbers of [
      [3, 0, INPUT_ADDRESS, 8, at, 64],
      [0, 1, INPUT_ADDRESS, 8, at, 64],
      [1, 1, INPUT_ADDRESS, 8, at, 64],
      [0, 0, MEMORY_BYTES - 4, 8, at, 64],
      [0, 0, INPUT_ADDRESS, -1, at, 64],
      [0, 0, INPUT_ADDRESS, 8, at + 4, 64],
      [0, 0, INPUT_ADDRESS, 8, MEMORY_BYTES - 32, 64],
    ]) {
      expect(failureOf(() => get(...numbers)).code).toBe('ABI_VIOLATION');
    }
    expect(asked.length).toBe(2);
  });

  test('takes broadcast entries from the broadcast input alone', () => {
    const none = [1, INPUT_ADDRESS, 0, 0];
    expect(run('map', none, { source: 'second', keys: 0 }).maps[1].count).toBe(0);
    expect(failureOf(() => run('map', none)).message).toContain('broadcast input alone');
    expect(failureOf(() => run('map', none, { source: 'eventTimers' })).code).toBe('ABI_VIOLATION');
    expect(failureOf(() => run('map', [2, INPUT_ADDRESS, 0, 0])).code).toBe('ABI_VIOLATION');
  });

  test('checks entries and states against their records', () => {
    // Rows of numbers are longer than what is handed over of them.
    for (const [name, ...numbers] of [
      ['map', 0, INPUT_ADDRESS, 16, 1],
      ['state', INPUT_ADDRESS, 16, 1],
    ] as const) {
      const { code, message } = failureOf(() => run(name, numbers));
      expect([code, message]).toEqual(['ABI_VIOLATION', expect.stringContaining('row 0')]);
    }
  });

  test('takes states and entries of keys that are in the call', () => {
    const rows = (first: number) =>
      tagRows(
        numberRows(
          name === 'map'
            ? [0, INPUT_ADDRESS, NUMBERS_ROW_BYTES, 1]
            : [INPUT_ADDRESS, NUMBERS_ROW_BYTES, 1],
        ),
        [first],
      );
    let name: Import = 'map';
    expect(run(name, [], { rows: rows(0) }).maps[0].count).toBe(1);
    expect(failureOf(() => run(name, [], { rows: rows(1) })).message).toContain('ordinal 1 of 1');
    name = 'state';
    expect(failureOf(() => run(name, [], { rows: rows(1) })).message).toContain('ordinal 1 of 1');
  });

  test('takes all metrics at once, counters that grow', () => {
    const zeros = [INPUT_ADDRESS + 32, 2];
    expect([...run('metrics', zeros).metrics]).toEqual([0, 0]);
    expect([...run('emit', [INPUT_ADDRESS, 0, 0, 0]).metrics]).toEqual([0, Number.NaN]);
    expect(failureOf(() => run('metrics', [INPUT_ADDRESS, 1])).message).toContain('2 declared');
    // The sign of a double is in its upper word.
    const row = numberRows([INPUT_ADDRESS + 32, 2]);
    new DataView(row.bytes.buffer, row.bytes.byteOffset).setFloat64(32, -1, true);
    expect(failureOf(() => run('metrics', [], { rows: row })).message).toContain(
      'cannot grow by -1',
    );
  });
});

const anything = fc.oneof(
  fc.constantFrom(
    0,
    1,
    2,
    7,
    8,
    16,
    -1,
    -8,
    0x7fff_fff8,
    -0x8000_0000,
    MEMORY_BYTES,
    MEMORY_BYTES - 8,
  ),
  fc.constantFrom(INPUT_ADDRESS, INPUT_ADDRESS + 16, NUMBERS_ROW_BYTES, at),
  fc.integer(),
  fc.integer({ min: 0, max: MEMORY_BYTES }),
);

describe('whatever a guest passes', () => {
  for (const name of Object.keys(IMPORTS) as Import[]) {
    test(`to millrace.${name}, it is taken as it should be or refused`, () => {
      const source = fc.constantFrom('first', 'second', 'eventTimers') as fc.Arbitrary<
        ProcessCall['source']
      >;
      const maps: MapReader = { get: () => new Uint8Array(48), next: () => new Uint8Array(48) };
      const check = fc.property(
        fc.array(anything, { minLength: 8, maxLength: 8 }),
        source,
        (numbers, from) => {
          try {
            run(name, numbers, { source: from, maps });
          } catch (thrown) {
            if (!(thrown instanceof MillraceError)) throw thrown;
            expect(['ABI_VIOLATION', 'OUTPUT_LIMIT']).toContain(thrown.code);
          }
        },
      );
      fc.assert(check, { numRuns: RUNS });
    });
  }
});

describe('the gate', () => {
  const section = (functions: object[], records: object[] = [NUMBERS]) => {
    const builder = new WasmBuilder();
    builder.memory(1).exported('memory', 'memory', 0);
    const buffer = builder.function({ params: [i32], results: [i32], code: [op.i32(8)] });
    builder.exported('mr_buffer', 'function', buffer);
    const f = builder.function({ params: Array(9).fill(i32), results: [i32], code: [op.i32(0)] });
    builder.exported('mr_f', 'function', f);
    const json = JSON.stringify({ abi: 1, sdk: 'x', records, functions });
    return builder.custom('millrace', new TextEncoder().encode(json)).build();
  };
  const fn = (part: object) => ({
    name: 'f',
    kind: 'process',
    input: 'Numbers',
    output: 'Numbers',
    ...part,
  });
  const state = (part: object) =>
    fn({ states: [{ name: 's', kind: 'value', type: 'i64', ...part }] });

  test('lets a function in that declares nothing', async () => {
    const { description } = await sandbox.compile(section([fn({})]));
    expect(description.functions[0]).toMatchObject({
      state: undefined,
      process: { states: [], maps: [] },
    });
  });

  const cases: readonly (readonly [string, object, string])[] = [
    [
      'a state of an unknown type',
      state({ type: 'Nope' }),
      'functions[0].states[0].type: no type "Nope"',
    ],
    ['a state that is optional', state({ type: 'optional<i64>' }), 'leave out the optional'],
    ['a time to live of nothing', state({ ttl: 0 }), 'functions[0].states[0].ttl'],
    ['a time to live of centuries', state({ ttl: 1e15 }), 'functions[0].states[0].ttl'],
    ['a kind of state that is none', state({ kind: 'queue' }), 'functions[0].states[0].kind'],
    [
      'a map with keys of records',
      fn({ states: [{ name: 'm', kind: 'map', key: 'Numbers', type: 'i32' }] }),
      'Numbers cannot be the key of a map',
    ],
    [
      'a map with keys of floats',
      fn({ states: [{ name: 'm', kind: 'map', key: 'f64', type: 'i32' }] }),
      'f64 cannot be the key of a map',
    ],
    [
      'broadcast state without a broadcast input',
      fn({ states: [{ name: 'b', kind: 'broadcast', key: 'i32', type: 'i32' }] }),
      'only a broadcastProcess has broadcast state',
    ],
    [
      'a side output of no record',
      fn({ sides: [{ name: 's', record: 'Nope' }] }),
      'no record "Nope"',
    ],
    [
      'two states of one name',
      fn({ states: [1, 2].map(() => ({ name: 's', kind: 'list', type: 'i32' })) }),
      'two states "s"',
    ],
    ['a second input where there is none', fn({ second: 'Numbers' }), 'second'],
    ['a coProcess without one', fn({ kind: 'coProcess' }), 'functions[0].second'],
    [
      'metrics beyond their limit',
      fn({ metrics: Array.from({ length: 65 }, (_, i) => ({ name: `m${i}`, kind: 'gauge' })) }),
      'functions[0].metrics',
    ],
  ];
  test.each(cases)('refuses %s', async (_, declared, message) => {
    const error = await sandbox.compile(section([declared])).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'MODULE_SECTION_INVALID' });
    expect((error as MillraceError).details.join('\n')).toContain(message);
  });

  test('holds the export to nine parameters', async () => {
    const builder = new WasmBuilder();
    builder.memory(1).exported('memory', 'memory', 0);
    const buffer = builder.function({ params: [i32], results: [i32], code: [op.i32(8)] });
    builder.exported('mr_buffer', 'function', buffer);
    const f = builder.function({ params: Array(8).fill(i32), results: [i32], code: [op.i32(0)] });
    builder.exported('mr_f', 'function', f);
    const json = JSON.stringify({ abi: 1, sdk: 'x', records: [NUMBERS], functions: [fn({})] });
    const upload = builder.custom('millrace', new TextEncoder().encode(json)).build();
    await expect(sandbox.compile(upload)).rejects.toMatchObject({ code: 'MODULE_SIGNATURE' });
  });
});
