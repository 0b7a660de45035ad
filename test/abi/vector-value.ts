/**
 * Values in the JSON of `guest-sdk/vectors/`: 64-bit numbers are decimal strings, bytes are base64, and the
 * floats that JSON cannot write are the strings `NaN`, `Infinity`, `-Infinity` and `-0`.
 */
import type { RowObject, RowValue } from '../../host/abi/row-object.ts';
import type { Json } from '../../host/model/json.ts';
import type { RecordSchema, ValueType } from '../../host/model/schema.ts';

export function objectToJson(schema: RecordSchema, object: RowObject): Json {
  const entries = schema.fields.map(({ name, type }) => [name, toJson(type, object[name] ?? null)]);
  return Object.fromEntries(entries);
}

export function objectFromJson(schema: RecordSchema, json: Json): RowObject {
  const object = json as { readonly [field: string]: Json };
  const entries = schema.fields.map(({ name, type }) => [name, fromJson(type, object[name])]);
  return Object.fromEntries(entries);
}

function toJson(type: ValueType, value: RowValue): Json {
  if (value === null) return null;
  switch (type.kind) {
    case 'optional':
      return toJson(type.of, value);
    case 'list':
      return (value as readonly RowValue[]).map((element) => toJson(type.of, element));
    case 'record':
      return objectToJson(type.record, value as RowObject);
    case 'bytes':
      return Buffer.from(value as Uint8Array).toString('base64');
    case 'i64':
    case 'u64':
    case 'timestamp':
      return String(value);
    case 'f32':
    case 'f64':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? (value as number)
        : Object.is(value, -0)
          ? '-0'
          : String(value);
    default:
      return value as Json;
  }
}

function fromJson(type: ValueType, json: Json): RowValue {
  if (json === null) return null;
  switch (type.kind) {
    case 'optional':
      return fromJson(type.of, json);
    case 'list':
      return (json as readonly Json[]).map((element) => fromJson(type.of, element));
    case 'record':
      return objectFromJson(type.record, json);
    case 'bytes':
      return new Uint8Array(Buffer.from(json as string, 'base64'));
    case 'i64':
    case 'u64':
    case 'timestamp':
      return BigInt(json as string);
    case 'f32':
    case 'f64':
      return Number(json);
    default:
      return json as RowValue;
  }
}
