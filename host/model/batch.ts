/**
 * A run of rows in one buffer, in the layout of `guest-sdk/ABI.md`.
 *
 * `bytes` starts at an 8-byte boundary of its buffer and its length is a multiple of 8. Who receives
 * a batch may read it until it returns; what must live longer is copied.
 */
export interface Batch {
  readonly bytes: Uint8Array;
  /** Number of rows. */
  readonly count: number;
}

export const EMPTY_BATCH: Batch = { bytes: new Uint8Array(0), count: 0 };
