/**
 * `csv`: RFC 4180 with a header, lines ended by a line feed. Numbers as in JSON, and `NaN`, `Infinity`, `-Infinity`; bools
 * `true` and `false`; bytes base64; lists and records as JSON. A null is an empty cell, an empty string two quotes where
 * a null could stand. `decode-csv.ts` reads all of it back.
 */
import type { RecordSchema } from '../../model/schema.ts';
import type { RowEncoder } from '../row-encoder.ts';
import {
  type FieldPlan,
  KIND_BYTES,
  KIND_F32,
  KIND_F64,
  KIND_LIST,
  KIND_STRING,
  planRecord,
} from '../row-plan.ts';
import { JsonWriter, textSource } from './json-writer.ts';
import { OutputBuffer } from './output-buffer.ts';
import { writeBase64 } from './write-base64.ts';
import type { TextSource } from './write-json-string.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;
const COMMA = 0x2c;

export function encodeCsv(schema: RecordSchema): RowEncoder {
  const plan = planRecord(schema);
  const out = new OutputBuffer();
  const cell = new OutputBuffer();
  const numbers = new JsonWriter(out);
  const nested = new JsonWriter(cell);
  // A record of one empty cell would be a blank line, which is no record.
  const emptyQuoted = plan.fields.length === 1;

  const writeCell = (source: TextSource, field: FieldPlan, base: number): void => {
    const { bytes, view } = source;
    if (field.optional && (bytes[base + field.nullByte] & field.nullBit) !== 0) return;
    const slot = base + field.slot;
    const { kind } = field.value;
    if (kind >= KIND_LIST) {
      cell.clear();
      nested.writeValue(field.value, base, slot);
      writeQuoted(out, cell.bytes, 0, cell.length);
    } else if (kind >= KIND_STRING) {
      const start = base + view.getInt32(slot, true);
      const count = view.getInt32(slot + 4, true);
      if (count === 0 && (field.optional || emptyQuoted)) out.ascii('""');
      else if (kind === KIND_BYTES) writeBase64(out, bytes, start, count);
      else if (needsQuotes(bytes, start, count)) writeQuoted(out, bytes, start, count);
      else out.append(bytes, view, start, count);
    } else if (kind === KIND_F64 || kind === KIND_F32) {
      const value = kind === KIND_F64 ? view.getFloat64(slot, true) : view.getFloat32(slot, true);
      if (Number.isFinite(value)) numbers.writeValue(field.value, base, slot);
      else out.ascii(String(value));
    } else {
      numbers.writeValue(field.value, base, slot);
    }
  };

  return {
    preamble: new TextEncoder().encode(`${schema.fields.map(({ name }) => name).join(',')}\n`),
    encode({ bytes, count }) {
      out.clear();
      const source = textSource(bytes);
      numbers.source = source;
      nested.source = source;
      let base = 0;
      for (let i = 0; i < count; i++) {
        for (const field of plan.fields) {
          if (field.index > 0) out.byte(COMMA);
          writeCell(source, field, base);
        }
        out.byte(NEWLINE);
        base += source.view.getInt32(base, true);
      }
      return out.text();
    },
  };
}

function needsQuotes(bytes: Uint8Array, start: number, count: number): boolean {
  const end = start + count;
  for (let i = start; i < end; i++) {
    const c = bytes[i];
    if (c <= COMMA && (c === COMMA || c === QUOTE || c === NEWLINE || c === RETURN)) return true;
  }
  return false;
}

function writeQuoted(out: OutputBuffer, bytes: Uint8Array, start: number, count: number): void {
  out.ensure(count * 2 + 2);
  const target = out.bytes;
  let to = out.length;
  target[to++] = QUOTE;
  for (let i = start; i < start + count; i++) {
    if (bytes[i] === QUOTE) target[to++] = QUOTE;
    target[to++] = bytes[i];
  }
  target[to++] = QUOTE;
  out.length = to;
}
