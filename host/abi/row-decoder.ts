import type { RecordSchema } from '../model/schema.ts';
import type { BatchBuilder } from './batch-builder.ts';

export type RecordFormat = 'lines' | 'json' | 'csv' | 'rows' | 'raw';

/**
 * Turns bytes of a text or binary format into rows. Keeps no bytes between calls. One per input: a `csv` decoder takes the
 * first record it meets as the header, so that one that goes on in the middle of a file is first handed the file's
 * beginning with `bytesMax` 0, until it has taken the header.
 *
 * Throws `SOURCE_UNAVAILABLE` when nothing that follows can be read: a csv header without a required field, a damaged
 * length between `rows`.
 */
export interface RowDecoder {
  /**
   * Decodes whole records from `bytes[start, end)` into `out` until the input or about `bytesMax` output
   * bytes are used up. Returns the offset after the last record decoded; what follows is an incomplete record.
   * With `final` the last record needs no terminator. A malformed record is reported to `malformed` and passed over.
   * Rows get no event time, except that those of `rows` keep theirs. They are in canonical form, except those of `rows`.
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
