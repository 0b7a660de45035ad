import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { hashKey } from '../../host/abi/key-hash.ts';
import type { RowKernel } from '../../host/abi/row-kernel.ts';
import type { Batch } from '../../host/model/batch.ts';
import { WATERMARK_MIN_MS } from '../../host/model/element.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { batchOf, copyOf, keyOf, rowsOf, tagsOf, viewOf } from '../kit/keyed-rows.ts';

const ORDER: RecordSchema = {
  name: 'Order',
  fields: [
    { name: 'id', type: { kind: 'i64' } },
    { name: 'city', type: { kind: 'string' } },
    { name: 'shop', type: { kind: 'optional', of: { kind: 'u32' } } },
    { name: 'note', type: { kind: 'optional', of: { kind: 'string' } } },
    { name: 'blob', type: { kind: 'bytes' } },
  ],
};

const orders = [
  { id: 7n, city: 'Köln', shop: 3, note: 'x', blob: Uint8Array.of(1, 2, 3) },
  { id: -1n, city: '', shop: null, note: null, blob: Uint8Array.of() },
  { id: 7n, city: 'Köln', shop: 0, note: '', blob: Uint8Array.of(0) },
  {
    id: 2n ** 40n,
    city: 'a longer name of a place, 8+',
    shop: null,
    note: 'y',
    blob: Uint8Array.of(9),
  },
];

const u64 = (value: bigint) => [
  ...new Uint8Array(BigUint64Array.of(BigInt.asUintN(64, value)).buffer),
];
const text = (value: string) => {
  const utf8 = [...new TextEncoder().encode(value)];
  return [utf8.length, 0, 0, 0, ...utf8];
};

/** The key bytes of the orders, written out by hand per `model/key-spec.ts`. */
const KEYS: readonly (readonly [fields: readonly string[], bytes: (i: number) => number[]])[] = [
  [['id'], (i) => u64(orders[i].id)],
  [['city'], (i) => text(orders[i].city)],
  [['blob'], (i) => [orders[i].blob.length, 0, 0, 0, ...orders[i].blob]],
  [['shop'], (i) => optional(orders[i].shop, (shop) => u64(BigInt(shop)))],
  [['note'], (i) => optional(orders[i].note, text)],
  [
    ['id', 'shop'],
    (i) => [...u64(orders[i].id), ...optional(orders[i].shop, (s) => u64(BigInt(s)))],
  ],
  [
    ['note', 'city', 'id'],
    (i) => [...optional(orders[i].note, text), ...text(orders[i].city), ...u64(orders[i].id)],
  ],
  [[], () => []],
];

function optional<T>(value: T | null, bytes: (value: T) => number[]): number[] {
  return value === null ? [0] : [1, ...bytes(value)];
}

/** What every row kernel does, the same hashes included. */
export function rowKernelContract(name: string, create: () => RowKernel): void {
  describe(`row kernel: ${name}`, () => {
    test.each(KEYS)('writes the hash of key %j into the tags', (fields, bytes) => {
      const batch = batchOf(ORDER, orders);
      create().hashKeys(batch, keyOf(ORDER, ...fields));
      expect(tagsOf(batch)).toEqual(orders.map((_, i) => hashKey(Uint8Array.from(bytes(i)))));
    });

    test('changes nothing of a row but its tag', () => {
      const batch = batchOf(ORDER, orders);
      const before = copyOf(batch);
      create().hashKeys(batch, keyOf(ORDER, 'city', 'note'));
      for (const [i, row] of rowsOf(batch).entries()) {
        row.fill(0, 4, 8);
        expect(row).toEqual(rowsOf(before)[i]);
      }
    });

    test('hashes keys of every length alike', () => {
      const kernel = create();
      for (let length = 0; length < 70; length++) {
        const blob = Uint8Array.from({ length }, (_, i) => 255 - i);
        const batch = batchOf(ORDER, [{ ...orders[0], blob }]);
        kernel.hashKeys(batch, keyOf(ORDER, 'blob'));
        expect(tagsOf(batch)).toEqual([hashKey(Uint8Array.from([length, 0, 0, 0, ...blob]))]);
      }
    });

    test('takes batches of no row, of many rows and of huge rows', () => {
      const kernel = create();
      kernel.hashKeys({ bytes: new Uint8Array(0), count: 0 }, keyOf(ORDER, 'id'));
      const many = batchOf(
        ORDER,
        Array.from({ length: 5_000 }, (_, i) => ({ ...orders[0], id: i })),
      );
      kernel.hashKeys(many, keyOf(ORDER, 'id'));
      expect(new Set(tagsOf(many)).size).toBe(5_000);
      const blob = new Uint8Array(3 << 20).fill(5);
      const huge = batchOf(ORDER, [{ ...orders[0], blob }]);
      kernel.hashKeys(huge, keyOf(ORDER, 'blob'));
      const key = new Uint8Array(4 + blob.length).fill(5);
      viewOf(key).setUint32(0, blob.length, true);
      expect(tagsOf(huge)).toEqual([hashKey(key)]);
    });

    test('a key of strings that share their bytes can be too large', () => {
      const fields = Array.from({ length: 3 }, (_, i) => ({
        name: `s${i}`,
        type: { kind: 'string' } as const,
      }));
      const schema: RecordSchema = { name: 'Aliased', fields };
      const row = batchOf(schema, [{ s0: 'x'.repeat(3 << 20), s1: '', s2: '' }]);
      const view = viewOf(row.bytes);
      for (const slot of [24, 32]) {
        view.setUint32(slot, view.getUint32(16, true), true);
        view.setUint32(slot + 4, view.getUint32(20, true), true);
      }
      expect(() => create().hashKeys(row, keyOf(schema, 's0', 's1', 's2'))).toThrow(
        expect.objectContaining({ code: 'RECORD_TOO_LARGE' }),
      );
    });

    test('refuses rows that do not fit their batch', () => {
      const broken: Batch[] = [];
      for (const length of [0, 8, 20, 1 << 20, 0xffff_fff8]) {
        const batch = batchOf(ORDER, orders);
        viewOf(batch.bytes).setUint32(0, length, true);
        broken.push(batch);
      }
      const whole = batchOf(ORDER, orders);
      broken.push({ bytes: whole.bytes, count: 5 }, { bytes: whole.bytes, count: 3 });
      for (const batch of broken) {
        expect(() => create().hashKeys(batch, keyOf(ORDER, 'city'))).toThrow();
      }
    });

    test.each([
      1, 2, 3, 7, 128,
    ])('deals rows to %i targets by key group, in order', (parallelism) => {
      const kernel = create();
      const objects = Array.from({ length: 2_000 }, (_, i) => ({ ...orders[i % 4], id: i % 300 }));
      const batch = batchOf(ORDER, objects);
      kernel.hashKeys(batch, keyOf(ORDER, 'id'));
      const targets = Array.from({ length: parallelism }, () => new BatchBuilder(64));
      targets[0].append(batchOf(ORDER, [orders[0]]));
      kernel.partition(batch, 128, targets);
      const expected = targets.map((_, target): Uint8Array[] =>
        target === 0 ? rowsOf(batchOf(ORDER, [orders[0]])) : [],
      );
      for (const row of rowsOf(batch)) {
        const group = viewOf(row).getUint32(4, true) % 128;
        expected[Math.floor((group * parallelism) / 128)].push(row);
      }
      for (const [i, target] of targets.entries()) {
        expect(rowsOf(target.batch())).toEqual(expected[i]);
      }
    });

    test('hashes and deals in one as it does in two, and leaves the batch alone', () => {
      const kernel = create();
      const batch = batchOf(ORDER, orders);
      const hashed = copyOf(batch);
      kernel.hashKeys(hashed, keyOf(ORDER, 'city'));
      const [one, two] = [0, 1].map(() => [new BatchBuilder(64), new BatchBuilder(64)]);
      kernel.partitionByKey(batch, keyOf(ORDER, 'city'), 100, one);
      kernel.partition(hashed, 100, two);
      expect(one.map((target) => target.batch())).toEqual(two.map((target) => target.batch()));
      expect(tagsOf(batch)).toEqual([0, 0, 0, 0]);
    });

    test('finds the highest event time', () => {
      const kernel = create();
      const schema: RecordSchema = { name: 'Tick', fields: [] };
      const none = batchOf(schema, [{}, {}]);
      expect(kernel.maxEventTime(none)).toBe(WATERMARK_MIN_MS);
      expect(kernel.maxEventTime({ bytes: new Uint8Array(0), count: 0 })).toBe(WATERMARK_MIN_MS);
      for (const times of [[5n, 1_700_000_000_123n, 7n], [-9n, -(2n ** 40n)], [0n], [-1n]]) {
        const batch = batchOf(
          schema,
          [...times, 0n].map(() => ({})),
        );
        for (const [i, time] of times.entries()) {
          viewOf(batch.bytes).setBigInt64(16 * i + 8, time, true);
        }
        const max = times.reduce((a, b) => (b > a ? b : a));
        expect(kernel.maxEventTime(batch)).toBe(Number(max));
      }
    });
  });
}
