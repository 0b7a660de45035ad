import { ByteReader } from '../wasm/byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/**
 * Runs of code that were copied unchanged: rewritten bytes `[rewritten, rewritten + length)` come from
 * `original` on. In the order of both. Encoded as distances:
 *
 *     run*:  rewritten bytes since the last run's end · original bytes since the last run's end · length
 */
export class OffsetMap {
  readonly #rewritten: number[] = [];
  readonly #original: number[] = [];
  readonly #lengths: number[] = [];

  add(original: number, rewritten: number, length: number): void {
    const last = this.#lengths.length - 1;
    const adjacent =
      last >= 0 &&
      this.#original[last] + this.#lengths[last] === original &&
      this.#rewritten[last] + this.#lengths[last] === rewritten;
    if (adjacent) {
      this.#lengths[last] += length;
      return;
    }
    this.#original.push(original);
    this.#rewritten.push(rewritten);
    this.#lengths.push(length);
  }

  /**
   * The offset in the upload of an offset in the rewritten module; added code maps to the place it
   * was put at. Undefined before the first run.
   */
  originalOf(rewritten: number): number | undefined {
    let low = 0;
    let high = this.#rewritten.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#rewritten[middle] <= rewritten) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const run = low - 1;
    const inside = Math.min(rewritten - this.#rewritten[run], this.#lengths[run]);
    return this.#original[run] + inside;
  }

  /** Writes the map with `shift` added to the rewritten offsets. */
  encode(out: ByteWriter, shift: number): void {
    out.u32(this.#lengths.length);
    let rewritten = 0;
    let original = 0;
    for (let run = 0; run < this.#lengths.length; run++) {
      const start = this.#rewritten[run] + shift;
      out.u32(start - rewritten);
      out.u32(this.#original[run] - original);
      out.u32(this.#lengths[run]);
      rewritten = start + this.#lengths[run];
      original = this.#original[run] + this.#lengths[run];
    }
  }

  static decode(reader: ByteReader): OffsetMap {
    const map = new OffsetMap();
    const runs = reader.u32();
    let rewritten = 0;
    let original = 0;
    for (let run = 0; run < runs; run++) {
      rewritten += reader.u32();
      original += reader.u32();
      const length = reader.u32();
      map.add(original, rewritten, length);
      rewritten += length;
      original += length;
    }
    return map;
  }
}

/** Name of the custom section in which the rewriter leaves word for the sandbox. */
export const REWRITE_SECTION = 'millrace.rewrite';

/** What the sandbox needs to know about a rewritten module, beside the module itself. */
export interface RewriteNote {
  /** Pages of the memory that the host makes, at the start and at most; 0 and 0 without one. */
  readonly memoryMinimum: number;
  readonly memoryMaximum: number;
  readonly offsets: OffsetMap;
}

export function encodeRewriteNote(note: RewriteNote, shift: number): Uint8Array {
  const out = new ByteWriter(1024);
  out.u32(note.memoryMinimum);
  out.u32(note.memoryMaximum);
  note.offsets.encode(out, shift);
  return out.written();
}

export function decodeRewriteNote(bytes: Uint8Array): RewriteNote {
  const reader = new ByteReader(bytes);
  const memoryMinimum = reader.u32();
  const memoryMaximum = reader.u32();
  return { memoryMinimum, memoryMaximum, offsets: OffsetMap.decode(reader) };
}
