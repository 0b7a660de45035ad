import { describe, expect, test } from 'vitest';
import type { ErrorPolicy } from '../../host/dataflow/plan.ts';
import type { WindowShape } from '../../host/dataflow/window-spec.ts';
import type { Json } from '../../host/model/json.ts';
import { createFakeSandbox } from '../kit/fake-sandbox.ts';
import {
  POISON,
  READING,
  type WindowFunctionName,
  windowFunctions,
  windowStep,
} from '../kit/window-functions.ts';
import { type TimedFields, WindowTasks } from '../kit/window-tasks.ts';

const TUMBLING: WindowShape = {
  kind: 'aligned',
  sizeMs: 10,
  everyMs: 10,
  offsetMs: 0,
  time: 'event',
};
const SLIDING: WindowShape = { ...TUMBLING, sizeMs: 20 };
const SESSION: WindowShape = { kind: 'session', gapMs: 5 };
const LAST = Number.MAX_SAFE_INTEGER;

const policy = (then: ErrorPolicy['then']): ErrorPolicy => ({ retries: 0, backoffMs: 0, then });
const reading = (key: string, value: bigint | number, time: number): TimedFields => ({
  record: { key, value: BigInt(value) },
  time,
});
const values = (results: readonly TimedFields[]) =>
  results.map(({ record }) => `${record.key} ${record.value ?? record.values}`).sort();

function stepOf(name: WindowFunctionName, window: WindowShape, then: ErrorPolicy['then']) {
  return new WindowTasks({ spec: windowStep(name, window, { onError: policy(then) }) });
}

describe.each([
  ['tumbling', TUMBLING],
  ['sliding', SLIDING],
  ['session', SESSION],
] as const)('a poison record in a %s window', (_, window) => {
  const records = [
    reading('a', 1, 1),
    reading('a', 2, 2),
    reading('a', POISON, 3),
    reading('b', 5, 3),
    reading('a', 4, 4),
  ];

  test('is skipped alone', () => {
    const tasks = stepOf('sum', window, 'skip');
    expect(tasks.feed(records)).toEqual([]);
    const out = new Set(values(tasks.watermark(LAST)));
    expect(out).toEqual(new Set(['a 7', 'b 5']));
    expect(tasks.total('skipped')).toBe(1);
    expect(tasks.total('windowedRecords')).toBe(5);
  });

  test('becomes a dead letter as it came in', () => {
    const tasks = stepOf('sum', window, 'deadLetter');
    tasks.feed(records);
    expect(tasks.deadLetters).toHaveLength(1);
    expect(tasks.deadLetters[0]).toMatchObject({ step: 'sum', code: 'GUEST_TRAP' });
    expect(tasks.total('deadLetters')).toBe(1);
  });

  test('fails the step, and says which record it was', () => {
    const tasks = stepOf('sum', window, 'fail');
    expect(() => tasks.feed(records)).toThrow(
      expect.objectContaining({
        code: 'GUEST_TRAP',
        details: expect.arrayContaining([expect.stringContaining('"value":"-666"')]),
      }),
    );
  });

  test('of an apply takes its window along, when that fires, and no other', () => {
    const tasks = stepOf('list', window, 'deadLetter');
    tasks.feed(records);
    expect(tasks.deadLetters).toEqual([]);
    expect(new Set(values(tasks.watermark(LAST)))).toEqual(new Set(['b 5']));
    // Each of its records, once for each window that failed.
    const windows = window === SLIDING ? 2 : 1;
    expect(tasks.deadLetters).toHaveLength(4 * windows);
    expect(tasks.total('deadLetters')).toBe(windows);
    expect(tasks.total('stateEntries')).toBe(0);
  });
});

test('a poison record that is late for some windows of a sliding step is given up once', () => {
  const tasks = stepOf('sum', SLIDING, 'deadLetter');
  tasks.feed([reading('a', 1, 5)]);
  tasks.watermark(12);
  tasks.feed([reading('a', POISON, 5), reading('a', 2, 5)]);
  expect(tasks.deadLetters).toHaveLength(1);
  expect(values(tasks.watermark(LAST))).toEqual(['a 3']);
});

test('a version that is swapped in makes the results from then on', () => {
  for (const window of [TUMBLING, SESSION]) {
    const sandbox = createFakeSandbox();
    const module = sandbox.module('v1', windowFunctions());
    const [sum, ...others] = windowFunctions();
    const doubled = sandbox.module('v2', [
      {
        ...sum,
        body: {
          reduce: (state, record) => ({
            ...state,
            value: (state.value as bigint) + 2n * (record.value as bigint),
          }),
        },
      },
      ...others,
    ]);
    const tasks = new WindowTasks({ spec: windowStep('sum', window), sandbox, module });
    tasks.feed([reading('a', 1, 1), reading('a', 1, 2)]);
    tasks.swap(doubled);
    tasks.feed([reading('a', 10, 3)]);
    expect(values(tasks.watermark(LAST))).toEqual(['a 22']);
  }
});

test('a module without the function is no version of the step', () => {
  const sandbox = createFakeSandbox();
  const module = sandbox.module('v1', windowFunctions());
  const other = sandbox.module('v2', windowFunctions().slice(1));
  const tasks = new WindowTasks({ spec: windowStep('sum', TUMBLING), sandbox, module });
  expect(() => tasks.swap(other)).toThrow(expect.objectContaining({ code: 'UPDATE_REFUSED' }));
});

describe('state of windows', () => {
  test.each([
    ['tumbling', TUMBLING],
    ['sliding', SLIDING],
    ['session', SESSION],
  ] as const)('%s returns to the base line when they close', (_, window) => {
    const tasks = stepOf('sum', window, 'fail');
    const base = tasks.total('stateBytes');
    for (let round = 0; round < 20; round++) {
      tasks.feed(
        Array.from({ length: 500 }, (_, i) => reading(`k${i}`, 1, round * 100 + (i % 10))),
      );
      expect(tasks.total('stateBytes')).toBeGreaterThan(base);
      expect(tasks.watermark(round * 100 + 60)).not.toEqual([]);
      expect([tasks.total('stateBytes'), tasks.total('stateEntries')]).toEqual([base, 0]);
    }
  });

  test('more windows than there may be engines are kept all the same', () => {
    const tasks = stepOf('sum', { ...TUMBLING, sizeMs: 1, everyMs: 1 }, 'fail');
    tasks.feed(Array.from({ length: 300 }, (_, i) => reading('a', i, i)));
    tasks.restore(2);
    expect(tasks.watermark(LAST)).toHaveLength(300);
  });

  test('records of a key beyond the limit of a row fail the record, not the step', () => {
    const tasks = stepOf('list', TUMBLING, 'skip');
    const long = 'x'.repeat(1 << 20);
    const record = { key: long, value: 1n };
    for (let i = 0; i < 5; i++) tasks.feed([{ record, time: 1 }]);
    expect(tasks.total('skipped')).toBe(2);
    expect(tasks.watermark(LAST)).toHaveLength(1);
  });
});

test('values of a snapshot that nobody wrote are refused', () => {
  for (const window of [TUMBLING, SESSION]) {
    const { operators } = stepOf('sum', window, 'fail');
    const range = { start: 0, end: 1 };
    for (const values of [null, { watermarkMs: 'x' }, { other: 1 }] as Json[]) {
      expect(() => operators[0].restore({ keyed: {}, values }, range)).toThrow(
        expect.objectContaining({ code: 'CHECKPOINT_CORRUPT' }),
      );
    }
  }
  const { operators } = stepOf('sum', TUMBLING, 'fail');
  const keyed = { 'pane:x': { bytes: new Uint8Array(0), groups: [] } };
  expect(() =>
    operators[0].restore({ keyed, values: { watermarkMs: 1 } }, { start: 0, end: 1 }),
  ).toThrow(expect.objectContaining({ code: 'CHECKPOINT_CORRUPT' }));
});

test('records have the bounds of their windows only if they have the fields', () => {
  const spec = windowStep('sum', TUMBLING, {
    stamps: { startIndex: undefined, endIndex: READING.fields.length - 1 },
  });
  const tasks = new WindowTasks({ spec });
  tasks.feed([reading('a', 1, 13)]);
  expect(tasks.watermark(LAST)).toEqual([
    { record: { key: 'a', value: 1n, windowStart: 0n, windowEnd: 20n }, time: 19 },
  ]);
});
