import type { RecordSchema } from '../model/schema.ts';
import { assertSingleField } from './assert-single-field.ts';
import { decodeCsv } from './decode/decode-csv.ts';
import { decodeJson } from './decode/decode-json.ts';
import { decodeLines } from './decode/decode-lines.ts';
import { decodeRows } from './decode/decode-rows.ts';
import { decodeUnterminated } from './decode/decode-unterminated.ts';
import type { MalformedRow, RecordFormat, RowDecoder } from './row-decoder.ts';

/**
 * The decoder of a format for a record type. Throws `CONNECTOR_OPTION` when the format cannot yield the type.
 *
 *     const decoder = createRowDecoder('json', schema, (reason, start, end) => …);
 *     const next = decoder.decode({ bytes, start: 0, end, final: true, bytesMax: 65_536 }, builder);
 */
export function createRowDecoder(
  format: RecordFormat,
  schema: RecordSchema,
  malformed: MalformedRow,
): RowDecoder {
  switch (format) {
    case 'lines':
      assertSingleField(format, schema, 'string');
      return decodeLines({ keepReturn: false }, malformed);
    case 'raw':
      assertSingleField(format, schema, 'bytes');
      return decodeLines({ keepReturn: true }, malformed);
    case 'json':
      return decodeUnterminated((report) => decodeJson(schema, report), malformed);
    case 'csv':
      return decodeUnterminated((report) => decodeCsv(schema, report), malformed);
    case 'rows':
      return decodeRows(schema, malformed);
    default:
      return format satisfies never;
  }
}
