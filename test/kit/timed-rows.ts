import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { ROW_LENGTH_OFFSET } from '../../host/abi/layout.ts';
import {
  decodeObject,
  decodeTime,
  encodeObject,
  type RowObject,
} from '../../host/abi/row-object.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { RecordSchema } from '../../host/model/schema.ts';

/** A record and its event time, if it has one. */
export interface Timed {
  readonly record: RowObject;
  readonly time: bigint | undefined;
}

export function timedBatch(schema: RecordSchema, rows: readonly Timed[]): Batch {
  const builder = new BatchBuilder();
  for (const { record, time } of rows) encodeObject(schema, record, builder, time);
  return builder.batch();
}

export function timedRecords(schema: RecordSchema, { bytes }: Batch): Timed[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const rows: Timed[] = [];
  for (let at = 0; at < bytes.length; at += view.getUint32(at + ROW_LENGTH_OFFSET, true)) {
    rows.push({ record: decodeObject(schema, bytes, at), time: decodeTime(bytes, at) });
  }
  return rows;
}
