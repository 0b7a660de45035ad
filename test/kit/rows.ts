import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { ROW_LENGTH_OFFSET } from '../../host/abi/layout.ts';
import { decodeObject, encodeObject, type RowObject } from '../../host/abi/row-object.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { RecordSchema } from '../../host/model/schema.ts';

/** A batch of these records. */
export function encodeBatch(
  schema: RecordSchema,
  records: readonly { readonly [field: string]: unknown }[],
): Batch {
  const builder = new BatchBuilder();
  for (const record of records) encodeObject(schema, record, builder);
  return builder.batch();
}

/** The records of a batch, one object each. */
export function decodeBatch(schema: RecordSchema, batch: Batch): RowObject[] {
  return rowOffsets(batch).map((offset) => decodeObject(schema, batch.bytes, offset));
}

/** Each row's bytes as text, for comparing rows and counting them. */
export function rowTexts(batch: Batch): string[] {
  const { bytes } = batch;
  const offsets = [...rowOffsets(batch), bytes.length];
  return offsets.slice(1).map((end, i) => {
    const row = Buffer.from(bytes.buffer, bytes.byteOffset + offsets[i], end - offsets[i]);
    return row.toString('latin1');
  });
}

function rowOffsets({ bytes }: Batch): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const offsets: number[] = [];
  for (let at = 0; at < bytes.length; at += view.getUint32(at + ROW_LENGTH_OFFSET, true)) {
    offsets.push(at);
  }
  return offsets;
}
