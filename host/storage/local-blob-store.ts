import { dirname, join, resolve } from 'node:path';
import { assertBlobName, isBlobName } from './blob-name.ts';
import type { BlobStore } from './blob-store.ts';
import { durableDirectories } from './durable-directories.ts';
import type { FileSystem } from './file-system.ts';
import { blobNotFound } from './memory-blob-store.ts';
import { nodeFileSystem } from './node-file-system.ts';
import { errnoOf, storageFailed } from './storage-failed.ts';
import { createFileDurably, TEMPORARY_FILE, writeFileDurably } from './write-file-durably.ts';

const MISSING = ['ENOENT', 'ENOTDIR', 'EISDIR'];

/** Who writes here; tells the leftovers of a crash from what a live writer is just writing. */
export interface Writers {
  readonly pid: number;
  /** When this process started, ms since the epoch. */
  readonly startedAtMs: number;
  isAlive(pid: number): boolean;
}

const thisProcess: Writers = {
  pid: process.pid,
  startedAtMs: Date.now() - process.uptime() * 1_000,
  isAlive(pid) {
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      return errnoOf(error) === 'EPERM';
    }
  },
};

/**
 * Blobs as files below `directory`, which is made when the first blob is written. Several stores, threads and processes may
 * share a directory. Temporary files that a crash left behind are never listed and are removed at first use.
 */
export function createLocalBlobStore(
  directory: string,
  parts: { readonly fileSystem?: FileSystem; readonly writers?: Writers } = {},
): BlobStore {
  return new LocalBlobStore(
    resolve(directory),
    parts.fileSystem ?? nodeFileSystem,
    parts.writers ?? thisProcess,
  );
}

class LocalBlobStore implements BlobStore {
  readonly #root: string;
  readonly #fileSystem: FileSystem;
  readonly #writers: Writers;
  #cleaned: Promise<void> | undefined;

  constructor(root: string, fileSystem: FileSystem, writers: Writers) {
    this.#root = root;
    this.#fileSystem = fileSystem;
    this.#writers = writers;
  }

  async put(name: string, bytes: Uint8Array | readonly Uint8Array[]): Promise<void> {
    assertBlobName(name);
    await this.#clean();
    await writeFileDurably(join(this.#root, name), bytes, this.#fileSystem);
  }

  async create(name: string, bytes: Uint8Array): Promise<boolean> {
    assertBlobName(name);
    await this.#clean();
    return await createFileDurably(join(this.#root, name), bytes, this.#fileSystem);
  }

  async get(name: string): Promise<Uint8Array> {
    assertBlobName(name);
    const path = join(this.#root, name);
    try {
      return await this.#fileSystem.read(path);
    } catch (error) {
      if (MISSING.includes(errnoOf(error))) throw blobNotFound(name, error);
      throw storageFailed('read', path, error);
    }
  }

  async list(prefix: string): Promise<readonly string[]> {
    await this.#clean();
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    if (folder !== '' && !isBlobName(folder.slice(0, -1))) return [];
    const names: string[] = [];
    await this.#walk(folder, (name, kind) => {
      if (kind === 'file' && name.startsWith(prefix) && isBlobName(name)) names.push(name);
    });
    return names.sort();
  }

  async delete(name: string): Promise<void> {
    assertBlobName(name);
    const path = join(this.#root, name);
    try {
      await this.#fileSystem.unlink(path);
    } catch (error) {
      if (MISSING.includes(errnoOf(error))) return;
      throw storageFailed('delete', path, error);
    }
    await this.#removeEmptyParents(path);
  }

  /** Every checkpoint has a folder of its own; without this they would pile up. */
  async #removeEmptyParents(path: string): Promise<void> {
    const directories = durableDirectories(this.#fileSystem);
    for (let parent = dirname(path); parent.length > this.#root.length; parent = dirname(parent)) {
      try {
        await this.#fileSystem.removeDirectory(parent);
      } catch {
        // Not empty, or already gone: nothing to tidy here.
        return;
      }
      directories.forget(parent);
    }
  }

  #clean(): Promise<void> {
    // Best effort: what is wrong with the directory is told by the call that was made.
    this.#cleaned ??= this.#removeLeftovers().catch(() => {});
    return this.#cleaned;
  }

  async #removeLeftovers(): Promise<void> {
    const leftovers: string[] = [];
    await this.#walk('', (name, kind) => {
      if (kind === 'file' && TEMPORARY_FILE.test(name.slice(name.lastIndexOf('/') + 1))) {
        leftovers.push(name);
      }
    });
    for (const name of leftovers) {
      const path = join(this.#root, name);
      // A file that cannot be removed now is in nobody's way; the next open tries again.
      if (await this.#isLeftover(path)) await this.#fileSystem.unlink(path).catch(() => {});
    }
  }

  /** Process numbers come again, in a container always the same one: then the time of writing decides. */
  async #isLeftover(path: string): Promise<boolean> {
    const pid = Number(TEMPORARY_FILE.exec(path.slice(path.lastIndexOf('/') + 1))?.[1]);
    if (pid !== this.#writers.pid) return !this.#writers.isAlive(pid);
    try {
      return (await this.#fileSystem.modifiedAtMs(path)) < this.#writers.startedAtMs;
    } catch {
      return false;
    }
  }

  /** Visits what is below `folder` (empty, or ending in "/"); a missing folder has nothing in it. */
  async #walk(folder: string, visit: (name: string, kind: string) => void): Promise<void> {
    const path = join(this.#root, folder);
    let entries: Awaited<ReturnType<FileSystem['list']>>;
    try {
      entries = await this.#fileSystem.list(path);
    } catch (error) {
      if (MISSING.includes(errnoOf(error))) return;
      throw storageFailed('list', path, error);
    }
    for (const { name, kind } of entries) {
      visit(folder + name, kind);
      if (kind === 'directory' && isBlobName(name)) await this.#walk(`${folder}${name}/`, visit);
    }
  }
}
