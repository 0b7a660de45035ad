import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { createLocalBlobStore } from '../storage/local-blob-store.ts';
import type { Catalog } from './catalog.ts';
import { createGateThread } from './gate-thread.ts';
import { openCatalog } from './open-catalog.ts';
import { createTryUpload } from './try-upload.ts';

/**
 * The catalog of a server's data directory: uploads pass the gate in a thread, and are tried in a process.
 * Throws `DATA_DIRECTORY`.
 */
export function openServerCatalog(data: string): Promise<Catalog> {
  const directory = join(data, 'modules');
  const { gate, close } = createGateThread();
  return openCatalog({
    directory,
    blobs: createLocalBlobStore(directory),
    gate,
    tryUpload: createTryUpload(),
    nowMs: () => systemClock.nowMs(),
    close,
  });
}
