import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { createLocalBlobStore } from '../../host/storage/local-blob-store.ts';
import { createMemoryBlobStore } from '../../host/storage/memory-blob-store.ts';
import { blobStoreContract } from '../contracts/blob-store.ts';

const made: string[] = [];
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true });
});

blobStoreContract('memory', async () => createMemoryBlobStore());
blobStoreContract('local files', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-blobs-'));
  made.push(directory);
  return createLocalBlobStore(join(directory, 'not', 'there', 'yet'));
});
