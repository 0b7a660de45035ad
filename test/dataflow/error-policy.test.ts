import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeObject } from '../../host/abi/row-object.ts';
import type { ErrorPolicy, GuestSpec, KeyedSpec } from '../../host/dataflow/plan.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { createFakeSandbox, type FakeSandbox } from '../kit/fake-sandbox.ts';
import { batchOf, viewOf } from '../kit/keyed-rows.ts';
import { BENCH_KEY_GROUPS, createOperatorBench } from '../kit/operator-bench.ts';
import { lineStep, POISON, SPIN, WORD, wordFunctions, wordStep } from '../kit/word-functions.ts';

function policy(verdict: ErrorPolicy['then'], retries = 0): ErrorPolicy {
  // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
  return { retries, backoffMs: 0, then: verdict };
}

function bench(spec: GuestSpec | KeyedSpec, sandbox: FakeSandbox = createFakeSandbox()) {
  const module = sandbox.module('v1', wordFunctions());
  return { ...createOperatorBench({ spec, sandbox, module }), sandbox };
}

const lines = (...texts: readonly string[]) => texts.map((text) => ({ text }));
const words = (...pairs: readonly (readonly [string, number])[]) =>
  pairs.map(([word, count]) => ({ word, count: BigInt(count) }));
/** A count of -1 makes the fake functions trap. */
const BAD = -1;

describe('skip', () => {
  test('exactly the failing records are missing, the rest comes once and in order', () => {
    const text = fc.constantFrom('a', 'b', 'c', 'long enough', POISON, SPIN);
    fc.assert(
      fc.property(fc.array(fc.array(text, { maxLength: 90 }), { maxLength: 4 }), (batches) => {
        const { feed, operator } = bench(lineStep('upper', { onError: policy('skip') }));
        const out = batches.flatMap((batch) => feed(lines(...batch)));
        const good = batches.flat().filter((one) => one !== POISON && one !== SPIN);
        expect(out).toEqual(lines(...good.map((one) => one.toUpperCase())));
        const skipped = batches.flat().length - good.length;
        expect(operator.counters).toMatchObject({ skipped, deadLetters: 0 });
        expect(operator.counters.recordsIn).toBe(operator.counters.recordsOut + skipped);
      }),
      { numRuns: 300 },
    );
  });

  test('one failing record in a thousand costs three instances and a call or two per piece', () => {
    const { feed, sandbox } = bench(lineStep('upper', { onError: policy('skip') }));
    const batch = lines(...Array.from({ length: 1_024 }, (_, i) => (i === 700 ? POISON : `${i}`)));
    expect(feed(batch)).toHaveLength(1_023);
    // The whole, 32 pieces of it, and 32 of the one that failed.
    expect(sandbox.calls).toHaveLength(1 + 32 + 32);
    expect(sandbox.instances).toBe(1 + 3);
  });

  test('a batch of nothing but failing records yields nothing', () => {
    const { feed, operator } = bench(lineStep('upper', { onError: policy('skip') }));
    expect(feed(lines(...Array.from({ length: 100 }, () => POISON)))).toEqual([]);
    expect(operator.counters.skipped).toBe(100);
  });

  test('the log tells the first few skipped records, then one of ten times as many', () => {
    const { feed, logs } = bench(lineStep('upper', { onError: policy('skip') }));
    feed(lines(...Array.from({ length: 1_000 }, () => POISON)));
    expect(logs).toHaveLength(5 + 3);
    expect(logs[0]).toBe(
      'warn: step "upper" skipped 1 records so far, this one for GUEST_TRAP: unreachable',
    );
  });

  test('a batch that only as a whole is over a limit is split, and loses nothing', () => {
    const spec = lineStep('upper', { onError: policy('skip') });
    const { limits } = spec;
    const { feed, operator } = bench({ ...spec, limits: { ...limits, outputBytes: 100 } });
    const texts = Array.from({ length: 50 }, (_, i) => `line ${i}`);
    expect(feed(lines(...texts))).toHaveLength(50);
    expect(operator.counters).toMatchObject({ skipped: 0 });
    expect(operator.counters.traps).toBeGreaterThan(0);
  });
});

describe('fail', () => {
  test("throws the record's error, which names step, record, function and module", () => {
    const { feed } = bench(lineStep('upper'));
    expect(() => feed(lines('a', POISON, 'b'))).toThrow(
      expect.objectContaining({
        code: 'GUEST_TRAP',
        message: 'step "upper" failed on a record: unreachable',
        details: ['record {"text":"poison"}', 'function text.upper of module v1'],
        hint: 'onError: skip or deadLetter lets the step go on without such records',
      }),
    );
  });

  test('an error of a step downstream is not taken for one of its own', () => {
    const { operator, sandbox } = bench(lineStep('long', { onError: policy('skip') }));
    const downstream = bench(lineStep('upper'));
    const out = { batch: () => void downstream.feed(lines(POISON)), side() {} };
    const batch = batchOf(LINE_SCHEMA, lines('long line', 'another line'));
    expect(() => operator.onBatch(batch, out)).toThrow('step "upper" failed on a record');
    expect(sandbox.calls).toHaveLength(1);
    expect(operator.counters).toMatchObject({ traps: 0, skipped: 0 });
  });

  test('nor is one that comes while it recovers', () => {
    const { operator } = bench(lineStep('long', { onError: policy('skip') }));
    const downstream = bench(lineStep('upper'));
    const out = { batch: () => void downstream.feed(lines(POISON)), side() {} };
    const batch = batchOf(LINE_SCHEMA, lines('long line', POISON));
    expect(() => operator.onBatch(batch, out)).toThrow('step "upper" failed on a record');
    expect(operator.counters).toMatchObject({ traps: 1, skipped: 0 });
  });
});

describe('deadLetter', () => {
  test('puts each failing record aside once, as it came in, with what failed on it', () => {
    const { feed, deadLetters, operator } = bench(
      lineStep('words', { onError: policy('deadLetter') }),
    );
    const out = feed(lines('a', POISON, 'b c', SPIN));
    expect(out).toEqual(words(['a', 1], ['b', 1], ['c', 1]));
    expect(deadLetters.map(({ row, ...rest }) => rest)).toEqual([
      {
        step: 'words',
        function: 'words',
        digest: 'v1',
        code: 'GUEST_TRAP',
        message: 'unreachable',
      },
      {
        step: 'words',
        function: 'words',
        digest: 'v1',
        code: 'FUEL_EXHAUSTED',
        message: 'used more than 2000000 fuel',
      },
    ]);
    expect(deadLetters.map(({ row }) => decodeObject(LINE_SCHEMA, row, 0))).toEqual(
      lines(POISON, SPIN),
    );
    expect(operator.counters).toMatchObject({ deadLetters: 2, skipped: 0 });
  });

  test('a row of a keyed step carries no tag of the step', () => {
    const { feed, deadLetters } = bench(wordStep('mean', { onError: policy('deadLetter') }));
    feed(words(['a', 1], ['b', BAD], ['a', 3]));
    expect(deadLetters.map(({ row }) => decodeObject(WORD, row, 0))).toEqual(words(['b', BAD]));
    expect(viewOf(deadLetters[0].row).getUint32(4, true)).toBe(0);
  });
});

describe('retry', () => {
  test('tries so many times again, then does what follows', () => {
    const { feed, sandbox, operator } = bench(lineStep('upper', { onError: policy('skip', 3) }));
    expect(feed(lines(POISON))).toEqual([]);
    expect(sandbox.calls).toHaveLength(1 + 3);
    expect(operator.counters).toMatchObject({ skipped: 1, traps: 4 });
  });

  test('a record that works at last goes on in its place', () => {
    const sandbox = createFakeSandbox();
    const failures = { left: 4 };
    const module = sandbox.module('v1', [
      {
        name: 'upper',
        input: LINE_SCHEMA,
        output: LINE_SCHEMA,
        state: undefined,
        body: {
          map: (record, guest) => {
            if (record.text === 'flaky' && failures.left-- > 0) guest.trap('not yet');
            return record;
          },
        },
      },
    ]);
    const spec = lineStep('upper', { onError: policy('fail', 5) });
    const { feed, operator } = createOperatorBench({ spec, sandbox, module });
    expect(feed(lines('a', 'flaky', 'b'))).toEqual(lines('a', 'flaky', 'b'));
    expect(operator.counters).toMatchObject({ traps: 4, skipped: 0, recordsOut: 3 });
  });
});

describe('keyed steps', () => {
  test('a failing record changes no state; the others fold in order', () => {
    const pair = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(1, 2, 3, BAD));
    fc.assert(
      fc.property(fc.array(fc.array(pair, { maxLength: 20 }), { maxLength: 4 }), (batches) => {
        const spec = wordStep('mean', { onError: policy('skip') });
        const { feed, operator } = bench(spec);
        const clean = bench(spec);
        const good = batches.map((batch) => batch.filter(([, count]) => count !== BAD));
        const finishable = (pairs: typeof batches) => !sumsTo13(pairs.flat());
        fc.pre(finishable(good));
        const out = batches.flatMap((batch) => feed(words(...batch)));
        expect(out).toEqual(good.flatMap((batch) => clean.feed(words(...batch))));
        expect(statesOf(operator)).toEqual(statesOf(clean.operator));
      }),
      { numRuns: 300 },
    );
  });

  test('under fail the state is as before the batch when the first record fails', () => {
    const { feed, operator } = bench(wordStep('sum'));
    feed(words(['a', 1], ['b', 2]));
    const before = statesOf(operator);
    expect(() => feed(words(['a', BAD], ['a', 5], ['b', 5]))).toThrow('failed on a record');
    expect(statesOf(operator)).toEqual(before);
  });

  test('at the end an accumulator that cannot be finished meets the policy, the others come out', () => {
    const spec = wordStep('mean', { emit: 'end', onError: policy('deadLetter') });
    const { feed, end, deadLetters } = bench(spec);
    feed(words(['a', 1], ['unlucky', 13], ['b', 2], ['c', 4]));
    const out = end();
    expect(out.map((record) => record.word).sort()).toEqual(['a', 'b', 'c']);
    expect(deadLetters.map(({ row }) => decodeObject(spec.state, row, 0))).toEqual([
      { word: 'unlucky', total: 13n, rows: 1n },
    ]);
  });
});

test('an instance that cannot be replaced fails the step', () => {
  const { feed, sandbox } = bench(lineStep('upper', { onError: policy('skip') }));
  sandbox.failInstantiation(1);
  expect(() => feed(lines('a', POISON))).toThrow(expect.objectContaining({ code: 'TASK_FAILED' }));
});

test("an error that is no record's is passed on as it is", () => {
  const sandbox = createFakeSandbox();
  const body = {
    map: () => {
      throw new TypeError('a fault of ours');
    },
  };
  const module = sandbox.module('v1', [
    { name: 'upper', input: LINE_SCHEMA, output: LINE_SCHEMA, state: undefined, body },
  ]);
  const spec = lineStep('upper', { onError: policy('skip') });
  const { feed, operator } = createOperatorBench({ spec, sandbox, module });
  expect(() => feed(lines('a'))).toThrow(
    expect.objectContaining({ code: 'INTERNAL', message: 'a fault of ours' }),
  );
  expect(operator.counters.skipped).toBe(0);
});

/** Whether a running total passes 13, which the fake refuses to finish. */
function sumsTo13(pairs: readonly (readonly [string, number])[]): boolean {
  const totals = new Map<string, number>();
  return pairs.some(([word, count]) => {
    totals.set(word, (totals.get(word) ?? 0) + count);
    return totals.get(word) === 13;
  });
}

function statesOf(operator: ReturnType<typeof bench>['operator']): string[] {
  const { keyed } = operator.snapshot();
  const { bytes, groups } = keyed.state;
  return groups.map(({ group, offset, length }) => {
    expect(group).toBeLessThan(BENCH_KEY_GROUPS);
    return Buffer.from(bytes.subarray(offset, offset + length)).toString('hex');
  });
}
