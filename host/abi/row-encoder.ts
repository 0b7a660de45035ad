import type { Batch } from '../model/batch.ts';
import type { RecordSchema } from '../model/schema.ts';
import type { RecordFormat } from './row-decoder.ts';

/** Turns rows into bytes of a text or binary format. One per writer. */
export interface RowEncoder {
  /** Bytes that open a file of this format: a CSV header, otherwise none. */
  readonly preamble: Uint8Array;
  /** The rows' bytes, each record with its terminator. Valid until the next call. Rows were validated before. */
  encode(batch: Batch): Uint8Array;
}

export type CreateRowEncoder = (format: RecordFormat, schema: RecordSchema) => RowEncoder;
