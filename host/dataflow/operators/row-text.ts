import { decodeObject } from '../../abi/row-object.ts';
import type { RecordSchema } from '../../model/schema.ts';

const ROW_TEXT_CHARS_MAX = 300;

/** A row for a message or the log: as JSON, escaped, cut. */
export function rowText(schema: RecordSchema, bytes: Uint8Array, at: number): string {
  const text = JSON.stringify(decodeObject(schema, bytes, at), (_, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    return value instanceof Uint8Array ? `${value.length} bytes` : value;
  });
  return text.length <= ROW_TEXT_CHARS_MAX ? text : `${text.slice(0, ROW_TEXT_CHARS_MAX)}…`;
}
