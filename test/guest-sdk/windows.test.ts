import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { batchOf, rowsOf, tagsOf, viewOf } from '../kit/keyed-rows.ts';
import { RawGuest } from '../kit/raw-guest.ts';
import { decodeBatch } from '../kit/rows.ts';
import { timedRecords } from '../kit/timed-rows.ts';

let guest: RawGuest;
beforeAll(async () => {
  const path = join(import.meta.dirname, 'udfs/windows.udf.ts');
  guest = new RawGuest((await compileAssemblyScript({ path })).wasm);
});

const held = fc.record({
  sensor: fc.constantFrom('a', 'bb', ''),
  values: fc.array(fc.bigInt({ min: -9n, max: 9n }), { minLength: 1, maxLength: 5 }),
  start: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  end: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
});

test('apply gets the records of each window and the window, and its results say which it was', () => {
  const { input, output } = guest.function('summary');
  fc.assert(
    fc.property(fc.array(held, { maxLength: 6 }), (windows) => {
      const batches = windows.map(({ sensor, values }) =>
        batchOf(
          input,
          values.map((value) => ({ sensor, value })),
        ),
      );
      const entries = new Uint8Array(32 * windows.length);
      for (const [i, { start, end }] of windows.entries()) {
        const view = viewOf(entries.subarray(32 * i));
        view.setBigInt64(0, start, true);
        view.setBigInt64(8, end, true);
        view.setBigInt64(16, 7n * BigInt(i), true);
        view.setUint32(24, batches[i].count, true);
        view.setUint32(28, batches[i].bytes.length, true);
      }
      const rows = {
        bytes: new Uint8Array(Buffer.concat(batches.map((batch) => batch.bytes))),
        count: batches.reduce((sum, batch) => sum + batch.count, 0),
      };
      const result = guest.runWindows('summary', rows, entries);
      const expected = windows.flatMap(({ sensor, values, start, end }, i) => {
        const [first] = values;
        const highest = values.reduce((a, b) => (a > b ? a : b));
        const record = { sensor, first, highest, length: values.length, start, end };
        return Array(values.length === 1 ? 2 : 1).fill({ record, time: 7n * BigInt(i), tag: i });
      });
      const tags = tagsOf(result.output);
      const timed = timedRecords(output, result.output);
      expect(timed.map(({ record, time }, i) => ({ record, time, tag: tags[i] }))).toEqual(
        expected,
      );
    }),
    { numRuns: 100 },
  );
});

test('apply may emit nothing', () => {
  const rows = batchOf(guest.function('nothing').input, [{ sensor: 'a', value: 1 }]);
  const entries = new Uint8Array(32);
  viewOf(entries).setUint32(24, 1, true);
  viewOf(entries).setUint32(28, rows.bytes.length, true);
  expect(guest.runWindows('nothing', rows, entries).output.count).toBe(0);
});

test('assignTimestamp gives rows their event time and leaves the rest as it is', () => {
  const { input } = guest.function('at');
  const readings = [-1n, 0n, 5n].map((value) => ({ sensor: 's', value }));
  const { output } = guest.run('at', batchOf(input, readings));
  expect(decodeBatch(input, output)).toEqual(readings);
  const times = (rows: readonly Uint8Array[]) =>
    rows.map((row) => viewOf(row).getBigInt64(8, true));
  expect(times(rowsOf(output))).toEqual([-1000n, 0n, 5000n]);
  const none = guest.run('never', batchOf(input, readings)).output;
  expect(times(rowsOf(none))).toEqual(Array(3).fill(-(2n ** 63n)));
});
