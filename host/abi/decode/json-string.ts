import type { ByteSource } from './byte-source.ts';
import { escapedByte, firstMark, hexDigits, isPlain, stringMarks } from './json-skip.ts';
import type { RowWriter } from './row-writer.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Copies the JSON string whose opening quote is at `at` to the writer's tail, escapes resolved, as UTF-8; a half of a
 * surrogate pair on its own becomes U+FFFD. Bytes that are not UTF-8 are copied as they are. Returns the offset behind the
 * closing quote, or -1 when it is no JSON string.
 */
export function copyString(source: ByteSource, at: number, writer: RowWriter): number {
  const { bytes, view } = source;
  const lastWord = bytes.length - 4;
  let target = writer.view;
  let room = writer.bytes.length - 4;
  let to = writer.tail;
  let i = at + 1;
  for (;;) {
    let marks = 0;
    while (i <= lastWord) {
      if (to > room) {
        writer.tail = to;
        writer.ensure(64);
        target = writer.view;
        room = writer.bytes.length - 4;
      }
      const word = view.getInt32(i, true);
      target.setInt32(to, word, true);
      marks = stringMarks(word);
      if (marks !== 0) break;
      i += 4;
      to += 4;
    }
    if (marks !== 0) {
      const plain = firstMark(marks);
      i += plain;
      to += plain;
    }
    writer.tail = to;
    if (i > lastWord) i = copyLast(source.bytes, i, writer);
    const c = bytes[i];
    if (c === QUOTE) return i + 1;
    if (c !== BACKSLASH) return -1;
    i = copyEscape(bytes, i, writer);
    if (i < 0) return -1;
    to = writer.tail;
    target = writer.view;
    room = writer.bytes.length - 4;
  }
}

/** Plain bytes so near the end of the source that no word can be read. */
function copyLast(bytes: Uint8Array, at: number, writer: RowWriter): number {
  writer.ensure(4);
  let i = at;
  while (isPlain(bytes[i])) writer.bytes[writer.tail++] = bytes[i++];
  return i;
}

/** Writes what the escape sequence at `at` stands for. Returns the offset behind it, or -1. */
function copyEscape(bytes: Uint8Array, at: number, writer: RowWriter): number {
  writer.ensure(8);
  const c = bytes[at + 1];
  if (c !== 0x75) {
    const byte = escapedByte(c);
    if (byte < 0) return -1;
    writer.bytes[writer.tail++] = byte;
    return at + 2;
  }
  let point = hexDigits(bytes, at + 2);
  if (point < 0) return -1;
  let next = at + 6;
  if (point >= 0xd800 && point <= 0xdbff && bytes[next] === BACKSLASH && bytes[next + 1] === 0x75) {
    const low = hexDigits(bytes, next + 2);
    if (low >= 0xdc00 && low <= 0xdfff) {
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
      next += 6;
    }
  }
  writePoint(point >= 0xd800 && point <= 0xdfff ? 0xfffd : point, writer);
  return next;
}

/** Writes a code point as UTF-8. */
function writePoint(point: number, writer: RowWriter): void {
  const { bytes } = writer;
  let to = writer.tail;
  if (point < 0x80) {
    bytes[to++] = point;
  } else if (point < 0x800) {
    bytes[to++] = 0xc0 | (point >> 6);
    bytes[to++] = 0x80 | (point & 0x3f);
  } else if (point < 0x10000) {
    bytes[to++] = 0xe0 | (point >> 12);
    bytes[to++] = 0x80 | ((point >> 6) & 0x3f);
    bytes[to++] = 0x80 | (point & 0x3f);
  } else {
    bytes[to++] = 0xf0 | (point >> 18);
    bytes[to++] = 0x80 | ((point >> 12) & 0x3f);
    bytes[to++] = 0x80 | ((point >> 6) & 0x3f);
    bytes[to++] = 0x80 | (point & 0x3f);
  }
  writer.tail = to;
}
