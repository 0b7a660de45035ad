import { randomBytes } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { type DurableDirectories, durableDirectories } from './durable-directories.ts';
import type { FileSystem } from './file-system.ts';
import { nodeFileSystem } from './node-file-system.ts';
import { errnoOf, storageFailed } from './storage-failed.ts';

/** Attempts at a directory that another writer removes because it was empty. */
const ATTEMPTS = 4;

/** Temporary files start with a dot, so no blob can have such a name, and tell whose they are. */
export const TEMPORARY_FILE = /^\.tmp-(\d+)-[0-9a-f]+$/;

/**
 * Writes a file so that it is there whole or not at all, and survives a crash once this resolves. Missing directories
 * are made. Throws `STORAGE_FAILED`; the file is then the old one or the new one, whole.
 *
 * W1  bytes go to a temporary file in the same directory, and are synced before the rename;
 * W2  the directory is synced after the rename;
 * W3  a file whose sync failed is thrown away: the next attempt writes all bytes to a new one, since a second sync of
 *     the old one may report success without having written anything.
 */
export async function writeFileDurably(
  path: string,
  bytes: Uint8Array | readonly Uint8Array[],
  fileSystem: FileSystem = nodeFileSystem,
): Promise<void> {
  const target = resolve(path);
  const directories = durableDirectories(fileSystem);
  const parts = bytes instanceof Uint8Array ? [bytes] : bytes;
  try {
    const temporary = await writeTemporary(dirname(target), parts, { fileSystem, directories });
    await rename(temporary, target, fileSystem);
    await directories.sync(dirname(target));
  } catch (error) {
    throw storageFailed('write', path, error);
  }
}

/**
 * The same for a file that must not be there yet; answers whether it was written. Of several writers of one name, in whatever process,
 * one gets it: the temporary file is given a second name, which fails where there is one.
 */
export async function createFileDurably(
  path: string,
  bytes: Uint8Array,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<boolean> {
  const target = resolve(path);
  const directories = durableDirectories(fileSystem);
  try {
    const temporary = await writeTemporary(dirname(target), [bytes], { fileSystem, directories });
    try {
      await fileSystem.link(temporary, target);
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false;
      throw error;
    } finally {
      await discard(temporary, fileSystem);
    }
    await directories.sync(dirname(target));
    return true;
  } catch (error) {
    throw storageFailed('create', path, error);
  }
}

interface Disk {
  readonly fileSystem: FileSystem;
  readonly directories: DurableDirectories;
}

async function writeTemporary(
  directory: string,
  parts: readonly Uint8Array[],
  disk: Disk,
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const path = join(directory, `.tmp-${process.pid}-${randomBytes(8).toString('hex')}`);
    try {
      await disk.directories.ensure(directory);
      disk.directories.assertTrusted(directory);
      await writeSynced(path, parts, disk.fileSystem);
      return path;
    } catch (error) {
      // The directory went away after it was made sure of: its last blob was deleted meanwhile.
      if (errnoOf(error) !== 'ENOENT' || attempt === ATTEMPTS) throw error;
      disk.directories.forget(directory);
    }
  }
}

async function writeSynced(
  path: string,
  parts: readonly Uint8Array[],
  fileSystem: FileSystem,
): Promise<void> {
  const file = await fileSystem.create(path);
  try {
    try {
      for (const part of parts) await file.write(part);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await discard(path, fileSystem);
    throw error;
  }
}

async function rename(from: string, to: string, fileSystem: FileSystem): Promise<void> {
  try {
    await fileSystem.rename(from, to);
  } catch (error) {
    await discard(from, fileSystem);
    throw error;
  }
}

/** The first error is the one that matters; a leftover is removed at the next open. */
async function discard(path: string, fileSystem: FileSystem): Promise<void> {
  await fileSystem.unlink(path).catch(() => {});
}
