import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { createRowValidator } from '../../host/abi/validate-rows.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { RawGuest } from '../kit/raw-guest.ts';
import { type Timed, timedBatch, timedRecords } from '../kit/timed-rows.ts';
import { BLANK, slicesOf, stamped, type TimedReading, timedReading } from './reading-model.ts';

let guest: RawGuest;
beforeAll(async () => {
  const path = join(import.meta.dirname, 'udfs/kinds.udf.ts');
  guest = new RawGuest((await compileAssemblyScript({ path })).wasm);
});

/** The rows of a valid batch. */
function rowsOf(schema: RecordSchema, batch: Batch): Timed[] {
  expect(createRowValidator(schema)(batch.bytes, batch.count)).toBeUndefined();
  return timedRecords(schema, batch);
}

/** Runs the function on random readings and compares with the model, row by row. */
function check(name: string, model: (reading: TimedReading) => readonly Timed[]): void {
  const { input, output } = guest.function(name);
  fc.assert(
    fc.property(fc.array(timedReading, { maxLength: 20 }), (readings) => {
      const result = guest.run(name, timedBatch(input, readings));
      expect(rowsOf(output, result.output)).toEqual(readings.flatMap(model));
      // What is canonical in is canonical out.
      const expected = timedBatch(output, readings.flatMap(model));
      expect(Buffer.from(result.output.bytes).equals(expected.bytes)).toBe(true);
    }),
    { numRuns: 200 },
  );
}

describe('on random records', () => {
  test('a map that returns new records', () => {
    check('blank', ({ time }) => [{ record: BLANK, time }]);
  });

  test('a map that changes fields of every type', () => {
    check('stamp', (reading) => [{ record: stamped(reading), time: reading.time }]);
    expect(guest.logged.at(-1)).toMatchObject({ level: 1 });
    expect(guest.logged.at(-1)!.text).toMatch(/^stamped /);
  });

  test('a filter that calls a method of the record', () => {
    check('hot', (reading) => (reading.record.value > 30 ? [reading] : []));
  });

  test('a flatMap', () => {
    check('slices', ({ record, time }) =>
      slicesOf(record).map((slice) => ({ record: slice, time })),
    );
  });
});

describe('an empty batch', () => {
  test.each(['blank', 'stamp', 'hot', 'slices'])('makes %s emit nothing', (name) => {
    const { output, emitted } = guest.run(name, { bytes: new Uint8Array(0), count: 0 });
    expect(output.count).toBe(0);
    expect(emitted).toEqual([]);
  });
});

describe('output beyond the chunk', () => {
  const many = (count: number, size: number): TimedReading[] =>
    Array.from({ length: count }, (_, i) => ({
      record: { ...BLANK, value: i % 2 === 0 ? 40 : 0, sensor: `${i}`, tags: ['x'.repeat(size)] },
      time: BigInt(i),
    }));

  test.each([
    ['many rows', 20_000, 100],
    ['rows of 200 KiB', 12, 200 << 10],
    ['a row of 3 MiB', 1, 3 << 20],
  ])('of %s leaves in several runs, the last marked, all rows once and in order', (_name, count, size) => {
    const { input, output } = guest.function('stamp');
    const readings = many(count, size);
    const result = guest.run('stamp', timedBatch(input, readings));
    const model = readings.map((reading) => ({ record: stamped(reading), time: reading.time }));
    expect(result.output.count).toBe(count);
    expect(Buffer.from(result.output.bytes).equals(timedBatch(output, model).bytes)).toBe(true);
    expect(result.emitted.map(({ last }) => last)).toEqual(
      result.emitted.map((_, i) => i === result.emitted.length - 1),
    );
  });

  test('of a filter is one run in the input area, whatever its size', () => {
    const { input } = guest.function('hot');
    const readings = many(20_000, 100);
    const result = guest.run('hot', timedBatch(input, readings));
    const kept = readings.filter(({ record }) => record.value > 30);
    expect(result.emitted).toHaveLength(1);
    expect(Buffer.from(result.output.bytes).equals(timedBatch(input, kept).bytes)).toBe(true);
  });

  test('leaves the memory for the next call', () => {
    const { input } = guest.function('stamp');
    const batch = timedBatch(input, many(20_000, 100));
    guest.run('stamp', batch);
    const bytes = guest.memory.buffer.byteLength;
    for (let i = 0; i < 10; i++) guest.run('stamp', batch);
    expect(guest.memory.buffer.byteLength).toBe(bytes);
  });
});
