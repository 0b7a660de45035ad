/** Strings as JSON, from UTF-8 bytes and without decoding them. */
import type { OutputBuffer } from './output-buffer.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const HEX = Buffer.from('0123456789abcdef');
/** Most bytes that one byte becomes: `\u001f`. */
const ESCAPE_BYTES_MAX = 6;

/** The letter behind the backslash for control characters that have one, else 0. */
const SHORT_ESCAPES = new Uint8Array(32);
for (const [code, letter] of Object.entries({ 8: 'b', 9: 't', 10: 'n', 12: 'f', 13: 'r' })) {
  SHORT_ESCAPES[Number(code)] = letter.charCodeAt(0);
}

export interface TextSource {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/**
 * Writes `count` bytes from `from` on as a JSON string, quotes included. Escapes are those of `JSON.stringify`; what is not
 * UTF-8 becomes U+FFFD, one for each maximal part, as `TextDecoder` does.
 */
export function writeJsonString(
  out: OutputBuffer,
  source: TextSource,
  from: number,
  count: number,
): void {
  const { bytes, view } = source;
  const end = from + count;
  out.ensure(count + 8);
  out.bytes[out.length++] = QUOTE;
  let i = from;
  while (i < end) {
    // Room for the plain run at hand is there: `count` bytes and what escapes asked for.
    let to = out.length;
    const target = out.view;
    while (i + 4 <= end) {
      const word = view.getInt32(i, true);
      if (marks(word) !== 0) break;
      target.setInt32(to, word, true);
      to += 4;
      i += 4;
    }
    let c = 0;
    while (i < end) {
      c = bytes[i];
      if (c >= 0x80 || c < 0x20 || c === QUOTE || c === BACKSLASH) break;
      out.bytes[to++] = c;
      i++;
    }
    out.length = to;
    if (i >= end) break;
    out.ensure(end - i + ESCAPE_BYTES_MAX + 1);
    if (c < 0x80) {
      writeEscape(out, c);
      i++;
    } else {
      i = writeSequence(out, bytes, i, end);
    }
  }
  out.ensure(1);
  out.bytes[out.length++] = QUOTE;
}

/** Marks bytes that cannot be copied as they are: quote, backslash, control characters, all beyond ASCII. */
function marks(word: number): number {
  const quote = word ^ 0x22222222;
  const backslash = word ^ 0x5c5c5c5c;
  return (
    (word |
      ((quote - 0x01010101) & ~quote) |
      ((backslash - 0x01010101) & ~backslash) |
      (word - 0x20202020)) &
    0x80808080
  );
}

function writeEscape(out: OutputBuffer, c: number): void {
  const { bytes } = out;
  bytes[out.length++] = BACKSLASH;
  const letter = c < 0x20 ? SHORT_ESCAPES[c] : c;
  if (letter !== 0) {
    bytes[out.length++] = letter;
    return;
  }
  bytes[out.length++] = 0x75;
  bytes[out.length++] = 0x30;
  bytes[out.length++] = 0x30;
  bytes[out.length++] = HEX[c >> 4];
  bytes[out.length++] = HEX[c & 15];
}

/** Copies the UTF-8 sequence at `at`, or writes U+FFFD for its maximal ill-formed part. Returns what follows. */
function writeSequence(out: OutputBuffer, bytes: Uint8Array, at: number, end: number): number {
  const { bytes: target } = out;
  const length = sequenceLength(bytes[at]);
  let i = at + 1;
  if (length > 0) {
    const second = bytes[i];
    const fits = i < end && second >= lowestSecond(bytes[at]) && second <= highestSecond(bytes[at]);
    if (fits) i++;
    while (fits && i < at + length && i < end && (bytes[i] & 0xc0) === 0x80) i++;
    if (i === at + length) {
      for (let k = at; k < i; k++) target[out.length++] = bytes[k];
      return i;
    }
  }
  target[out.length++] = 0xef;
  target[out.length++] = 0xbf;
  target[out.length++] = 0xbd;
  return i;
}

/** Bytes of the sequence that a lead byte opens; 0 = it opens none. */
function sequenceLength(lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** The second byte's range: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
function lowestSecond(lead: number): number {
  if (lead === 0xe0) return 0xa0;
  return lead === 0xf0 ? 0x90 : 0x80;
}

function highestSecond(lead: number): number {
  if (lead === 0xed) return 0x9f;
  return lead === 0xf4 ? 0x8f : 0xbf;
}
