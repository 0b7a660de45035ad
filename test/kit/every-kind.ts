import type { RecordSchema } from '../../host/model/schema.ts';

/** A field of every type. */
export const EVERY_KIND: RecordSchema = {
  name: 'Every',
  fields: [
    { name: 'flag', type: { kind: 'bool' } },
    { name: 'small', type: { kind: 'i32' } },
    { name: 'count', type: { kind: 'u32' } },
    { name: 'big', type: { kind: 'i64' } },
    { name: 'wide', type: { kind: 'u64' } },
    { name: 'real', type: { kind: 'f32' } },
    { name: 'double', type: { kind: 'f64' } },
    { name: 'text', type: { kind: 'string' } },
    { name: 'raw', type: { kind: 'bytes' } },
    { name: 'at', type: { kind: 'timestamp' } },
    { name: 'maybe', type: { kind: 'optional', of: { kind: 'i64' } } },
    { name: 'list', type: { kind: 'list', of: { kind: 'string' } } },
    {
      name: 'inner',
      type: {
        kind: 'record',
        record: { name: 'Inner', fields: [{ name: 'a "key"', type: { kind: 'string' } }] },
      },
    },
  ],
};

/** Two of its records, with the values at the ends. */
export const EVERY_VALUE = [
  {
    flag: true,
    small: 7,
    count: 4294967295,
    big: 9223372036854775807n,
    wide: 18446744073709551615n,
    real: 1.5,
    double: 1e300,
    text: 'quote " back \\ \\n line\n €😀',
    raw: new Uint8Array([0, 255, 10]),
    at: BigInt(Date.UTC(2026, 0, 2, 3, 4, 5, 678)),
    maybe: 0n,
    list: ['a', 'b'],
    inner: { 'a "key"': 'x' },
  },
  {
    flag: false,
    small: -2147483648,
    count: 0,
    big: -9223372036854775808n,
    wide: 0n,
    real: 0.5,
    double: Number.NaN,
    text: '',
    raw: new Uint8Array(0),
    at: 0n,
    maybe: null,
    list: [],
    inner: { 'a "key"': '' },
  },
];
