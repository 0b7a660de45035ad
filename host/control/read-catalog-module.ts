import { join } from 'node:path';
import { createLocalBlobStore } from '../storage/local-blob-store.ts';
import { resolveVersion } from './catalog-index.ts';
import { readIndex, wasmBlob } from './open-catalog.ts';

/**
 * The bytes of a catalog version, read from a data directory without a server; one may run meanwhile.
 * Throws `MODULE_NOT_FOUND`, `NAME_INVALID`, `DATA_DIRECTORY`.
 */
export async function readCatalogModule(data: string, ref: string): Promise<Uint8Array> {
  const blobs = createLocalBlobStore(join(data, 'modules'));
  const { digest } = resolveVersion(await readIndex(blobs), ref);
  return blobs.get(wasmBlob(digest));
}
