import type { RowWriter } from './row-writer.ts';

const PADDING = 0x3d;

/** Value of each character of the base64 alphabets (`+/` and `-_`), -1 for others. */
const VALUES = new Int8Array(256).fill(-1);
for (const [i, c] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries()) {
  VALUES[c.charCodeAt(0)] = i;
}
VALUES['-'.charCodeAt(0)] = 62;
VALUES['_'.charCodeAt(0)] = 63;

/**
 * Writes what the base64 text `bytes[start, end)` stands for at the writer's tail. Padding may be missing. Returns
 * whether it is base64; the tail is then behind the bytes.
 */
export function decodeBase64(
  bytes: Uint8Array,
  start: number,
  end: number,
  writer: RowWriter,
): boolean {
  let last = end;
  while (last > start && end - last < 2 && bytes[last - 1] === PADDING) last--;
  if (last < end && (end - start) % 4 !== 0) return false;
  const rest = (last - start) % 4;
  if (rest === 1) return false;
  writer.ensure(last - start);
  const target = writer.bytes;
  let to = writer.tail;
  let i = start;
  for (; i + 4 <= last; i += 4) {
    const quad =
      (VALUES[bytes[i]] << 18) |
      (VALUES[bytes[i + 1]] << 12) |
      (VALUES[bytes[i + 2]] << 6) |
      VALUES[bytes[i + 3]];
    // A character outside the alphabet is -1 and makes the whole negative.
    if (quad < 0) return false;
    target[to++] = quad >> 16;
    target[to++] = quad >> 8;
    target[to++] = quad;
  }
  if (rest > 0) {
    const third = rest === 3 ? VALUES[bytes[i + 2]] : 0;
    const quad = (VALUES[bytes[i]] << 18) | (VALUES[bytes[i + 1]] << 12) | (third << 6);
    if (quad < 0) return false;
    target[to++] = quad >> 16;
    if (rest === 3) target[to++] = quad >> 8;
  }
  writer.tail = to;
  return true;
}
