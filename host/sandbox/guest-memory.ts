import { MillraceError } from '../errors.ts';

/**
 * Linear memory of one instance. `bytes` is always the current view: a grown memory leaves the old
 * one with length 0.
 */
export class GuestMemory {
  readonly memory: WebAssembly.Memory;
  #bytes: Uint8Array;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#bytes = new Uint8Array(memory.buffer);
  }

  get bytes(): Uint8Array {
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(this.memory.buffer);
    return this.#bytes;
  }

  /** Throws `ABI_VIOLATION` unless `[address, address + length)` lies in memory; both unsigned. */
  check(what: string, address: number, length: number): void {
    const size = this.bytes.length;
    if (length > size || address > size - length) {
      throw new MillraceError(
        'ABI_VIOLATION',
        `${what}: ${length} bytes at address ${address} lie outside the memory of ${size} bytes`,
      );
    }
  }

  /** As `check`, for rows: both must be multiples of 8. */
  checkRows(what: string, address: number, length: number): void {
    this.check(what, address, length);
    if (((address | length) & 7) !== 0) {
      throw new MillraceError(
        'ABI_VIOLATION',
        `${what}: address ${address} and length ${length} must be multiples of 8`,
      );
    }
  }
}
