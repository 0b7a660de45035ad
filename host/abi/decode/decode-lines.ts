/**
 * `lines` and `raw`: each run of bytes up to a line feed is one record with one field.
 *
 * `lines` drops a carriage return before the line feed, `raw` keeps every byte. An empty line is a record. The
 * bytes are not checked to be UTF-8.
 *
 * A row is 16 bytes header, 8 bytes slot, the text, zeros up to a multiple of 8. Scan and copy are one
 * pass over 32-bit words: the destination is aligned, the source need not be.
 */
import { BATCH_BYTES_TARGET, ROW_BYTES_MAX } from '../../limits.ts';
import type { BatchBuilder } from '../batch-builder.ts';
import { NO_TIME_HIGH } from '../layout.ts';
import type { DecoderInput, MalformedRow, RowDecoder } from '../row-decoder.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** Four line feeds, for comparing four bytes at once. */
const NEWLINES = 0x0a0a0a0a;
/** Header and slot, and their words. */
const TEXT_OFFSET = 24;
const TEXT_WORD = 6;
const TEXT_BYTES_MAX = ROW_BYTES_MAX - TEXT_OFFSET;
/**
 * Room that a row needs behind its text: words are written whole, padding reaches one further. `copyLines` stops at
 * it, so who makes room for a line of known length makes twice as much.
 */
const SLACK = 16;

export interface LineOptions {
  readonly keepReturn: boolean;
}

export function decodeLines(options: LineOptions, malformed: MalformedRow): RowDecoder {
  return { decode: (input, out) => decodeRun(input, out, options, malformed) };
}

function decodeRun(
  input: DecoderInput,
  out: BatchBuilder,
  options: LineOptions,
  malformed: MalformedRow,
): number {
  const { bytes, end, final } = input;
  const stop = out.length + input.bytesMax;
  let at = input.start;
  while (at < end && out.length < stop) {
    at = copyLines(bytes, at, input, { out, stop, keepReturn: options.keepReturn });
    if (at >= end || out.length >= stop) break;
    // The line at `at` is the last of the input, or longer than the room that was left.
    const newline = bytes.indexOf(NEWLINE, at);
    const whole = newline >= 0 && newline < end;
    if (!whole && !final) break;
    const lineEnd = whole ? newline : end;
    const length = lineEnd - at - (hasReturn(bytes, at, lineEnd, options) ? 1 : 0);
    if (length > TEXT_BYTES_MAX) malformed(`the line has ${length} bytes`, at, lineEnd);
    else if (whole) out.reserve(Math.max(length + TEXT_OFFSET + 2 * SLACK, BATCH_BYTES_TARGET));
    else appendText(out, bytes, at, length);
    if (!whole) return end;
    if (length > TEXT_BYTES_MAX) at = lineEnd + 1;
  }
  return at;
}

interface LineOutput {
  readonly out: BatchBuilder;
  /** Stop when the builder has this length. */
  readonly stop: number;
  readonly keepReturn: boolean;
}

/**
 * Copies whole lines from `at` on, until the builder's memory or the input is used up. Returns the start of
 * the first line not taken.
 */
function copyLines(
  bytes: Uint8Array,
  start: number,
  input: DecoderInput,
  { out, stop, keepReturn }: LineOutput,
): number {
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new Int32Array(out.bytes.buffer, out.bytes.byteOffset, out.bytes.length >> 2);
  const wordsMax = words.length - SLACK / 4;
  const lastRead = input.end - 4;
  const stopWord = Math.min(Math.ceil(stop / 4), wordsMax);
  let base = out.length >> 2;
  let at = start;
  let count = 0;
  while (base < stopWord) {
    let to = base + TEXT_WORD;
    let from = at;
    let found = 0;
    while (from <= lastRead && to < wordsMax) {
      const word = source.getInt32(from, true);
      words[to] = word;
      const x = word ^ NEWLINES;
      found = (x - 0x01010101) & ~x & 0x80808080;
      if (found !== 0) break;
      from += 4;
      to++;
    }
    let newline: number;
    if (found !== 0) {
      // The lowest marked byte is the first line feed; higher marks may be carries.
      newline = from + ((31 - Math.clz32(found & -found)) >> 3);
    } else {
      if (to >= wordsMax) break;
      newline = copyEnd(bytes, words, { from, to, end: input.end });
      if (newline < 0) break;
    }
    let length = newline - at;
    if (!keepReturn && length > 0 && bytes[newline - 1] === RETURN) length--;
    if (length > TEXT_BYTES_MAX) break;
    base = closeRow(words, base, length);
    at = newline + 1;
    count++;
  }
  out.commit(base * 4 - out.length, count);
  return at;
}

/** Copies the last bytes of the input, fewer than four, up to a line feed. Returns its offset, or -1. */
function copyEnd(
  bytes: Uint8Array,
  words: Int32Array,
  { from, to, end }: { from: number; to: number; end: number },
): number {
  let word = 0;
  for (let i = from; i < end; i++) {
    if (bytes[i] === NEWLINE) {
      words[to] = word;
      return i;
    }
    word |= bytes[i] << ((i - from) * 8);
  }
  return -1;
}

/** Header, slot and padding of the row at word `base` whose text of `length` bytes is in place. Returns its end. */
function closeRow(words: Int32Array, base: number, length: number): number {
  const last = base + TEXT_WORD + (length >> 2);
  // Bytes behind the text, the line feed among them, become zero.
  words[last] &= (1 << ((length & 3) << 3)) - 1;
  words[last + 1] = 0;
  const end = base + TEXT_WORD + (((length + 7) >> 3) << 1);
  words[base] = (end - base) << 2;
  words[base + 1] = 0;
  words[base + 2] = 0;
  words[base + 3] = NO_TIME_HIGH;
  words[base + 4] = length === 0 ? 0 : TEXT_OFFSET;
  words[base + 5] = length;
  return end;
}

/** The last line of the input, which has no line feed. */
function appendText(out: BatchBuilder, bytes: Uint8Array, start: number, length: number): void {
  const at = out.reserve(length + TEXT_OFFSET + SLACK);
  out.bytes.set(bytes.subarray(start, start + length), at + TEXT_OFFSET);
  const words = new Int32Array(out.bytes.buffer, out.bytes.byteOffset, out.bytes.length >> 2);
  out.commit(closeRow(words, at >> 2, length) * 4 - at, 1);
}

function hasReturn(
  bytes: Uint8Array,
  start: number,
  end: number,
  { keepReturn }: LineOptions,
): boolean {
  return !keepReturn && end > start && bytes[end - 1] === RETURN;
}
