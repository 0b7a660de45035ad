import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { copyKey } from '../../../abi/copy-key.ts';
import { hashKey } from '../../../abi/key-hash.ts';
import { ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import type { Batch } from '../../../model/batch.ts';
import type { KeySpec } from '../../../model/key-spec.ts';
import type { HashedKey } from '../../../state/timer-entry.ts';

/** The keys of one call, by their ordinals. Most calls never ask, so nothing is worked out before. */
export class CallKeys {
  #rows: Batch | undefined;
  #key: KeySpec | undefined;
  #count = 0;
  /** By ordinal: where its first row is; filled on the first question. */
  #rowAt = new Uint32Array(256);
  #scanned = false;
  /** By ordinal: its key, once it was asked for. */
  #keys: (HashedKey | undefined)[] = [];
  readonly #bytes = new BatchBuilder(1024);

  /** Rows of a batch with ordinals in their tags, numbered in order of first appearance. */
  begin(rows: Batch, key: KeySpec, count: number): void {
    this.#rows = rows;
    this.#key = key;
    this.#count = count;
    this.#scanned = false;
    this.#keys = [];
    this.#bytes.clear();
  }

  /** Good until the next call. */
  of(ordinal: number): HashedKey {
    const known = this.#keys[ordinal];
    if (known !== undefined) return known;
    if (!this.#scanned) this.#scan();
    const { bytes } = this.#rows as Batch;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const at = this.#bytes.length;
    const length = copyKey(this.#bytes, view, this.#rowAt[ordinal], this.#key as KeySpec);
    // The builder may grow and leave this memory to the key.
    const key = this.#bytes.bytes.subarray(at, at + length);
    const made = { hash: hashKey(key), key };
    this.#keys[ordinal] = made;
    return made;
  }

  #scan(): void {
    this.#scanned = true;
    if (this.#rowAt.length < this.#count) this.#rowAt = new Uint32Array(this.#count * 2);
    const { bytes, count } = this.#rows as Batch;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    let next = 0;
    for (let i = 0; i < count && next < this.#count; i++) {
      if (view.getUint32(at + ROW_TAG_OFFSET, true) === next) this.#rowAt[next++] = at;
      at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
    }
  }
}
