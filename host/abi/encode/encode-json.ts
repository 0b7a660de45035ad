import type { RecordSchema } from '../../model/schema.ts';
import type { RowEncoder } from '../row-encoder.ts';
import { planRecord } from '../row-plan.ts';
import { JsonWriter, textSource } from './json-writer.ts';
import { OutputBuffer } from './output-buffer.ts';

const NEWLINE = 0x0a;

/** `json`: one object a line, as `json-writer.ts` says. */
export function encodeJson(schema: RecordSchema): RowEncoder {
  const plan = planRecord(schema);
  const out = new OutputBuffer();
  const writer = new JsonWriter(out);
  return {
    preamble: new Uint8Array(0),
    encode({ bytes, count }) {
      out.clear();
      writer.source = textSource(bytes);
      const { view } = writer.source;
      let at = 0;
      for (let i = 0; i < count; i++) {
        writer.writeRow(plan, at);
        out.byte(NEWLINE);
        at += view.getInt32(at, true);
      }
      return out.text();
    },
  };
}
