import type { RecordFormat } from '../abi/row-decoder.ts';
import { LINE_SCHEMA, type RecordSchema } from '../model/schema.ts';

/** The record type that a format yields by itself: `lines` has one, the others yield what is asked of them. */
export function schemaOfFormat(format: RecordFormat): RecordSchema | undefined {
  return format === 'lines' ? LINE_SCHEMA : undefined;
}
