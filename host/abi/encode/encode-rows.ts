import { ROW_TAG_OFFSET } from '../layout.ts';
import type { RowEncoder } from '../row-encoder.ts';
import { textSource } from './json-writer.ts';
import { OutputBuffer } from './output-buffer.ts';

/** `rows`: the rows as they are, with tags of 0: a tag is the host's scratch and says nothing to a reader. */
export function encodeRows(): RowEncoder {
  const out = new OutputBuffer();
  return {
    preamble: new Uint8Array(0),
    encode({ bytes, count }) {
      out.clear();
      out.append(bytes, textSource(bytes).view, 0, bytes.length);
      let at = 0;
      for (let i = 0; i < count; i++) {
        out.view.setInt32(at + ROW_TAG_OFFSET, 0, true);
        at += out.view.getInt32(at, true);
      }
      return out.text();
    },
  };
}
