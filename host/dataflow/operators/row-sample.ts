import { ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../abi/layout.ts';
import { WARM_BYTES_MAX, WARM_ROWS_MAX } from '../../limits.ts';
import { type Batch, EMPTY_BATCH } from '../../model/batch.ts';

/** A batch in this many is looked at: the copy must not be felt. */
const BATCHES_BETWEEN = 64;

/** A few recent rows of a step's input, copied, to warm a new module version with. */
export class RowSample {
  #rows: Batch = EMPTY_BATCH;
  #keys = 0;
  #batches = 0;

  get rows(): Batch {
    return this.#rows;
  }

  /** One more than the highest tag: the number of keys, where tags are ordinals in order of appearance. */
  get keys(): number {
    return this.#keys;
  }

  /** Looks at a batch, and takes the first rows of one in a while. */
  offer(batch: Batch): void {
    if (this.#batches++ % BATCHES_BETWEEN !== 0) return;
    const view = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
    let end = 0;
    let count = 0;
    let keys = 0;
    while (count < batch.count && count < WARM_ROWS_MAX) {
      const length = view.getUint32(end + ROW_LENGTH_OFFSET, true);
      if (end + length > WARM_BYTES_MAX) break;
      keys = Math.max(keys, view.getUint32(end + ROW_TAG_OFFSET, true) + 1);
      end += length;
      count += 1;
    }
    this.#rows = { bytes: batch.bytes.slice(0, end), count };
    this.#keys = keys;
  }
}
