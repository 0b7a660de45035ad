/** Random record types and objects that fit them, for fast-check. */
import fc from 'fast-check';
import type { RowObject, RowValue } from '../../host/abi/row-object.ts';
import type { RecordSchema, ScalarKind, ValueType } from '../../host/model/schema.ts';

const SCALARS: readonly ScalarKind[] = [
  'bool',
  'i32',
  'u32',
  'i64',
  'u64',
  'f32',
  'f64',
  'string',
  'bytes',
  'timestamp',
];

const scalarType = fc.constantFrom(...SCALARS).map((kind): ValueType => ({ kind }));

function valueType(depth: number): fc.Arbitrary<ValueType> {
  if (depth === 0) return scalarType;
  return fc.oneof(
    { weight: 5, arbitrary: scalarType },
    { weight: 1, arbitrary: valueType(depth - 1).map((of): ValueType => ({ kind: 'list', of })) },
    {
      weight: 1,
      arbitrary: recordSchema(depth - 1, 4).map(
        (record): ValueType => ({ kind: 'record', record }),
      ),
    },
  );
}

function recordSchema(depth: number, fieldsMax: number): fc.Arbitrary<RecordSchema> {
  const field = fc.tuple(valueType(depth), fc.boolean());
  return fc.array(field, { minLength: 1, maxLength: fieldsMax }).map((types) => ({
    name: 'R',
    fields: types.map(([of, optional], i) => ({
      name: `field${i}`,
      type: optional ? { kind: 'optional', of } : of,
    })),
  }));
}

/** Text with what codecs trip over: quotes, commas, control characters, all planes of Unicode. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom('"', '\\', ',', '\n', '\r', '\t', '\u0000', 'ä', '🦀', 'a'),
    maxLength: 12,
  }),
  fc.string({ maxLength: 40 }),
);

export interface ValueOptions {
  /** Leave out NaN and the infinities, which JSON has no way to write. */
  readonly finite: boolean;
}

function value(type: ValueType, options: ValueOptions): fc.Arbitrary<RowValue> {
  switch (type.kind) {
    case 'optional':
      return fc.option(value(type.of, options), { nil: null });
    case 'list':
      return fc.array(value(type.of, options), { maxLength: 4 });
    case 'record':
      return object(type.record, options);
    case 'bool':
      return fc.boolean();
    case 'i32':
      return fc.integer();
    case 'u32':
      return fc.nat({ max: 2 ** 32 - 1 });
    case 'i64':
    case 'timestamp':
      return fc.oneof(
        fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
        fc.maxSafeInteger().map((small) => BigInt(small)),
      );
    case 'u64':
      return fc.oneof(
        fc.bigInt(0n, 2n ** 64n - 1n),
        fc.nat().map((small) => BigInt(small)),
      );
    case 'f32':
      return fc.float({ noNaN: options.finite, noDefaultInfinity: options.finite });
    case 'f64':
      return fc.oneof(
        fc.double({ noNaN: options.finite, noDefaultInfinity: options.finite }),
        fc.integer().map((cents) => cents / 100),
      );
    case 'string':
      return text;
    case 'bytes':
      return fc.uint8Array({ maxLength: 9 });
    default:
      return type satisfies never;
  }
}

export function object(schema: RecordSchema, options: ValueOptions): fc.Arbitrary<RowObject> {
  const fields = schema.fields.map(({ name, type }) => [name, value(type, options)] as const);
  return fc.record(Object.fromEntries(fields));
}

export interface RowsCase {
  readonly schema: RecordSchema;
  readonly objects: readonly RowObject[];
}

/** A record type and some objects of it. */
export function rowsCase(options: ValueOptions, depth = 2): fc.Arbitrary<RowsCase> {
  return recordSchema(depth, 7).chain((schema) =>
    fc
      .array(object(schema, options), { minLength: 1, maxLength: 6 })
      .map((objects) => ({ schema, objects })),
  );
}
