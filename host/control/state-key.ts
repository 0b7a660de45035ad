import { BatchBuilder } from '../abi/batch-builder.ts';
import { keyBytesOf } from '../abi/key-bytes.ts';
import { hashKey } from '../abi/key-hash.ts';
import { encodeObject } from '../abi/row-object.ts';
import { MillraceError } from '../errors.ts';
import type { KeyField, KeySpec } from '../model/key-spec.ts';
import type { RecordSchema } from '../model/schema.ts';

/** A key as the state tables have it. */
export interface StateKey {
  readonly bytes: Uint8Array;
  readonly hash: number;
}

/**
 * The key that a text means. A key of one field is the value itself, `hello` or `17`; a key of several is a JSON object of them,
 * `{"site":"a","page":7}`, which a key of one field may be, too. Throws `REQUEST_INVALID`.
 */
export function readStateKey(text: string, fields: readonly KeyField[]): StateKey {
  const values = valuesOf(text, fields);
  const schema: RecordSchema = {
    name: 'Key',
    fields: fields.map(({ name, kind, optional }) => ({
      name,
      type: optional ? { kind: 'optional', of: { kind } } : { kind },
    })),
  } as RecordSchema;
  const key: KeySpec = {
    fields: fields.map((field, index) => ({ ...field, index })),
    slots: fields.length,
  };
  const row = new BatchBuilder(1024);
  try {
    encodeObject(schema, values, row);
  } catch (thrown) {
    throw wrongKey(fields, MillraceError.from(thrown).message);
  }
  const bytes = keyBytesOf(row.view, 0, key);
  return { bytes, hash: hashKey(bytes) };
}

function valuesOf(text: string, fields: readonly KeyField[]): { readonly [name: string]: unknown } {
  const object = text.startsWith('{') ? parse(text) : undefined;
  if (typeof object === 'object' && object !== null) {
    const given = object as { readonly [name: string]: unknown };
    const unknown = Object.keys(given).filter((name) => !fields.some((one) => one.name === name));
    if (unknown.length > 0) throw wrongKey(fields, `it has no field ${JSON.stringify(unknown[0])}`);
    return Object.fromEntries(
      fields.map((field) => [field.name, fieldValue(given[field.name], field)]),
    );
  }
  if (fields.length > 1) throw wrongKey(fields, 'it has several fields');
  const [field] = fields;
  return { [field.name]: field.kind === 'string' ? text : fieldValue(parse(text), field) };
}

/** JSON has no whole numbers beyond 2^53 and no bytes: those are texts, decimal and base64. */
function fieldValue(value: unknown, field: KeyField): unknown {
  if (typeof value !== 'string') return value;
  if (field.kind === 'bytes') return new Uint8Array(Buffer.from(value, 'base64'));
  const whole = ['i64', 'u64', 'timestamp'].includes(field.kind);
  return whole && /^-?\d{1,20}$/.test(value) ? BigInt(value) : value;
}

/** What is no JSON is a text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function wrongKey(fields: readonly KeyField[], reason: string): MillraceError {
  const types = fields.map(({ name, kind }) => `${name}: ${kind}`).join(', ');
  return new MillraceError('REQUEST_INVALID', `the key does not fit (${types}): ${reason}`, {
    hint: 'give the value of the field, or a JSON object with all fields of the key',
  });
}
