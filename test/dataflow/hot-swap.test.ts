import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WARM_CALLS, WARM_ROWS_MAX } from '../../host/limits.ts';
import { LINE_SCHEMA, type RecordSchema } from '../../host/model/schema.ts';
import { createFakeSandbox, type FakeFunction } from '../kit/fake-sandbox.ts';
import { createOperatorBench } from '../kit/operator-bench.ts';
import { lineStep, POISON, SUM, WORD, wordFunctions, wordStep } from '../kit/word-functions.ts';

const lines = (...texts: readonly string[]) => texts.map((text) => ({ text }));
const words = (...pairs: readonly (readonly [string, number])[]) =>
  pairs.map(([word, count]) => ({ word, count: BigInt(count) }));

function benchOf(spec: Parameters<typeof createOperatorBench>[0]['spec']) {
  const sandbox = createFakeSandbox();
  const module = sandbox.module('v1', wordFunctions());
  const next = sandbox.module('v2', wordFunctions('2'));
  return { ...createOperatorBench({ spec, sandbox, module }), sandbox, module, next };
}

/** A module with one function, to differ from the step's in one thing. */
function other(part: Partial<FakeFunction>): FakeFunction {
  const body = { map: (record: object) => ({ ...record }) };
  const both = { input: LINE_SCHEMA, output: LINE_SCHEMA, state: undefined };
  return { name: 'upper', ...both, body, ...part };
}

describe('swap', () => {
  test('each record is seen by one version: the old before the swap, the new after it', () => {
    const batches = fc.array(fc.array(fc.constantFrom('a', 'b', POISON), { maxLength: 10 }), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(batches, fc.nat(8), (texts, at) => {
        // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
        const onError = { retries: 0, backoffMs: 0, then: 'skip' } as const;
        const { feed, swappable, next } = benchOf(lineStep('upper', { onError }));
        const out = texts.flatMap((batch, i) => {
          if (i === at) {
            swappable.stage(next);
            swappable.swap();
          }
          return feed(lines(...batch));
        });
        const good = (part: readonly string[][]) => part.flat().filter((text) => text !== POISON);
        expect(out).toEqual([
          ...lines(...good(texts.slice(0, at)).map((text) => text.toUpperCase())),
          ...lines(...good(texts.slice(at)).map((text) => `${text.toUpperCase()}2`)),
        ]);
      }),
      { numRuns: 200 },
    );
  });

  test('a keyed step keeps its state', () => {
    const { feed, swappable, next, operator } = benchOf(wordStep('sum'));
    feed(words(['a', 1], ['b', 2]));
    const before = operator.snapshot();
    swappable.stage(next);
    swappable.swap();
    expect(operator.snapshot()).toEqual(before);
    expect(feed(words(['a', 10], ['c', 1]))).toEqual(words(['a', 11], ['c', 1]));
  });

  test('a failure after the swap is recovered with the new version', () => {
    // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
    const onError = { retries: 0, backoffMs: 0, then: 'deadLetter' } as const;
    const { feed, swappable, next, deadLetters } = benchOf(lineStep('upper', { onError }));
    swappable.stage(next);
    swappable.swap();
    expect(feed(lines('a', POISON, 'b'))).toEqual(lines('A2', 'B2'));
    expect(deadLetters.map((letter) => letter.digest)).toEqual(['v2']);
  });

  test('makes no call and no instance', () => {
    const { feed, swappable, next, sandbox } = benchOf(lineStep('upper'));
    feed(lines('a'));
    swappable.stage(next);
    const before = { calls: sandbox.calls.length, instances: sandbox.instances };
    swappable.swap();
    expect({ calls: sandbox.calls.length, instances: sandbox.instances }).toEqual(before);
  });

  test('without a staged version is a fault of the caller', () => {
    const { swappable, next } = benchOf(lineStep('upper'));
    expect(() => swappable.swap()).toThrow('after it was staged');
    swappable.stage(next);
    swappable.unstage();
    expect(() => swappable.swap()).toThrow('after it was staged');
  });
});

describe('stage', () => {
  test('the old version runs on until the swap', () => {
    const { feed, swappable, next } = benchOf(lineStep('upper'));
    swappable.stage(next);
    expect(feed(lines('a'))).toEqual(lines('A'));
    swappable.unstage();
    expect(feed(lines('a'))).toEqual(lines('A'));
  });

  test('warms the new version on recent records, without output, state or counts', () => {
    for (const spec of [lineStep('words'), wordStep('sum')]) {
      const { feed, swappable, next, sandbox, operator, deadLetters } = benchOf(spec);
      feed(
        spec.kind === 'keyed'
          ? words(['a', 1], ['b', 2], ['a', 3])
          : lines(...Array.from({ length: 1_000 }, (_, i) => `line ${i}`)),
      );
      const counters = { ...operator.counters };
      const snapshot = operator.snapshot();
      swappable.stage(next);
      const warming = sandbox.calls.filter((call) => call.digest === 'v2');
      expect(warming).toHaveLength(WARM_CALLS);
      expect(warming[0].rows).toBe(spec.kind === 'keyed' ? 3 : WARM_ROWS_MAX);
      expect(operator.counters).toEqual(counters);
      expect(operator.snapshot()).toEqual(snapshot);
      expect(deadLetters).toEqual([]);
    }
  });

  test('a record that traps in the warming is no reason to refuse', () => {
    // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
    const onError = { retries: 0, backoffMs: 0, then: 'skip' } as const;
    const { feed, swappable, next, logs } = benchOf(lineStep('upper', { onError }));
    feed(lines('a', POISON));
    swappable.stage(next);
    expect(logs.at(-1)).toBe(
      'warn: warming the new version of step "upper": GUEST_TRAP: unreachable',
    );
    swappable.swap();
    expect(feed(lines('b'))).toEqual(lines('B2'));
  });

  test('what the new version logs while it is warmed is not heard, after the swap it is', () => {
    const { feed, swappable, sandbox, logs } = benchOf(lineStep('upper'));
    const loud = sandbox.module('v2', [
      other({
        body: {
          map: (record, guest) => {
            guest.log(`saw ${record.text}`);
            return record;
          },
        },
      }),
    ]);
    feed(lines('a'));
    swappable.stage(loud);
    expect(logs).toEqual([]);
    swappable.swap();
    feed(lines('b'));
    expect(logs).toEqual(['info: saw b']);
  });

  test('takes a version without input seen so far', () => {
    const { feed, swappable, next } = benchOf(wordStep('mean'));
    swappable.stage(next);
    swappable.swap();
    expect(feed(words(['a', 4]))).toEqual([{ word: 'a', mean: 4 }]);
  });

  const widened: RecordSchema = {
    name: 'Line',
    fields: [...LINE_SCHEMA.fields, { name: 'number', type: { kind: 'u32' } }],
  };
  const refusals: readonly (readonly [string, FakeFunction, string])[] = [
    ['no such function', other({ name: 'lower' }), 'it has no function "upper"; it has lower'],
    [
      'another kind',
      other({ body: { filter: () => true } }),
      'function "upper" is a filter, not a map',
    ],
    [
      'another input',
      other({ input: widened }),
      'the input of function "upper" is Line { text: string, number: u32 }, the step has Line { text: string }',
    ],
    [
      'another output',
      other({ output: WORD }),
      'the output of function "upper" is Word { word: string, count: i64 }, the step has Line { text: string }',
    ],
  ];
  test.each(refusals)('refuses a version with %s', (_, fake, difference) => {
    const { feed, swappable, sandbox } = benchOf(lineStep('upper'));
    const instances = sandbox.instances;
    expect(() => swappable.stage(sandbox.module('v2', [fake]))).toThrow(
      expect.objectContaining({ code: 'UPDATE_REFUSED', details: [difference] }),
    );
    expect(sandbox.instances).toBe(instances);
    expect(feed(lines('a'))).toEqual(lines('A'));
  });

  test('refuses a version with another state, and says every difference', () => {
    const { swappable, sandbox } = benchOf(wordStep('mean'));
    const mean = wordFunctions().find((one) => one.name === 'mean')!;
    const changed = { ...mean, output: SUM, state: WORD };
    expect(() => swappable.stage(sandbox.module('v2', [changed]))).toThrow(
      expect.objectContaining({
        code: 'UPDATE_REFUSED',
        details: [
          'the output of function "mean" is Sum { word: string, total: i64, rows: i64 }, the step has Mean { word: string, mean: f64 }',
          'the state of function "mean" is Word { word: string, count: i64 }, the step has Sum { word: string, total: i64, rows: i64 }',
        ],
      }),
    );
  });

  test('refuses a version that cannot be instantiated', () => {
    const { feed, swappable, next, sandbox } = benchOf(lineStep('upper'));
    sandbox.failInstantiation(1);
    expect(() => swappable.stage(next)).toThrow(
      expect.objectContaining({
        code: 'UPDATE_REFUSED',
        message: 'step "upper" cannot start the new version: the start function trapped',
      }),
    );
    expect(feed(lines('a'))).toEqual(lines('A'));
  });
});
