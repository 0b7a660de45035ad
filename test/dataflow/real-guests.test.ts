/** The operators on AssemblyScript guests in the real sandbox: the contract again, and the fake as the oracle. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import type { ErrorPolicy, GuestSpec, KeyedSpec } from '../../host/dataflow/plan.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { createSandbox } from '../../host/sandbox/create-sandbox.ts';
import type { CompiledModule } from '../../host/sandbox/guest.ts';
import { operatorContract } from '../contracts/operator.ts';
import { createFakeSandbox, type Fields } from '../kit/fake-sandbox.ts';
import { createOperatorBench } from '../kit/operator-bench.ts';
import { lineStep, POISON, SPIN, WORD, wordFunctions, wordStep } from '../kit/word-functions.ts';

const sandbox = createSandbox();
let module: CompiledModule;
let next: CompiledModule;

beforeAll(async () => {
  const path = join(import.meta.dirname, 'udfs/word-functions.udf.ts');
  const source = await readFile(path, 'utf8');
  const compile = async (text: string, name: string) =>
    sandbox.compile((await compileAssemblyScript({ source: text, name })).wasm);
  module = await compile(source, 'v1.ts');
  next = await compile(source.replace("MARK: string = ''", "MARK: string = '2'"), 'v2.ts');
});

const real = (spec: GuestSpec | KeyedSpec) => createOperatorBench({ spec, sandbox, module });
const fake = (spec: GuestSpec | KeyedSpec) => {
  const guests = createFakeSandbox();
  return createOperatorBench({
    spec,
    sandbox: guests,
    module: guests.module('v1', wordFunctions()),
  });
};
const lines = (...texts: readonly string[]) => texts.map((text) => ({ text }));
const words = (...pairs: readonly (readonly [string, number])[]) =>
  pairs.map(([word, count]) => ({ word, count: BigInt(count) }));
const onError = (verdict: ErrorPolicy['then']): ErrorPolicy => ({
  retries: 0,
  backoffMs: 0,
  // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
  then: verdict,
});

for (const name of ['upper', 'long', 'words'] as const) {
  const spec = lineStep(name);
  operatorContract(`${spec.function.kind} on AssemblyScript`, {
    input: LINE_SCHEMA,
    batches: [lines('to be or not', 'naïve 漢字'), lines(''), lines('that is the question')],
    create: () => real(spec),
  });
}
for (const name of ['sum', 'mean'] as const) {
  for (const emit of ['record', 'batch', 'end'] as const) {
    operatorContract(`${name} that emits per ${emit}, on AssemblyScript`, {
      input: WORD,
      batches: [
        words(['to', 1], ['be', 2], ['to', 3]),
        words(['or', 4]),
        words(['be', 5], ['', 6]),
      ],
      unordered: emit === 'end',
      create: () => real(wordStep(name, { emit })),
    });
  }
}

describe('a guest in the sandbox does as the fake does', () => {
  /** Feeds the same to both; what they yield and put aside must be the same. */
  function compare(spec: GuestSpec | KeyedSpec, batches: readonly (readonly Fields[])[]): void {
    const [one, other] = [real(spec), fake(spec)];
    for (const batch of batches) expect(one.feed(batch)).toEqual(other.feed(batch));
    expect(sorted(one.end())).toEqual(sorted(other.end()));
    const rows = (bench: typeof one) =>
      bench.deadLetters.map(({ code, row }) => `${code} ${Buffer.from(row).toString('hex')}`);
    expect(rows(one)).toEqual(rows(other));
    const { traps, recordsOut, deadLetters, stateEntries } = other.operator.counters;
    expect(one.operator.counters).toMatchObject({ traps, recordsOut, deadLetters, stateEntries });
  }

  const text = fc.constantFrom('a', 'b c', '', 'long enough', 'é 漢', POISON);
  const lineBatches = fc.array(fc.array(text, { maxLength: 30 }), { maxLength: 4 });
  for (const name of ['upper', 'long', 'words'] as const) {
    test(`${name}, poison among the records`, () => {
      const spec = lineStep(name, { onError: onError('deadLetter') });
      fc.assert(
        fc.property(lineBatches, (batches) => {
          compare(
            spec,
            batches.map((batch) => lines(...batch)),
          );
        }),
        { numRuns: 50 },
      );
    });
  }

  const pair = fc.tuple(fc.constantFrom('a', 'b', '', 'é'), fc.constantFrom(1, 2, 9, -1));
  const wordBatches = fc.array(fc.array(pair, { maxLength: 20 }), { maxLength: 5 });
  for (const name of ['sum', 'mean'] as const) {
    for (const emit of ['record', 'batch', 'end'] as const) {
      test(`${name} that emits per ${emit}, poison among the records`, () => {
        const spec = wordStep(name, { emit, onError: onError('deadLetter') });
        fc.assert(
          fc.property(wordBatches, (batches) => {
            compare(
              spec,
              batches.map((batch) => words(...batch)),
            );
          }),
          { numRuns: 50 },
        );
      });
    }
  }
});

test('a record that never ends is put aside for its fuel, the others go on', () => {
  const spec = lineStep('upper', { onError: onError('deadLetter') });
  const { feed, deadLetters } = real({
    ...spec,
    limits: { ...spec.limits, fuelPerRecord: 300_000 },
  });
  expect(feed(lines('a', SPIN, 'b'))).toEqual(lines('A', 'B'));
  expect(deadLetters.map((letter) => letter.code)).toEqual(['FUEL_EXHAUSTED']);
});

test('a record over the memory limit of its step is put aside', () => {
  const spec = lineStep('upper', { onError: onError('deadLetter') });
  const bench = real({ ...spec, limits: { ...spec.limits, memoryPages: 8 } });
  const long = 'x'.repeat(400_000);
  expect(bench.feed(lines('a', long, 'b'))).toEqual(lines('A', 'B'));
  expect(bench.deadLetters).toHaveLength(1);
});

test('swaps between two batches, the state stays', () => {
  const up = real(lineStep('upper'));
  const before = up.feed(lines('a', 'b'));
  up.swappable.stage(next);
  const between = up.feed(lines('c'));
  up.swappable.swap();
  expect([...before, ...between, ...up.feed(lines('d'))]).toEqual(lines('A', 'B', 'C', 'D2'));

  const counts = real(wordStep('sum'));
  counts.feed(words(['a', 1]));
  counts.swappable.stage(next);
  counts.swappable.swap();
  expect(counts.feed(words(['a', 2]))).toEqual(words(['a', 3]));
});

function sorted(records: readonly Fields[]): string[] {
  return records.map((record) => Object.values(record).join()).sort();
}
