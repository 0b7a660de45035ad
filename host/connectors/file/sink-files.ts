import { closeSync, fsync, openSync, writeSync } from 'node:fs';
import { access, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { promisify } from 'node:util';

const fsyncAsync = promisify(fsync);

/**
 * The file-system calls of the `file` sink, few enough to inject a fault into each. Errors are those of Node
 * (`code`: `ENOENT`, `ENOSPC`, …).
 */
export interface SinkFiles {
  /** Makes a directory and its missing parents. */
  makeDirectory(path: string): Promise<void>;
  list(directory: string): Promise<readonly string[]>;
  exists(path: string): Promise<boolean>;
  /** Creates a file and opens it for writing; fails with `EEXIST` when there is one. */
  create(path: string): number;
  /** Appends `bytes[start, end)`; returns how many of them were taken, maybe fewer. */
  write(descriptor: number, bytes: Uint8Array, start: number, end: number): number;
  /** Waits until the file's bytes are durable. */
  sync(descriptor: number): Promise<void>;
  close(descriptor: number): void;
  rename(from: string, to: string): Promise<void>;
  /** Removing what is not there is no error. */
  remove(path: string): Promise<void>;
  /** Waits until the directory's entries are durable. */
  syncDirectory(path: string): Promise<void>;
}

/** The real file system. */
export const sinkFiles: SinkFiles = {
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true })),
  list: (directory) => readdir(directory),
  exists: async (path) => {
    try {
      await access(path);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  },
  create: (path) => openSync(path, 'wx'),
  write: (descriptor, bytes, start, end) => writeSync(descriptor, bytes, start, end - start),
  sync: (descriptor) => fsyncAsync(descriptor),
  close: (descriptor) => closeSync(descriptor),
  rename,
  remove: (path) => rm(path, { force: true }),
  async syncDirectory(path) {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
};

/** Node's code of a failed system call, or an empty text. */
export function errnoOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}
