import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPlainRowKernel } from '../../host/abi/plain-row-kernel.ts';
import type { StepSpec, StreamOperation } from '../../host/dataflow/plan.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { operatorContract } from '../contracts/operator.ts';
import { createFakeSandbox, type Fields } from '../kit/fake-sandbox.ts';
import { keyOf } from '../kit/keyed-rows.ts';
import {
  BENCH_KEY_GROUPS,
  createOperatorBench,
  type OperatorBench,
} from '../kit/operator-bench.ts';
import { timedBatch, timedRecords } from '../kit/timed-rows.ts';

const BID: RecordSchema = {
  name: 'Bid',
  fields: [
    { name: 'item', type: { kind: 'string' } },
    { name: 'price', type: { kind: 'optional', of: { kind: 'i64' } } },
    { name: 'bidder', type: { kind: 'i32' } },
  ],
};
const BY_ITEM = keyOf(BID, 'item');
const sandbox = createFakeSandbox();

function bench(spec: StepSpec, range = { start: 0, end: BENCH_KEY_GROUPS }): OperatorBench {
  return createOperatorBench({ spec, sandbox, range });
}

const stream = (operation: StreamOperation): StepSpec => ({
  kind: 'stream',
  id: 'step',
  schema: BID,
  operation,
});
const bid = (item: string, price: number | null, bidder = 0): Fields => ({
  item,
  price: price === null ? null : BigInt(price),
  bidder,
});
const BATCHES = [
  [bid('pen', 5), bid('cup', 9, 1), bid('pen', 7, 2)],
  [bid('ink', null), bid('pen', 5), bid('cup', 1, 3)],
  [bid('cup', 9, 1), bid('map', 2), bid('pen', null, 4)],
];

for (const [name, spec] of [
  ['limit', stream({ kind: 'limit', count: 5 })],
  ['sample', stream({ kind: 'sample', share: 0.5, seed: 3 })],
  ['inspect', stream({ kind: 'inspect', first: 1, every: 4 })],
  ['dedupe', { kind: 'dedupe', id: 'step', schema: BID, key: BY_ITEM, ttlMs: undefined }],
  ['topN', top(2, true, 'record')],
] as const) {
  operatorContract(name, { input: BID, batches: BATCHES, create: (range) => bench(spec, range) });
}
operatorContract('topN at the end', {
  input: BID,
  batches: BATCHES,
  unordered: true,
  create: (range) => bench(top(2, false, 'end'), range),
});

function top(count: number, descending: boolean, emit: 'record' | 'end'): StepSpec {
  return {
    kind: 'top',
    id: 'step',
    schema: BID,
    key: BY_ITEM,
    count,
    by: 1,
    descending,
    rank: undefined,
    emit,
  };
}

const bids = fc.array(
  fc.record({
    item: fc.constantFrom('', 'pen', 'cup', 'ink', 'a longer name than a slot'),
    price: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    bidder: fc.integer({ min: -5, max: 5 }),
  }),
  { maxLength: 20 },
);
const batches = fc.array(bids, { maxLength: 6 });
const RUNS = { numRuns: 2_000 };

describe('limit', () => {
  test('passes the first records and no more, also over a snapshot', () => {
    fc.assert(
      fc.property(batches, fc.nat(30), fc.nat(6), (given, count, cut) => {
        const spec = stream({ kind: 'limit', count });
        const first = bench(spec);
        const out = given.slice(0, cut).flatMap((one) => first.feed(one));
        const second = bench(spec);
        second.operator.restore(first.operator.snapshot(), { start: 0, end: BENCH_KEY_GROUPS });
        out.push(...given.slice(cut).flatMap((one) => second.feed(one)));
        expect(out).toEqual(given.flat().slice(0, count));
      }),
      RUNS,
    );
  });
});

describe('sample', () => {
  test('passes about its share, in order', () => {
    const records = Array.from({ length: 20_000 }, (_, i) => bid('pen', i));
    for (const share of [0.01, 0.5, 0.9]) {
      const out = bench(stream({ kind: 'sample', share, seed: 1 })).feed(records);
      expect(Math.abs(out.length / records.length - share)).toBeLessThan(0.02);
      expect(out).toEqual(out.toSorted((a, b) => Number(a.price) - Number(b.price)));
    }
    expect(bench(stream({ kind: 'sample', share: 1, seed: 1 })).feed(records)).toEqual(records);
  });

  test('another seed is another sample', () => {
    const records = Array.from({ length: 100 }, (_, i) => bid('pen', i));
    const of = (seed: number) => bench(stream({ kind: 'sample', share: 0.5, seed })).feed(records);
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });
});

describe('inspect', () => {
  test('logs the first records and one in so many, and passes all', () => {
    const one = bench(stream({ kind: 'inspect', first: 2, every: 5 }));
    const records = Array.from({ length: 12 }, (_, i) => bid('pen', i));
    const out = [records.slice(0, 4), records.slice(4, 7), records.slice(7)].flatMap((part) =>
      one.feed(part),
    );
    expect(out).toEqual(records);
    expect(one.logs).toEqual(
      [0, 1, 5, 10].map((i) => `info: {"item":"pen","price":"${i}","bidder":0}`),
    );
  });
});

describe('split', () => {
  test('a record goes to the side that its field names, the others stay', () => {
    const sides = ['pen', 'cup', 'none'];
    fc.assert(
      fc.property(batches, (given) => {
        const one = bench(stream({ kind: 'split', fieldIndex: 0, sides }));
        const out = given.flatMap((records) => one.feed(records));
        const all = given.flat();
        expect(out).toEqual(all.filter(({ item }) => item !== 'pen' && item !== 'cup'));
        for (const side of sides) {
          expect(one.sides.get(side) ?? []).toEqual(all.filter(({ item }) => item === side));
        }
        expect(one.operator.counters.recordsOut).toBe(all.length);
      }),
      RUNS,
    );
  });
});

describe('dedupe', () => {
  const spec: StepSpec = {
    kind: 'dedupe',
    id: 'step',
    schema: BID,
    key: BY_ITEM,
    ttlMs: undefined,
  };

  test('passes the first record of each key, in three tasks together and over a snapshot', () => {
    fc.assert(
      fc.property(batches, fc.nat(6), (given, cut) => {
        const seen = new Set<unknown>();
        const wanted = given.flat().filter(({ item }) => !seen.has(item) && seen.add(item));
        const ranges = [0, 5, 11].map((start, i) => ({ start, end: [5, 11, BENCH_KEY_GROUPS][i] }));
        const out = ranges.flatMap((range) => {
          const first = bench(spec, range);
          const passed = given.slice(0, cut).flatMap((one) => first.feed(one));
          const second = bench(spec, range);
          second.operator.restore(first.operator.snapshot(), range);
          return [...passed, ...given.slice(cut).flatMap((one) => second.feed(one))];
        });
        expect(sorted(out)).toEqual(sorted(wanted));
      }),
      RUNS,
    );
  });
});

describe('dedupe with a ttl', () => {
  const spec: StepSpec = { kind: 'dedupe', id: 'step', schema: BID, key: BY_ITEM, ttlMs: 100 };
  const kernel = createPlainRowKernel();
  const ALL = { start: 0, end: BENCH_KEY_GROUPS };

  test('a key passes again when its ttl is over, and is freed as the watermark goes on', () => {
    const events = fc.array(
      fc.record({
        item: fc.constantFrom('pen', 'cup', 'ink'),
        after: fc.nat(80),
        watermark: fc.boolean(),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(events, fc.nat(40), (given, cut) => {
        const passed: string[] = [];
        const wanted: string[] = [];
        const last = new Map<string, number>();
        let one = bench(spec);
        let timeMs = 0;
        for (const [i, { item, after, watermark }] of given.entries()) {
          if (i === cut) {
            const next = bench(spec);
            next.operator.restore(one.operator.snapshot(), ALL);
            one = next;
          }
          timeMs += after;
          const batch = timedBatch(BID, [
            { record: { item, price: null, bidder: 0 }, time: BigInt(timeMs) },
          ]);
          kernel.hashKeys(batch, BY_ITEM);
          const out = {
            batch: (rows: Batch) =>
              passed.push(
                ...timedRecords(BID, rows).map(({ record, time }) => `${record.item} ${time}`),
              ),
            side() {},
          };
          one.operator.onBatch(batch, out);
          if (timeMs >= (last.get(item) ?? Number.NEGATIVE_INFINITY) + 100) {
            wanted.push(`${item} ${timeMs}`);
            last.set(item, timeMs);
          }
          if (watermark) one.operator.onWatermark(timeMs, out);
        }
        expect(passed).toEqual(wanted);
        one.operator.onWatermark(timeMs + 1_000, { batch() {}, side() {} });
        expect(one.operator.counters).toMatchObject({ stateEntries: 0, stateBytes: 0 });
      }),
      RUNS,
    );
  });
});

describe('topN', () => {
  test('leaves at the end with the best of each key, in order', () => {
    fc.assert(
      fc.property(
        batches,
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        fc.nat(6),
        (given, count, descending, cut) => {
          const spec = top(count, descending, 'end');
          const first = bench(spec);
          for (const one of given.slice(0, cut)) first.feed(one);
          const second = bench(spec);
          second.operator.restore(first.operator.snapshot(), { start: 0, end: BENCH_KEY_GROUPS });
          for (const one of given.slice(cut)) second.feed(one);
          const out = second.end();
          for (const [item, records] of Map.groupBy(given.flat(), (one) => one.item)) {
            const wanted = best(records, descending).slice(0, count);
            expect(out.filter((one) => one.item === item)).toEqual(wanted);
          }
        },
      ),
      RUNS,
    );
  });

  test('puts a record out as it enters the best', () => {
    fc.assert(
      fc.property(bids, fc.integer({ min: 1, max: 3 }), (records, count) => {
        const one = bench(top(count, true, 'record'));
        const before: Fields[] = [];
        for (const record of records) {
          before.push(record);
          const kept = best(
            before.filter(({ item }) => item === record.item),
            true,
          ).slice(0, count);
          expect(one.feed([record])).toEqual(kept.includes(record) ? [record] : []);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** By price, null last, earlier first among equals. */
function best(records: readonly Fields[], descending: boolean): Fields[] {
  return records.toSorted((a, b) => {
    if (a.price === null || b.price === null)
      return Number(a.price === null) - Number(b.price === null);
    const order =
      Number((a.price as bigint) > (b.price as bigint)) -
      Number((a.price as bigint) < (b.price as bigint));
    return descending ? -order : order;
  });
}

function sorted(records: readonly Fields[]): string[] {
  return records.map((one) => `${one.item}|${one.price}|${one.bidder}`).sort();
}

describe('sort', () => {
  const ALL = { start: 0, end: BENCH_KEY_GROUPS };
  const spec = (by: readonly number[], descending: boolean, lateRead: boolean): StepSpec => ({
    ...{ kind: 'sort', id: 'step', schema: BID, by, descending, lateRead },
    ...{ sizeMs: 100, offsetMs: 10 },
  });
  const events = fc.array(
    fc.record({
      item: fc.constantFrom('', 'pen', 'cup'),
      bidder: fc.integer({ min: -3, max: 3 }),
      time: fc.integer({ min: -150, max: 600 }),
      watermark: fc.option(fc.nat(60)),
    }),
    { maxLength: 60 },
  );

  test('puts out window by window, in order, and what is late by its side', () => {
    fc.assert(
      fc.property(
        events,
        fc.boolean(),
        fc.boolean(),
        fc.nat(60),
        (given, descending, lateRead, cut) => {
          const wanted: string[] = [];
          const late: string[] = [];
          const came: string[] = [];
          const cameLate: string[] = [];
          let open: { readonly item: string; readonly bidder: number; readonly time: number }[] =
            [];
          const endOf = (time: number) => Math.floor((time - 10) / 100) * 100 + 110;
          const textOf = (one: { item: unknown; bidder: unknown; time: unknown }) =>
            `${one.item} ${one.bidder} ${one.time}`;
          let watermarkMs = Number.MIN_SAFE_INTEGER;
          let one = bench(spec([0, 2], descending, lateRead));
          const read = (into: string[]) => (rows: Batch) =>
            void into.push(
              ...timedRecords(BID, rows).map(({ record, time }) =>
                textOf({ ...record, time } as never),
              ),
            );
          const out = {
            batch: read(came),
            side: (name: string, rows: Batch) => {
              expect(name).toBe('late');
              read(cameLate)(rows);
            },
          };
          const advance = (timeMs: number) => {
            watermarkMs = timeMs;
            one.operator.onWatermark(timeMs, out);
            const ends = [...new Set(open.map(({ time }) => endOf(time)))].sort((a, b) => a - b);
            for (const end of ends.filter((candidate) => candidate - 1 <= timeMs)) {
              const sign = descending ? -1 : 1;
              const ordered = open
                .filter(({ time }) => endOf(time) === end)
                .sort(
                  (a, b) =>
                    sign *
                    (Buffer.compare(Buffer.from(a.item), Buffer.from(b.item)) ||
                      a.bidder - b.bidder),
                );
              wanted.push(...ordered.map(textOf));
              open = open.filter(({ time }) => endOf(time) !== end);
            }
          };
          for (const [i, { item, bidder, time, watermark }] of given.entries()) {
            if (i === cut) {
              const next = bench(spec([0, 2], descending, lateRead));
              next.operator.restore(structuredClone(one.operator.snapshot()), ALL);
              Object.assign(next.operator.counters, one.operator.counters, {
                stateEntries: next.operator.counters.stateEntries,
              });
              one = next;
            }
            const record = { item, price: null, bidder };
            one.operator.onBatch(timedBatch(BID, [{ record, time: BigInt(time) }]), out);
            if (endOf(time) - 1 <= watermarkMs) late.push(textOf({ item, bidder, time }));
            else open.push({ item, bidder, time });
            if (watermark !== null) advance(Math.max(watermarkMs, time - watermark));
          }
          const { counters } = one.operator;
          expect(counters.stateEntries).toBe(open.length);
          advance(1_000_000);
          expect(came).toEqual(wanted);
          expect(cameLate).toEqual(lateRead ? late : []);
          expect(counters.windowedRecords + counters.lateRecords + counters.droppedRecords).toBe(
            counters.recordsIn,
          );
          expect(counters).toMatchObject({ stateEntries: 0, stateBytes: 0 });
        },
      ),
      RUNS,
    );
  });
});
