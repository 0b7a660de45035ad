import { describe, expect, test } from 'vitest';
import type { RecordSchema } from '../../host/model/schema.ts';
import type { Fields } from '../kit/fake-sandbox.ts';
import { batchOf } from '../kit/keyed-rows.ts';
import { BENCH_KEY_GROUPS, type OperatorBench } from '../kit/operator-bench.ts';

/** An operator to be held to the contract, with input that it takes without a failure. */
export interface OperatorLife {
  readonly input: RecordSchema;
  readonly batches: readonly (readonly Fields[])[];
  /** Results at the end come in the order of the state, which is none. */
  readonly unordered?: boolean;
  /** A new operator, not fed yet; of one task that owns these key groups. */
  create(range?: { readonly start: number; readonly end: number }): OperatorBench;
}

const ALL = { start: 0, end: BENCH_KEY_GROUPS };

/** What every operator does. */
export function operatorContract(name: string, life: OperatorLife): void {
  const run = (bench: OperatorBench, batches = life.batches) => [
    ...batches.flatMap((batch) => bench.feed(batch)),
    ...bench.end(),
  ];
  const comparable = (records: readonly Fields[]) =>
    life.unordered ? records.map((record) => Object.values(record).join()).sort() : records;

  describe(`operator: ${name}`, () => {
    test('yields the same for the same input', () => {
      const once = run(life.create());
      expect(once.length).toBeGreaterThan(0);
      expect(run(life.create())).toEqual(once);
    });

    test('yields nothing for nothing', () => {
      const bench = life.create();
      expect(bench.feed([])).toEqual([]);
      expect(bench.end()).toEqual([]);
      expect(bench.operator.counters).toMatchObject({ recordsIn: 0, recordsOut: 0, batches: 0 });
    });

    test('counts what comes in and what goes out', () => {
      const bench = life.create();
      const out = run(bench);
      const bytes = life.batches.map((batch) => batchOf(life.input, batch).bytes.length);
      expect(bench.operator.counters).toMatchObject({
        recordsIn: life.batches.flat().length,
        recordsOut: out.length,
        bytesIn: bytes.reduce((sum, length) => sum + length, 0),
        batches: life.batches.length,
        traps: 0,
        skipped: 0,
        deadLetters: 0,
      });
    });

    test('a watermark yields no record', () => {
      const bench = life.create();
      const collected: unknown[] = [];
      bench.operator.onWatermark(1_000, { batch: (batch) => collected.push(batch), side() {} });
      expect(collected).toEqual([]);
    });

    test('goes on from a snapshot as if nothing had happened, wherever the cut is', () => {
      const whole = run(life.create());
      for (let cut = 0; cut <= life.batches.length; cut++) {
        const first = life.create();
        const before = life.batches.slice(0, cut).flatMap((batch) => first.feed(batch));
        const snapshot = structuredClone(first.operator.snapshot());
        const second = life.create();
        second.operator.restore(snapshot, ALL);
        const after = run(second, life.batches.slice(cut));
        expect(comparable([...before, ...after])).toEqual(comparable(whole));
      }
    });

    test('a snapshot stays as it is while the operator goes on', () => {
      const bench = life.create();
      bench.feed(life.batches[0]);
      const snapshot = bench.operator.snapshot();
      const copy = structuredClone(snapshot);
      run(bench, life.batches.slice(1));
      expect(snapshot).toEqual(copy);
    });

    test('values of a snapshot survive JSON', () => {
      const bench = life.create();
      run(bench);
      const { values } = bench.operator.snapshot();
      expect(JSON.parse(JSON.stringify(values))).toEqual(values);
    });

    test('closes', () => {
      const bench = life.create();
      bench.feed(life.batches[0]);
      bench.operator.close();
    });
  });
}
