import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { type Pair, pairBatch } from '../kit/pairs.ts';
import { RawGuest } from '../kit/raw-guest.ts';
import { timedRecords } from '../kit/timed-rows.ts';

let guest: RawGuest;
beforeAll(async () => {
  const path = join(import.meta.dirname, 'udfs/joins.udf.ts');
  guest = new RawGuest((await compileAssemblyScript({ path })).wasm);
});

const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const time = fc.option(fc.integer({ min: -1_000, max: 1_000 }), { nil: undefined });
const order = fc.record({
  record: fc.record({ id: i64, item: fc.string({ maxLength: 9 }) }),
  time: fc.option(i64, { nil: undefined }),
});
const payment = fc.record({
  record: fc.record({ id: i64, cents: fc.bigInt({ min: 0n, max: 200n }) }),
  time: fc.option(i64, { nil: undefined }),
});

/** Runs the function on the pairs: its results with their event times. */
function run(name: string, pairs: readonly Pair[]) {
  const { input, join: described, output } = guest.function(name);
  const { output: rows } = guest.run(name, pairBatch(input, described!.right, pairs));
  return timedRecords(output, rows);
}

const timeOf = (pair: Pair) => (pair.time === undefined ? undefined : BigInt(pair.time));

test('a join makes a result of each pair, with the event time of the pair', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ left: order, right: payment, time })), (pairs) => {
      const expected = pairs.map((pair) => ({
        record: { item: pair.left.record.item, cents: pair.right.record.cents, paid: true },
        time: timeOf(pair),
      }));
      expect(run('sale', pairs)).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});

test('sides that may be missing are null', () => {
  const optional = { nil: undefined };
  const pair = fc.record({
    left: fc.option(order, optional),
    right: fc.option(payment, optional),
    time,
  });
  fc.assert(
    fc.property(fc.array(pair), (pairs) => {
      const expected = pairs.map((one) => ({
        record: {
          item: one.left?.record.item ?? 'nothing',
          cents: one.right?.record.cents ?? -1n,
          paid: one.right !== undefined,
        },
        time: timeOf(one),
      }));
      expect(run('anySale', pairs)).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});

test('a join with an emitter makes any number of results', () => {
  const left = { record: { id: 1n, item: 'cup' }, time: 5n };
  const paid = (cents: bigint) => ({ record: { id: 1n, cents }, time: 6n });
  const pairs = [
    { left, right: paid(99n), time: 6 },
    { left, right: undefined, time: 7 },
    { left, right: paid(100n), time: 8 },
  ];
  expect(run('dear', pairs)).toEqual([
    { record: { item: 'cup', cents: 100n, paid: false }, time: 8n },
    { record: { item: 'cup', cents: 5n, paid: false }, time: 8n },
  ]);
});

test('a side that cannot be missing and is ends the call', () => {
  const left = { record: { id: 1n, item: 'cup' }, time: 5n };
  expect(() => run('sale', [{ left, right: undefined, time: 6 }])).toThrow();
});

test('the section says which sides may be missing', () => {
  const sides = (name: string) => {
    const described = guest.function(name).join!;
    return [described.right.name, described.leftOptional, described.rightOptional];
  };
  expect(sides('sale')).toEqual(['Payment', false, false]);
  expect(sides('anySale')).toEqual(['Payment', true, true]);
  expect(sides('dear')).toEqual(['Payment', false, true]);
});
