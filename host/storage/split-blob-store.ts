import type { BlobStore } from './blob-store.ts';

/** Blobs in two stores: those in `folders` (names that end in `/`) are `there`, all others `here`. */
export function createSplitBlobStore(options: {
  readonly folders: readonly string[];
  readonly there: BlobStore;
  readonly here: BlobStore;
}): BlobStore {
  const { folders, there, here } = options;
  const isThere = (name: string) => folders.some((folder) => name.startsWith(folder));
  const storeOf = (name: string) => (isThere(name) ? there : here);
  return {
    put: (name, bytes) => storeOf(name).put(name, bytes),
    create: (name, bytes) => storeOf(name).create(name, bytes),
    get: (name) => storeOf(name).get(name),
    async list(prefix) {
      if (isThere(prefix)) return there.list(prefix);
      const mine = (await here.list(prefix)).filter((name) => !isThere(name));
      if (!folders.some((folder) => folder.startsWith(prefix))) return mine;
      const theirs = (await there.list(prefix)).filter(isThere);
      return [...mine, ...theirs].sort();
    },
    delete: (name) => storeOf(name).delete(name),
  };
}
