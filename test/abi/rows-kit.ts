/** Rows of objects and objects of rows, for tests of codecs. */
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { createRowDecoder } from '../../host/abi/create-row-decoder.ts';
import { createRowEncoder } from '../../host/abi/create-row-encoder.ts';
import { readSection } from '../../host/abi/read-section.ts';
import type { RecordFormat } from '../../host/abi/row-decoder.ts';
import { decodeObject, encodeObject, type RowObject } from '../../host/abi/row-object.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { RecordSchema } from '../../host/model/schema.ts';

/** The record `R` with these fields; `others` are the records that its types may name. */
export function schemaOf(
  fields: Readonly<Record<string, string>>,
  others: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
): RecordSchema {
  const records = Object.entries({ ...others, R: fields }).map(([name, types]) => ({
    name,
    fields: Object.entries(types).map(([field, type]) => ({ name: field, type })),
  }));
  const section = { abi: 1, sdk: 'test', records, functions: [] };
  const description = readSection(new TextEncoder().encode(JSON.stringify(section)));
  return description.records[description.records.length - 1];
}

export function rowsOf(schema: RecordSchema, objects: readonly RowObject[]): Batch {
  const builder = new BatchBuilder();
  for (const object of objects) encodeObject(schema, object, builder);
  return { bytes: builder.batch().bytes.slice(), count: builder.count };
}

export function objectsOf(schema: RecordSchema, { bytes, count }: Batch): RowObject[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  return Array.from({ length: count }, () => {
    const object = decodeObject(schema, bytes, at);
    at += view.getUint32(at, true);
    return object;
  });
}

export interface Malformed {
  readonly reason: string;
  readonly text: string;
}

export interface Decoded extends Batch {
  readonly malformed: readonly Malformed[];
  /** Bytes taken. */
  readonly taken: number;
}

export interface DecodeOptions {
  readonly bytesMax?: number;
  readonly final?: boolean;
  /** Hand the input over in two parts, what is left of the first in front of the second. */
  readonly splitAt?: number;
}

/** Decodes all of `input` as one file. */
export function decodeAll(
  format: RecordFormat,
  schema: RecordSchema,
  input: string | Uint8Array,
  options: DecodeOptions = {},
): Decoded {
  const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input;
  const malformed: Malformed[] = [];
  let current = bytes;
  const decoder = createRowDecoder(format, schema, (reason, start, end) => {
    malformed.push({ reason, text: Buffer.from(current.subarray(start, end)).toString() });
  });
  const out = new BatchBuilder(64);
  const run = (start: number, end: number, final: boolean): number => {
    // A copy of exactly the bytes handed over: reading beyond them would show.
    current = bytes.slice(start, end);
    let at = 0;
    for (;;) {
      const bytesMax = options.bytesMax ?? 1 << 20;
      const next = decoder.decode(
        { bytes: current, start: at, end: end - start, final, bytesMax },
        out,
      );
      if (next === at || next === end - start) return start + next;
      at = next;
    }
  };
  const middle = options.splitAt === undefined ? 0 : run(0, options.splitAt, false);
  const taken = run(middle, bytes.length, options.final ?? true);
  return { bytes: out.batch().bytes.slice(), count: out.count, malformed, taken };
}

/** The rows in a text format, with its preamble. */
export function encodeAll(format: RecordFormat, schema: RecordSchema, batch: Batch): string {
  const encoder = createRowEncoder(format, schema);
  return Buffer.concat([encoder.preamble, encoder.encode(batch)]).toString();
}
