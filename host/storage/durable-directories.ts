import { dirname } from 'node:path';
import type { FileSystem } from './file-system.ts';
import { errnoOf } from './storage-failed.ts';

/** A directory that could not even be opened was not synced, and so nothing of it was forgotten. */
const NOT_OPENED = ['EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'ENOENT', 'ENOTDIR'];
/** Not ours to read or to write, hence not ours to have changed. */
const FOREIGN = ['EACCES', 'EPERM', 'EROFS', 'EINVAL'];

/**
 * Which directories of a file system survive a crash, and which must not be trusted any more. One per file system and
 * thread; shared by all stores, since it is the disk's condition and not a store's.
 *
 * D1  A directory counts as durable when it exists, its parent was synced after it was made, and the parent is durable. That it
 *     can be made says nothing of its parent: who made that may have died, or have failed, before the sync.
 * D2  Who finds a directory that another one is just making waits for its sync.
 * D3  After a failed sync of a directory nothing more is put into it: the system may have forgotten what it could not
 *     write, and a second sync would report success without having written it.
 */
export class DurableDirectories {
  readonly #fileSystem: FileSystem;
  readonly #durable = new Map<string, Promise<void>>();
  readonly #distrusted = new Map<string, unknown>();

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  /** Makes `path` and its missing parents, durably (D1, D2). */
  ensure(path: string): Promise<void> {
    const known = this.#durable.get(path);
    if (known !== undefined) return known;
    const made = this.#make(path).catch((error) => {
      this.#durable.delete(path);
      throw error;
    });
    this.#durable.set(path, made);
    return made;
  }

  /** Forgets a directory that was found missing or was removed. */
  forget(path: string): void {
    this.#durable.delete(path);
  }

  /** Syncs a directory; throws what its failed sync threw, then and ever after (D3). */
  async sync(path: string): Promise<void> {
    this.assertTrusted(path);
    try {
      await this.#fileSystem.syncDirectory(path);
    } catch (error) {
      if (!NOT_OPENED.includes(errnoOf(error))) this.#distrusted.set(path, error);
      throw error;
    }
  }

  /** Throws the error of an earlier failed sync. */
  assertTrusted(path: string): void {
    if (this.#distrusted.has(path)) throw this.#distrusted.get(path);
  }

  async #make(path: string): Promise<void> {
    const parent = dirname(path);
    let wasThere = false;
    if (parent !== path) await this.ensure(parent);
    try {
      await this.#fileSystem.makeDirectory(path);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' && parent !== path) {
        // The parent went away after it was made sure of.
        this.forget(parent);
        await this.ensure(parent);
        await this.#fileSystem.makeDirectory(path).catch(ignoreExisting);
      } else if (await this.#exists(path, errno)) {
        wasThere = true;
      } else {
        throw error;
      }
    }
    if (parent === path) return;
    // Also when it was there: another process may have made it a moment ago and not have synced it yet.
    await this.sync(parent).catch((error) => {
      if (!wasThere || !FOREIGN.includes(errnoOf(error))) throw error;
    });
  }

  /** A read-only parent answers `EROFS` or `EACCES` where `EEXIST` is meant. */
  async #exists(path: string, errno: string): Promise<boolean> {
    if (errno === 'EEXIST') return true;
    return this.#fileSystem.list(path).then(
      () => true,
      () => false,
    );
  }
}

function ignoreExisting(error: unknown): void {
  if (errnoOf(error) !== 'EEXIST') throw error;
}

const known = new WeakMap<FileSystem, DurableDirectories>();

/** The directories of a file system, the same object for the same file system. */
export function durableDirectories(fileSystem: FileSystem): DurableDirectories {
  let directories = known.get(fileSystem);
  if (directories === undefined) {
    directories = new DurableDirectories(fileSystem);
    known.set(fileSystem, directories);
  }
  return directories;
}
