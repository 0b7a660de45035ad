import type { RecordSchema } from '../model/schema.ts';
import type { BatchBuilder } from './batch-builder.ts';

export type RecordFormat = 'lines' | 'json' | 'csv' | 'rows' | 'raw';

/** Turns bytes of a text or binary format into rows. One per reader; keeps no bytes between calls. */
export interface RowDecoder {
  /**
   * Decodes whole records from `bytes[start, end)` into `out` until the input or about `bytesMax` output
   * bytes are used up. Returns the offset after the last record decoded; what follows is an incomplete record.
   * With `final` the last record needs no terminator. A malformed record is reported to `malformed` and passed over.
   * Rows get no event time.
   */
  decode(input: DecoderInput, out: BatchBuilder): number;
}

export interface DecoderInput {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly final: boolean;
  readonly bytesMax: number;
}

/** `start` and `end` delimit the record in the input bytes, terminator excluded. */
export type MalformedRow = (reason: string, start: number, end: number) => void;

/** Makes the decoder of a format for a record type; made once, specialised to the schema. */
export type CreateRowDecoder = (
  format: RecordFormat,
  schema: RecordSchema,
  malformed: MalformedRow,
) => RowDecoder;
