import { readSync } from 'node:fs';

/** Bytes read at most to number a line for a message. */
const COUNTED_BYTES_MAX = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Line ends before `offset`, or undefined when counting them would take long. For messages. */
export function countLines(descriptor: number, offset: number): number | undefined {
  if (offset > COUNTED_BYTES_MAX) return undefined;
  const bytes = new Uint8Array(Math.min(offset, 1024 * 1024));
  let lines = 0;
  for (let at = 0; at < offset; ) {
    const read = readSync(descriptor, bytes, 0, Math.min(bytes.length, offset - at), at);
    if (read === 0) break;
    for (let i = 0; i < read; i++) if (bytes[i] === NEWLINE) lines++;
    at += read;
  }
  return lines;
}
