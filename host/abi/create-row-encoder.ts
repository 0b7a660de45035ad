import type { RecordSchema } from '../model/schema.ts';
import { assertSingleField } from './assert-single-field.ts';
import { encodeCsv } from './encode/encode-csv.ts';
import { encodeJson } from './encode/encode-json.ts';
import { encodeLines } from './encode/encode-lines.ts';
import { encodeRows } from './encode/encode-rows.ts';
import type { RecordFormat } from './row-decoder.ts';
import type { RowEncoder } from './row-encoder.ts';

/**
 * The encoder of a format for a record type. Throws `CONNECTOR_OPTION` when the format cannot hold the type.
 *
 *     const encoder = createRowEncoder('json', schema);
 *     file.write(encoder.encode(batch));
 */
export function createRowEncoder(format: RecordFormat, schema: RecordSchema): RowEncoder {
  switch (format) {
    case 'lines':
      assertSingleField(format, schema, 'string');
      return encodeLines();
    case 'raw':
      assertSingleField(format, schema, 'bytes');
      return encodeLines();
    case 'json':
      return encodeJson(schema);
    case 'csv':
      return encodeCsv(schema);
    case 'rows':
      return encodeRows();
    default:
      return format satisfies never;
  }
}
