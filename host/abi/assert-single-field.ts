import { MillraceError } from '../errors.ts';
import { formatRecord, type RecordSchema, type ScalarKind } from '../model/schema.ts';
import type { RecordFormat } from './row-decoder.ts';

/** Throws `CONNECTOR_OPTION` unless the record is one field of that type, as `lines` and `raw` need it. */
export function assertSingleField(
  format: RecordFormat,
  schema: RecordSchema,
  kind: ScalarKind,
): void {
  if (schema.fields.length === 1 && schema.fields[0].type.kind === kind) return;
  throw new MillraceError(
    'CONNECTOR_OPTION',
    `format "${format}" needs a record with one field of type ${kind}, not ${formatRecord(schema)}`,
    { hint: 'use format "json" or "csv" for records of several fields' },
  );
}
