import { SPARE_MEMORIES_MAX, SPARE_MEMORY_BYTES_MAX } from '../limits.ts';

/**
 * Memories of instances of one module that died, for those that take their place. The engine reserves and gives back 8 GiB of
 * addresses for every memory, which takes longer than all else of a replacement; clearing a small one takes a tenth of that.
 *
 * M1  A memory has one instance. It comes here when that has died and will never run again, and leaves cleared.
 * M2  It may be larger than a new one, if the instance before had it grow, never larger than allowed: the maximum is the same.
 */
export class SpareMemories {
  readonly #spare: { readonly memory: WebAssembly.Memory; readonly maximum: number }[] = [];

  /** A memory of zeros with at least `initial` pages and room for `maximum`. */
  take(initial: number, maximum: number): WebAssembly.Memory {
    const index = this.#spare.findIndex((one) => one.maximum === maximum);
    if (index < 0) return new WebAssembly.Memory({ initial, maximum });
    const [{ memory }] = this.#spare.splice(index, 1);
    new Uint8Array(memory.buffer).fill(0);
    return memory;
  }

  /** Takes the memory of an instance that has died, made with this maximum. */
  give(memory: WebAssembly.Memory, maximum: number): void {
    if (this.#spare.length === SPARE_MEMORIES_MAX) return;
    if (memory.buffer.byteLength > SPARE_MEMORY_BYTES_MAX) return;
    this.#spare.push({ memory, maximum });
  }
}
