import { MillraceError } from '../../host/errors.ts';
import type { BlobStore } from '../../host/storage/blob-store.ts';

/** A blob store that can be told that the disk is full. */
export interface FailingStorage extends BlobStore {
  /** The next `times` writes of a blob whose name has `part` in it fail. */
  fail(part: string, times?: number): void;
}

export function createFailingStorage(storage: BlobStore): FailingStorage {
  const failures = new Map<string, number>();
  return {
    fail: (part, times = 1) => void failures.set(part, times),
    async put(name, bytes) {
      for (const [part, left] of failures) {
        if (left === 0 || !name.includes(part)) continue;
        failures.set(part, left - 1);
        throw new MillraceError(
          'STORAGE_FAILED',
          `cannot write "${name}": no space left on device`,
        );
      }
      await storage.put(name, bytes);
    },
    create: (name, bytes) => storage.create(name, bytes),
    get: (name) => storage.get(name),
    list: (prefix) => storage.list(prefix),
    delete: (name) => storage.delete(name),
  };
}
