import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { gate } from '../sandbox/gate.ts';
import { createLocalBlobStore } from '../storage/local-blob-store.ts';
import { openCatalog } from './open-catalog.ts';

/**
 * The bytes of a catalog version, read from a data directory without a server; one may run meanwhile.
 * Throws `MODULE_NOT_FOUND`, `NAME_INVALID`.
 */
export async function readCatalogModule(data: string, ref: string): Promise<Uint8Array> {
  const directory = join(data, 'modules');
  const blobs = createLocalBlobStore(directory);
  const nowMs = () => systemClock.nowMs();
  const catalog = await openCatalog({ directory, blobs, gate, nowMs });
  return catalog.bytes(catalog.resolve(ref));
}
