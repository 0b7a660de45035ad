/**
 * Prints `guest-sdk/vectors/manifest.json`. Run it after a change of the ABI or of the values:
 *
 *     node test/abi/generate-vectors.ts > guest-sdk/vectors/manifest.json
 */
import { pathToFileURL } from 'node:url';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { decodeObject, encodeObject } from '../../host/abi/row-object.ts';
import type { Json } from '../../host/model/json.ts';
import { type ChangedBatch, INVALID_BATCHES, UNUSUAL_BATCHES } from './invalid-batches.ts';
import { VECTOR_RECORDS, vectorSchema } from './vector-records.ts';
import { VECTOR_ROWS, type VectorRow } from './vector-rows.ts';
import { objectToJson } from './vector-value.ts';

/** The manifest's text: one vector a line, so that a change shows as one. */
export function vectorManifest(): string {
  const sections = {
    records: VECTOR_RECORDS,
    rows: VECTOR_ROWS.map(rowEntry),
    unusual: UNUSUAL_BATCHES.map((batch) => ({ ...batchEntry(batch), values: values(batch) })),
    invalid: INVALID_BATCHES.map(batchEntry),
  };
  const lists = Object.entries(sections).map(([name, entries]) => {
    const lines = entries.map((entry) => `    ${JSON.stringify(entry)}`);
    return `  "${name}": [\n${lines.join(',\n')}\n  ]`;
  });
  return `{\n  "abi": 1,\n${lists.join(',\n')}\n}\n`;
}

function rowEntry([name, record, object, time]: VectorRow): Json {
  const schema = vectorSchema(record);
  const builder = new BatchBuilder();
  encodeObject(schema, object, builder, time);
  return {
    name,
    record,
    time: time === undefined ? null : String(time),
    value: objectToJson(schema, object),
    hex: toHex(builder.batch().bytes),
  };
}

function batchEntry({ name, record, count, bytes, reason }: ChangedBatch) {
  return { name, record, count, reason, hex: toHex(bytes) };
}

function values({ record, count, bytes }: ChangedBatch): Json[] {
  const schema = vectorSchema(record);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let offset = 0;
  return Array.from({ length: count }, () => {
    const value = objectToJson(schema, decodeObject(schema, bytes, offset));
    offset += view.getUint32(offset, true);
    return value;
  });
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.stdout.write(vectorManifest());
}
