/**
 * Passes over JSON values that nobody asked for. What is passed over is checked as strictly as what is read:
 * a record counts as malformed whether or not the fault lies in a field of the schema.
 *
 * The bytes end in a line feed, which is part of no JSON value here (a record is one line): every loop stops there.
 */
import { JSON_DEPTH_MAX } from '../../limits.ts';
import type { ByteSource } from './byte-source.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;

/** The offset of the first byte at or behind `at` that is no space, tab or carriage return. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  let i = at;
  let c = bytes[i];
  while (c === 0x20 || c === 0x09 || c === 0x0d) c = bytes[++i];
  return i;
}

/** The offset behind the value at `at`, or -1 when it is not JSON or nests too deep. */
export function skipValue(source: ByteSource, at: number, depth = 0): number {
  const c = source.bytes[at];
  switch (c) {
    case QUOTE:
      return skipString(source, at);
    case 0x7b:
      return depth < JSON_DEPTH_MAX ? skipObject(source, at, depth + 1) : -1;
    case 0x5b:
      return depth < JSON_DEPTH_MAX ? skipArray(source, at, depth + 1) : -1;
    case 0x74:
    case 0x66:
    case 0x6e:
      return skipLiteral(source.bytes, at);
    default:
      return skipNumber(source.bytes, at);
  }
}

/** Behind `true`, `false` or `null`. */
export function skipLiteral(bytes: Uint8Array, at: number): number {
  if (bytes[at] === 0x74) {
    return bytes[at + 1] === 0x72 && bytes[at + 2] === 0x75 && bytes[at + 3] === 0x65 ? at + 4 : -1;
  }
  if (bytes[at] === 0x6e) {
    return bytes[at + 1] === 0x75 && bytes[at + 2] === 0x6c && bytes[at + 3] === 0x6c ? at + 4 : -1;
  }
  const isFalse =
    bytes[at + 1] === 0x61 &&
    bytes[at + 2] === 0x6c &&
    bytes[at + 3] === 0x73 &&
    bytes[at + 4] === 0x65;
  return isFalse ? at + 5 : -1;
}

/** Behind the string whose opening quote is at `at`. */
export function skipString(source: ByteSource, at: number): number {
  const { bytes, view } = source;
  const lastWord = bytes.length - 4;
  let i = at + 1;
  for (;;) {
    while (i <= lastWord) {
      const marks = stringMarks(view.getInt32(i, true));
      if (marks === 0) {
        i += 4;
        continue;
      }
      i += firstMark(marks);
      break;
    }
    while (i > lastWord && isPlain(bytes[i])) i++;
    const c = bytes[i];
    if (c === QUOTE) return i + 1;
    if (c !== BACKSLASH) return -1;
    const next = skipEscape(bytes, i);
    if (next < 0) return -1;
    i = next;
  }
}

/** Behind the escape sequence at `at`. */
function skipEscape(bytes: Uint8Array, at: number): number {
  const c = bytes[at + 1];
  if (c === 0x75) return hexDigits(bytes, at + 2) < 0 ? -1 : at + 6;
  return escapedByte(c) < 0 ? -1 : at + 2;
}

/** The byte that a backslash and `c` stand for, or -1. */
export function escapedByte(c: number): number {
  switch (c) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
      return c;
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return -1;
  }
}

/** The value of the four hexadecimal digits at `at`, or -1. */
export function hexDigits(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 4; i++) {
    const c = bytes[i];
    let digit: number;
    if (c >= ZERO && c <= 0x39) digit = c - ZERO;
    else if (c >= 0x61 && c <= 0x66) digit = c - 0x57;
    else if (c >= 0x41 && c <= 0x46) digit = c - 0x37;
    else return -1;
    value = value * 16 + digit;
  }
  return value;
}

/**
 * Marks (bit 7 of each byte) the bytes of a word that end a plain run of a string: quote, backslash, control
 * characters. The lowest mark is exact; marks above it may be carries.
 */
export function stringMarks(word: number): number {
  const quote = word ^ 0x22222222;
  const backslash = word ^ 0x5c5c5c5c;
  return (
    (((quote - 0x01010101) & ~quote) |
      ((backslash - 0x01010101) & ~backslash) |
      ((word - 0x20202020) & ~word)) &
    0x80808080
  );
}

/** The index (0–3) of the byte with the lowest mark. */
export function firstMark(marks: number): number {
  return (31 - Math.clz32(marks & -marks)) >> 3;
}

/** Whether a byte stands for itself in a string. */
export function isPlain(c: number): boolean {
  return c >= 0x20 && c !== QUOTE && c !== BACKSLASH;
}

function skipNumber(bytes: Uint8Array, at: number): number {
  let i = at;
  if (bytes[i] === 0x2d) i++;
  if (bytes[i] === ZERO) i++;
  else {
    const digits = skipDigits(bytes, i);
    if (digits < 0) return -1;
    i = digits;
  }
  if (bytes[i] === 0x2e) {
    i = skipDigits(bytes, i + 1);
    if (i < 0) return -1;
  }
  if (bytes[i] === 0x65 || bytes[i] === 0x45) {
    const sign = bytes[i + 1];
    i = skipDigits(bytes, sign === 0x2b || sign === 0x2d ? i + 2 : i + 1);
  }
  return i;
}

/** Behind one digit or more. */
function skipDigits(bytes: Uint8Array, at: number): number {
  let i = at;
  while (bytes[i] >= ZERO && bytes[i] <= 0x39) i++;
  return i === at ? -1 : i;
}

function skipArray(source: ByteSource, at: number, depth: number): number {
  const { bytes } = source;
  let i = skipSpace(bytes, at + 1);
  if (bytes[i] === 0x5d) return i + 1;
  for (;;) {
    i = skipValue(source, i, depth);
    if (i < 0) return -1;
    i = skipSpace(bytes, i);
    if (bytes[i] === 0x5d) return i + 1;
    if (bytes[i] !== 0x2c) return -1;
    i = skipSpace(bytes, i + 1);
  }
}

function skipObject(source: ByteSource, at: number, depth: number): number {
  const { bytes } = source;
  let i = skipSpace(bytes, at + 1);
  if (bytes[i] === 0x7d) return i + 1;
  for (;;) {
    if (bytes[i] !== QUOTE) return -1;
    i = skipString(source, i);
    if (i < 0) return -1;
    i = skipSpace(bytes, i);
    if (bytes[i] !== 0x3a) return -1;
    i = skipValue(source, skipSpace(bytes, i + 1), depth);
    if (i < 0) return -1;
    i = skipSpace(bytes, i);
    if (bytes[i] === 0x7d) return i + 1;
    if (bytes[i] !== 0x2c) return -1;
    i = skipSpace(bytes, i + 1);
  }
}
