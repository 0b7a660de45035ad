import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { encodeObject } from '../../host/abi/row-object.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { KeySpec } from '../../host/model/key-spec.ts';
import type { RecordSchema, ScalarKind } from '../../host/model/schema.ts';

/** A key spec for these fields of a record, as a pipeline's `key:` would make it. */
export function keyOf(schema: RecordSchema, ...names: readonly string[]): KeySpec {
  const fields = names.map((name) => {
    const index = schema.fields.findIndex((field) => field.name === name);
    const { type } = schema.fields[index];
    const optional = type.kind === 'optional';
    return { name, index, kind: (optional ? type.of.kind : type.kind) as ScalarKind, optional };
  });
  return { fields, slots: schema.fields.length };
}

/** A batch of rows of `schema`, in memory of its own. */
export function batchOf(schema: RecordSchema, objects: readonly object[]): Batch {
  const builder = new BatchBuilder();
  for (const object of objects) encodeObject(schema, { ...object }, builder);
  return copyOf(builder.batch());
}

/** The same rows in memory of their own. */
export function copyOf(batch: Batch): Batch {
  return { bytes: batch.bytes.slice(), count: batch.count };
}

/** The rows of a batch, each a copy. */
export function rowsOf(batch: Batch): Uint8Array[] {
  const rows: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; i < batch.count; i++) {
    const length = viewOf(batch.bytes).getUint32(at, true);
    rows.push(batch.bytes.slice(at, at + length));
    at += length;
  }
  return rows;
}

/** Rows, one after the other, as a batch. */
export function batchOfRows(rows: readonly Uint8Array[]): Batch {
  return { bytes: new Uint8Array(Buffer.concat(rows)), count: rows.length };
}

/** The tags of the rows of a batch. */
export function tagsOf(batch: Batch): number[] {
  return rowsOf(batch).map((row) => viewOf(row).getUint32(4, true));
}

/** The row with another tag. */
export function tagged(row: Uint8Array, tag: number): Uint8Array {
  const copy = row.slice();
  viewOf(copy).setUint32(4, tag, true);
  return copy;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
