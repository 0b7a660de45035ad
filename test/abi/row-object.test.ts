import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { decodeObject, encodeObject } from '../../host/abi/row-object.ts';
import { ROW_BYTES_MAX } from '../../host/limits.ts';
import { rowsOf, schemaOf } from './rows-kit.ts';

const schema = schemaOf(
  { id: 'i32', big: 'u64', name: 'optional<string>', list: 'list<In>' },
  { In: { x: 'i64' } },
);
const object = { id: 1, big: 2n, name: 'n', list: [{ x: 3n }] };

describe('an object', () => {
  test('takes safe integers for 64-bit fields and nothing for null', () => {
    const [wide, narrow] = [object, { id: 1, big: 2, name: 'n', list: [{ x: 3 }] }].map(
      (each) => rowsOf(schema, [each]).bytes,
    );
    expect(narrow).toEqual(wide);
    const builder = new BatchBuilder();
    encodeObject(schema, { id: 1, big: 2, list: [] }, builder);
    expect(decodeObject(schema, builder.bytes, 0)).toEqual({
      id: 1,
      big: 2n,
      name: null,
      list: [],
    });
  });

  test.each([
    [{ ...object, id: 1.5 }, 'field "id" of record "R" takes i32, not 1.5'],
    [{ ...object, id: 2 ** 31 }, 'field "id" of record "R" takes i32, not 2147483648'],
    [{ ...object, id: '1' }, 'field "id" of record "R" takes i32, not "1"'],
    [{ ...object, big: -1n }, 'field "big" of record "R" takes u64, not -1'],
    [
      { ...object, big: 2n ** 64n },
      'field "big" of record "R" takes u64, not 18446744073709551616',
    ],
    [{ ...object, big: 2 ** 60 }, 'field "big" of record "R" takes u64, not 1152921504606847000'],
    [{ ...object, name: 5 }, 'field "name" of record "R" takes string, not 5'],
    [{ ...object, list: {} }, 'field "list" of record "R" takes list<In>, not an object'],
    [{ ...object, list: [null] }, 'field "list" of record "R" takes In, not null'],
    [{ ...object, list: [{}] }, 'field "x" of record "In" takes i64, not nothing'],
    [{ big: 1, list: [] }, 'field "id" of record "R" takes i32, not nothing'],
  ])('that does not fit is refused and leaves the batch as it was', (misfit, message) => {
    const builder = new BatchBuilder();
    encodeObject(schema, object, builder);
    const before = builder.batch().bytes.slice();
    expect(() => encodeObject(schema, misfit, builder)).toThrow(
      expect.objectContaining({ code: 'RECORD_MALFORMED', message }),
    );
    expect(builder.batch().bytes).toEqual(before);
    expect(builder.count).toBe(1);
  });

  test('is not read through its prototype', () => {
    const odd = schemaOf({ constructor: 'optional<string>', toString: 'optional<string>' });
    expect(rowsOf(odd, [{}]).count).toBe(1);
  });

  test('beyond the row size limit is refused', () => {
    const builder = new BatchBuilder();
    const long = { ...object, name: 'x'.repeat(ROW_BYTES_MAX) };
    expect(() => encodeObject(schema, long, builder)).toThrow(
      expect.objectContaining({ code: 'RECORD_TOO_LARGE' }),
    );
    expect(builder.count).toBe(0);
  });

  test('of ill-formed text becomes U+FFFD on both ways', () => {
    const text = schemaOf({ v: 'string' });
    const { bytes } = rowsOf(text, [{ v: 'a\ud800b' }]);
    expect(decodeObject(text, bytes, 0)).toEqual({ v: 'a\ufffdb' });
    bytes[24] = 0xff;
    expect(decodeObject(text, bytes, 0)).toEqual({ v: '\ufffd\ufffdb' });
  });

  test('overwrites what a reused builder held before', () => {
    const builder = new BatchBuilder();
    encodeObject(schema, { ...object, name: 'a long name that leaves bytes' }, builder);
    builder.bytes.fill(0xff);
    builder.clear();
    encodeObject(schema, object, builder);
    expect(builder.batch().bytes).toEqual(rowsOf(schema, [object]).bytes);
  });
});
