import { crc32 } from 'node:zlib';
import type { Manifest } from './manifest.ts';

const CHECKSUM = /,"crc32":(\d{1,10})\}$/;

/**
 * A manifest as its file holds it: JSON whose last property is a checksum of the text without it, so that not a digit of a
 * position changes unnoticed.
 *
 *     {"format":1,"job":…,"final":false,"crc32":2893714562}
 */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const body = JSON.stringify({ ...manifest, crc32: undefined });
  return new TextEncoder().encode(`${body.slice(0, -1)},"crc32":${crc32(body)}}`);
}

/** The JSON of a manifest's file without its checksum; undefined when the two do not agree. */
export function checkManifest(bytes: Uint8Array): string | undefined {
  // Strictly: a decoder that mends broken characters would let damage through.
  const text = Buffer.from(bytes).toString('latin1');
  const match = CHECKSUM.exec(text);
  if (match === null) return undefined;
  const body = Buffer.from(`${text.slice(0, match.index)}}`, 'latin1');
  return crc32(body) === Number(match[1]) ? body.toString('utf8') : undefined;
}
