import { ByteReader } from '../wasm/byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/**
 * Runs of code that were copied unchanged: rewritten bytes `[rewritten, rewritten + length)` come from
 * `original` on. In the order of both. Encoded as distances:
 *
 *     run*:  rewritten bytes since the last run's end · original bytes since the last run's end · length
 */
export class OffsetMap {
  /** Per run: original, rewritten, length. */
  #runs = new Int32Array(3 * 256);
  #end = 0;

  add(original: number, rewritten: number, length: number): void {
    const runs = this.#runs;
    const last = this.#end - 3;
    if (last >= 0 && runs[last] + runs[last + 2] === original) {
      if (runs[last + 1] + runs[last + 2] === rewritten) {
        runs[last + 2] += length;
        return;
      }
    }
    if (this.#end === runs.length) {
      this.#runs = new Int32Array(2 * this.#end);
      this.#runs.set(runs);
    }
    this.#runs[this.#end++] = original;
    this.#runs[this.#end++] = rewritten;
    this.#runs[this.#end++] = length;
  }

  /**
   * The offset in the upload of an offset in the rewritten module; added code maps to the place it
   * was put at. Undefined before the first run.
   */
  originalOf(rewritten: number): number | undefined {
    let low = 0;
    let high = this.#end / 3;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[3 * middle + 1] <= rewritten) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const run = 3 * (low - 1);
    return this.#runs[run] + Math.min(rewritten - this.#runs[run + 1], this.#runs[run + 2]);
  }

  /** Writes the map with `shift` added to the rewritten offsets. */
  encode(out: ByteWriter, shift: number): void {
    out.u32(this.#end / 3);
    let originalEnd = 0;
    let rewrittenEnd = 0;
    for (let run = 0; run < this.#end; run += 3) {
      const original = this.#runs[run];
      const rewritten = this.#runs[run + 1] + shift;
      const length = this.#runs[run + 2];
      out.u32(rewritten - rewrittenEnd);
      out.u32(original - originalEnd);
      out.u32(length);
      originalEnd = original + length;
      rewrittenEnd = rewritten + length;
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
