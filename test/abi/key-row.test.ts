import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { keyBytesOf } from '../../host/abi/key-bytes.ts';
import { createKeyRows, keyRow } from '../../host/abi/key-row.ts';
import { decodeObject } from '../../host/abi/row-object.ts';
import { createRowValidator } from '../../host/abi/validate-rows.ts';
import type { KeySpec } from '../../host/model/key-spec.ts';
import type { RecordSchema, ScalarKind, ValueType } from '../../host/model/schema.ts';
import { batchOf, keyOf, viewOf } from '../kit/keyed-rows.ts';
import { rowsCase } from './arbitrary-rows.ts';

const INNER: RecordSchema = {
  name: 'Inner',
  fields: [
    { name: 'n', type: { kind: 'i64' } },
    { name: 'maybe', type: { kind: 'optional', of: { kind: 'string' } } },
  ],
};
const CLICK: RecordSchema = {
  name: 'Click',
  fields: [
    { name: 'user', type: { kind: 'i64' } },
    { name: 'page', type: { kind: 'string' } },
    { name: 'tag', type: { kind: 'optional', of: { kind: 'string' } } },
    { name: 'age', type: { kind: 'optional', of: { kind: 'i32' } } },
    { name: 'inner', type: { kind: 'record', record: INNER } },
    { name: 'list', type: { kind: 'list', of: { kind: 'i64' } } },
    { name: 'value', type: { kind: 'f64' } },
  ],
};
const EMPTY = {
  ...{ user: 0n, page: '', tag: null, age: null },
  ...{ inner: { n: 0n, maybe: null }, list: [], value: 0 },
};
const click = {
  ...{ user: 7n, page: '/a', tag: 'x', age: 3 },
  ...{ inner: { n: 1n, maybe: 'y' }, list: [1n], value: 2.5 },
};

function keyBytes(record: RecordSchema, object: object, key: KeySpec): Uint8Array {
  return keyBytesOf(viewOf(batchOf(record, [object]).bytes), 0, key);
}

function roundTrip(object: object, ...names: string[]): unknown {
  const key = keyOf(CLICK, ...names);
  const row = keyRow(CLICK, key, keyBytes(CLICK, object, key));
  expect(createRowValidator(CLICK)(row.bytes, row.count)).toBeUndefined();
  return decodeObject(CLICK, row.bytes, 0);
}

test('sets the fields of the key and leaves the others null, zero or empty', () => {
  expect(roundTrip(click, 'user')).toEqual({ ...EMPTY, user: 7n });
  expect(roundTrip(click, 'page', 'user')).toEqual({ ...EMPTY, user: 7n, page: '/a' });
  expect(roundTrip(click, 'tag', 'age')).toEqual({ ...EMPTY, tag: 'x', age: 3 });
  expect(roundTrip({ ...click, tag: null, age: null }, 'tag', 'age')).toEqual(EMPTY);
  expect(roundTrip({ ...click, page: '' }, 'page')).toEqual(EMPTY);
});

test('a row for a key has no event time and tag 0', () => {
  const key = keyOf(CLICK, 'user');
  const { bytes } = keyRow(CLICK, key, keyBytes(CLICK, click, key));
  expect(viewOf(bytes).getUint32(4, true)).toBe(0);
  expect(viewOf(bytes).getBigInt64(8, true)).toBe(-(2n ** 63n));
});

test('appends rows behind others and says where each starts', () => {
  const key = keyOf(CLICK, 'page');
  const rows = createKeyRows(CLICK, key);
  const out = new BatchBuilder(64);
  const keys = ['', 'abc', 'a longer page than eight bytes'].map((page) =>
    keyBytes(CLICK, { ...click, page }, key),
  );
  const all = new Uint8Array(Buffer.concat(keys));
  let at = 0;
  const starts = keys.map(({ length }) => {
    at += length;
    return rows.append(out, all, at - length, length);
  });
  const { bytes, count } = out.batch();
  expect(count).toBe(3);
  expect(createRowValidator(CLICK)(bytes, count)).toBeUndefined();
  expect(starts.map((start) => keyBytesOf(viewOf(bytes), start, key))).toEqual(keys);
});

test('refuses bytes that are not a key of its fields', () => {
  const key = keyOf(CLICK, 'user', 'tag', 'page');
  const bytes = keyBytes(CLICK, click, key);
  for (let length = 0; length < bytes.length; length++) {
    expect(() => keyRow(CLICK, key, bytes.subarray(0, length))).toThrow('cannot be read');
  }
  expect(() => keyRow(CLICK, key, Uint8Array.of(...bytes, 0))).toThrow('cannot be read');
  const flagged = bytes.slice();
  flagged[8] = 2;
  expect(() => keyRow(CLICK, key, flagged)).toThrow('cannot be read');
});

test('the key of the row is the key it was made of, for random records and keys', () => {
  const run = fc.property(
    rowsCase({ finite: false }),
    fc.infiniteStream(fc.boolean()),
    (rows, picks) => {
      const { schema, objects } = rows;
      const fields = schema.fields.flatMap(({ name, type }, index) => {
        const of = type.kind === 'optional' ? type.of : type;
        const picked = picks.next().value === true && isScalar(of);
        return picked ? [{ name, index, kind: of.kind as ScalarKind, optional: of !== type }] : [];
      });
      const key = { fields, slots: schema.fields.length };
      for (const object of objects) {
        const bytes = keyBytes(schema, object, key);
        const row = keyRow(schema, key, bytes);
        expect(createRowValidator(schema)(row.bytes, row.count)).toBeUndefined();
        expect(keyBytesOf(viewOf(row.bytes), 0, key)).toEqual(bytes);
      }
    },
  );
  fc.assert(run, { numRuns: 500 });
});

function isScalar(type: ValueType): boolean {
  return type.kind !== 'list' && type.kind !== 'record' && type.kind !== 'optional';
}
