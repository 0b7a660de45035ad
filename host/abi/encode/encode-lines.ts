import { slotOffset } from '../layout.ts';
import type { RowEncoder } from '../row-encoder.ts';
import { textSource } from './json-writer.ts';
import { OutputBuffer } from './output-buffer.ts';

const NEWLINE = 0x0a;

/** `lines` and `raw`: the bytes of the only field and a line feed. Line feeds among them are written as they are. */
export function encodeLines(): RowEncoder {
  const out = new OutputBuffer();
  return {
    preamble: new Uint8Array(0),
    encode({ bytes, count }) {
      out.clear();
      const { view } = textSource(bytes);
      let at = 0;
      for (let i = 0; i < count; i++) {
        const slot = at + slotOffset(0);
        out.append(bytes, view, at + view.getInt32(slot, true), view.getInt32(slot + 4, true));
        out.bytes[out.length++] = NEWLINE;
        at += view.getInt32(at, true);
      }
      return out.text();
    },
  };
}
