/**
 * `json`: one object a line. Blank lines are passed over.
 *
 * A record is what `JSON.parse` takes and the schema fits, read as `json-reader.ts` says; nesting in unknown fields is
 * bounded (`JSON_DEPTH_MAX`). Strings are not checked to be UTF-8.
 */
import { ROW_BYTES_MAX } from '../../limits.ts';
import type { RecordSchema } from '../../model/schema.ts';
import type { BatchBuilder } from '../batch-builder.ts';
import type { DecoderInput, MalformedRow, RowDecoder } from '../row-decoder.ts';
import { planRecord } from '../row-plan.ts';
import { byteSource } from './byte-source.ts';
import { putInOrder } from './canonical-row.ts';
import { JsonReader } from './json-reader.ts';
import { skipSpace } from './json-skip.ts';
import { RowWriter } from './row-writer.ts';

const NEWLINE = 0x0a;

/** Decodes terminated lines only; see `decodeUnterminated` for a last line without a line feed. */
export function decodeJson(schema: RecordSchema, malformed: MalformedRow): RowDecoder {
  const plan = planRecord(schema);
  const writer = new RowWriter();
  const reader = new JsonReader(writer);

  /** Reads the record at `at`; returns the offset of its line feed, or -1. */
  const readRecord = (at: number): number => {
    reader.fault = '';
    reader.disordered = false;
    writer.begin();
    const next = reader.readRow(plan, at);
    if (next < 0) return -1;
    const { bytes } = reader.source;
    const end = bytes[next] === NEWLINE ? next : skipSpace(bytes, next);
    if (bytes[end] !== NEWLINE) {
      reader.fault = 'something follows the JSON object';
      return -1;
    }
    if (reader.disordered) putInOrder(plan, writer);
    if (writer.tooLong) {
      reader.fault = `its row is longer than ${ROW_BYTES_MAX} bytes`;
      return -1;
    }
    writer.finish();
    return end;
  };

  return {
    decode({ bytes, start, end, bytesMax }: DecoderInput, out: BatchBuilder): number {
      const stop = out.length + bytesMax;
      const last = end > start ? bytes.lastIndexOf(NEWLINE, end - 1) : -1;
      reader.source = byteSource(bytes);
      writer.attach(out);
      let at = start;
      while (at <= last && out.length < stop) {
        const first = bytes[at] <= 0x20 ? skipSpace(bytes, at) : at;
        const lineEnd = bytes[first] === NEWLINE ? first : readRecord(first);
        if (lineEnd >= 0) {
          at = lineEnd + 1;
          continue;
        }
        const newline = bytes.indexOf(NEWLINE, at);
        malformed(reader.fault, at, newline);
        at = newline + 1;
      }
      return at;
    },
  };
}
