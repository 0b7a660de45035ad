import { BatchBuilder } from '../abi/batch-builder.ts';
import { MillraceError } from '../errors.ts';
import { type Batch, EMPTY_BATCH } from '../model/batch.ts';
import type { GuestMemory } from './guest-memory.ts';

/**
 * What one call emitted.
 *
 * O1 A run emitted as the last and only one stays in guest memory: nothing is copied.
 * O2 Every other run is copied when it is emitted, since the guest may reuse its memory.
 * O3 After the last run nothing follows.
 */
export class GuestOutput {
  readonly #memory: GuestMemory;
  readonly #what: string;
  readonly #bytesMax: number;
  readonly #copies = new BatchBuilder(64);
  #sealed = false;
  #address = 0;
  #length = 0;
  #count = 0;

  constructor(memory: GuestMemory, what: string, bytesMax: number) {
    this.#memory = memory;
    this.#what = what;
    this.#bytesMax = bytesMax;
  }

  reset(): void {
    this.#copies.clear();
    this.#sealed = false;
    this.#length = 0;
    this.#count = 0;
  }

  /** Takes a run of rows; all numbers unsigned. Throws `ABI_VIOLATION`, `OUTPUT_LIMIT`. */
  take(address: number, length: number, count: number, last: boolean): void {
    if (this.#sealed) {
      throw new MillraceError('ABI_VIOLATION', `${this.#what} follow after the last run`);
    }
    this.#memory.checkRows(this.#what, address, length);
    const copies = this.#copies;
    if (copies.length + length > this.#bytesMax) {
      throw new MillraceError(
        'OUTPUT_LIMIT',
        `${this.#what}: ${copies.length + length} bytes in one call, limit ${this.#bytesMax}`,
      );
    }
    this.#sealed = last;
    if (last && copies.length === 0 && copies.count === 0) {
      this.#address = address;
      this.#length = length;
      this.#count = count;
      return;
    }
    const at = copies.reserve(length);
    copies.bytes.set(this.#memory.bytes.subarray(address, address + length), at);
    copies.commit(length, count);
  }

  /** All rows of the call. */
  rows(): Batch {
    if (this.#length > 0 || this.#count > 0) {
      const bytes = this.#memory.bytes.subarray(this.#address, this.#address + this.#length);
      return { bytes, count: this.#count };
    }
    if (this.#copies.length === 0 && this.#copies.count === 0) return EMPTY_BATCH;
    return this.#copies.batch();
  }
}
