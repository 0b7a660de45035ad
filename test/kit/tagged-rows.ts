import { ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../host/abi/layout.ts';
import type { Batch } from '../../host/model/batch.ts';

/** A copy of the batch whose row `i` carries `tags[i]`. */
export function tagRows(batch: Batch, tags: readonly number[]): Batch {
  const bytes = batch.bytes.slice();
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (let row = 0; row < batch.count; row++) {
    view.setUint32(at + ROW_TAG_OFFSET, tags[row], true);
    at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
  }
  return { bytes, count: batch.count };
}

/** The tags of the rows. */
export function tagsOf(batch: Batch): number[] {
  const view = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
  const tags: number[] = [];
  for (let at = 0; at < batch.bytes.length; at += view.getUint32(at + ROW_LENGTH_OFFSET, true)) {
    tags.push(view.getUint32(at + ROW_TAG_OFFSET, true));
  }
  return tags;
}
