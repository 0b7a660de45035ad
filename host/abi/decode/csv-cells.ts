import { ROW_BYTES_MAX } from '../../limits.ts';
import type { ByteSource } from './byte-source.ts';
import { firstMark } from './json-skip.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;
const COMMA = 0x2c;

/** What `split` answers when the record goes on behind the bytes, or breaks RFC 4180. */
export const INCOMPLETE = -1;
export const MALFORMED = -2;

/**
 * The cells of one CSV record (RFC 4180), as places in the bytes. Reused from record to record; records end
 * with a line feed, a carriage return before it is dropped.
 */
export class CsvCells {
  /** Cells of the record. */
  count = 0;
  /** Offsets of each cell's text, quotes excluded. */
  starts = new Int32Array(64);
  ends = new Int32Array(64);
  /** 0 = bare, 1 = in quotes, 2 = in quotes and holding doubled ones. */
  quotes = new Uint8Array(64);
  fault = '';

  /** Splits the record at `at`. Returns the offset behind its line feed, `INCOMPLETE` or `MALFORMED`. */
  split(source: ByteSource, at: number, end: number): number {
    const { bytes } = source;
    // A quote that nobody closes must not swallow the rest of the input.
    const limit = Math.min(end, at + ROW_BYTES_MAX);
    this.count = 0;
    let i = at;
    for (;;) {
      if (this.count === this.starts.length) this.#grow();
      const cell = this.count++;
      i =
        bytes[i] === QUOTE && i < limit
          ? this.#quoted(bytes, i, limit)
          : this.#bare(source, i, limit);
      if (i < 0) return i;
      if (i >= limit) return this.#unended(limit < end);
      const c = bytes[i];
      if (c === COMMA) {
        i++;
        continue;
      }
      if (c === NEWLINE) return i + 1;
      if (c === RETURN && bytes[i + 1] === NEWLINE && i + 1 < end) return i + 2;
      if (c === RETURN && i + 1 === end) return INCOMPLETE;
      return this.#fail(`cell ${cell + 1} goes on behind its closing quote`);
    }
  }

  /** The cell that starts at `at` without a quote. Returns the offset of what ends it. */
  #bare({ bytes, view }: ByteSource, at: number, limit: number): number {
    const cell = this.count - 1;
    let i = at;
    while (i + 4 <= limit) {
      const marks = cellMarks(view.getInt32(i, true));
      if (marks !== 0) {
        i += firstMark(marks);
        break;
      }
      i += 4;
    }
    let c = 0;
    while (i < limit) {
      c = bytes[i];
      if (c === COMMA || c === NEWLINE || c === QUOTE) break;
      i++;
    }
    if (c === QUOTE)
      return this.#fail(`cell ${cell + 1} holds a quote but does not start with one`);
    this.starts[cell] = at;
    this.ends[cell] = c === NEWLINE && i > at && bytes[i - 1] === RETURN ? i - 1 : i;
    this.quotes[cell] = 0;
    return i;
  }

  /** The cell whose opening quote is at `at`. Returns the offset behind its closing quote. */
  #quoted(bytes: Uint8Array, at: number, limit: number): number {
    const cell = this.count - 1;
    let i = at + 1;
    let quotes = 1;
    for (;;) {
      while (i < limit && bytes[i] !== QUOTE) i++;
      if (i >= limit) return limit;
      if (i + 1 < limit && bytes[i + 1] === QUOTE) {
        quotes = 2;
        i += 2;
        continue;
      }
      break;
    }
    this.starts[cell] = at + 1;
    this.ends[cell] = i;
    this.quotes[cell] = quotes;
    return i + 1;
  }

  #unended(tooLong: boolean): number {
    if (!tooLong) return INCOMPLETE;
    return this.#fail(`the record has more than ${ROW_BYTES_MAX} bytes, or a quote is not closed`);
  }

  #fail(fault: string): number {
    this.fault = fault;
    return MALFORMED;
  }

  #grow(): void {
    const size = this.starts.length * 2;
    const widen = <T extends Int32Array | Uint8Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.starts = widen(this.starts, new Int32Array(size));
    this.ends = widen(this.ends, new Int32Array(size));
    this.quotes = widen(this.quotes, new Uint8Array(size));
  }
}

/** Marks (bit 7 of each byte) the bytes of a word that end a bare cell; the lowest mark is exact. */
function cellMarks(word: number): number {
  const comma = word ^ 0x2c2c2c2c;
  const newline = word ^ 0x0a0a0a0a;
  const quote = word ^ 0x22222222;
  return (
    (((comma - 0x01010101) & ~comma) |
      ((newline - 0x01010101) & ~newline) |
      ((quote - 0x01010101) & ~quote)) &
    0x80808080
  );
}
