import { MillraceError } from '../errors.ts';
import { assertBlobName } from './blob-name.ts';
import type { BlobStore } from './blob-store.ts';

/** Blobs in memory: for tests, and for jobs that ask for no durability. */
export function createMemoryBlobStore(): BlobStore {
  const blobs = new Map<string, Uint8Array>();
  return {
    async put(name, bytes) {
      assertBlobName(name);
      const parts = bytes instanceof Uint8Array ? [bytes] : bytes;
      blobs.set(name, new Uint8Array(Buffer.concat(parts)));
    },

    async create(name, bytes) {
      assertBlobName(name);
      if (blobs.has(name)) return false;
      blobs.set(name, bytes.slice());
      return true;
    },

    async get(name) {
      assertBlobName(name);
      const blob = blobs.get(name);
      if (blob === undefined) throw blobNotFound(name);
      return blob.slice();
    },

    async list(prefix) {
      return [...blobs.keys()].filter((name) => name.startsWith(prefix)).sort();
    },

    async delete(name) {
      assertBlobName(name);
      blobs.delete(name);
    },
  };
}

export function blobNotFound(name: string, cause?: unknown): MillraceError {
  return new MillraceError('BLOB_NOT_FOUND', `there is no blob ${JSON.stringify(name)}`, {
    cause,
    hint: 'it was deleted or never written; restore from an older checkpoint',
  });
}
