import type { OutputBuffer } from './output-buffer.ts';

const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const PADDING = 0x3d;

/** Writes `count` bytes from `from` on as padded base64. */
export function writeBase64(
  out: OutputBuffer,
  bytes: Uint8Array,
  from: number,
  count: number,
): void {
  out.ensure(Math.ceil(count / 3) * 4);
  const target = out.bytes;
  let to = out.length;
  const whole = from + count - (count % 3);
  let i = from;
  for (; i < whole; i += 3) {
    const quad = (bytes[i] << 16) | (bytes[i + 1] << 8) | bytes[i + 2];
    target[to++] = ALPHABET[quad >> 18];
    target[to++] = ALPHABET[(quad >> 12) & 63];
    target[to++] = ALPHABET[(quad >> 6) & 63];
    target[to++] = ALPHABET[quad & 63];
  }
  const rest = count % 3;
  if (rest > 0) {
    const quad = (bytes[i] << 16) | (rest === 2 ? bytes[i + 1] << 8 : 0);
    target[to++] = ALPHABET[quad >> 18];
    target[to++] = ALPHABET[(quad >> 12) & 63];
    target[to++] = rest === 2 ? ALPHABET[(quad >> 6) & 63] : PADDING;
    target[to++] = PADDING;
  }
  out.length = to;
}
