import type { Batch } from '../model/batch.ts';
import type { KeySpec } from '../model/key-spec.ts';
import type { BatchBuilder } from './batch-builder.ts';

/**
 * Work over all rows of a batch, done on bytes. One kernel per thread; nothing here blocks or
 * allocates per row.
 */
export interface RowKernel {
  /**
   * Writes the 32-bit hash of each row's key into its tag, in place. Throws `RECORD_TOO_LARGE` for a key that is.
   * Called by the sending side of a keyed edge, so `batch.bytes` must be the caller's own.
   */
  hashKeys(batch: Batch, key: KeySpec): void;

  /**
   * Deals rows to `targets` by the key group of their tag, in order, tags kept.
   * `targets.length` is the receiver's parallelism.
   */
  partition(batch: Batch, keyGroups: number, targets: readonly BatchBuilder[]): void;

  /**
   * `hashKeys` and `partition` in one, with one copy of the rows less: the rows dealt carry their hashes, the
   * batch itself is left as it is. What the sending side of a keyed edge calls.
   */
  partitionByKey(
    batch: Batch,
    key: KeySpec,
    keyGroups: number,
    targets: readonly BatchBuilder[],
  ): void;

  /** Highest event time in the batch, ms; `WATERMARK_MIN_MS` when no row has one. */
  maxEventTime(batch: Batch): number;
}
