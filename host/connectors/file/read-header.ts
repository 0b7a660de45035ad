import { readSync } from 'node:fs';
import { BatchBuilder } from '../../abi/batch-builder.ts';
import type { RowDecoder } from '../../abi/row-decoder.ts';
import { ROW_BYTES_MAX } from '../../limits.ts';
import { READ_BYTES } from '../record-scanner.ts';

/**
 * Shows a decoder of `csv` the header of its file, when reading goes on at `position` behind it. With no room
 * for rows (`bytesMax` 0) the decoder takes the header and nothing else.
 */
export function readHeader(decoder: RowDecoder, descriptor: number, position: number): void {
  const out = new BatchBuilder(0);
  for (let room = READ_BYTES; ; room *= 2) {
    const bytes = new Uint8Array(Math.min(room, position));
    const end = readSync(descriptor, bytes, 0, bytes.length, 0);
    const taken = decoder.decode({ bytes, start: 0, end, final: false, bytesMax: 0 }, out);
    if (taken > 0 || end < room || room > ROW_BYTES_MAX) return;
  }
}
