import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';

/**
 * The file-system calls of an ingest log, few enough to inject a fault into each. Errors are those of Node (`code`: `ENOENT`,
 * `ENOSPC`, …).
 */
export interface LogFiles {
  /** Makes a directory and its missing parents. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory; none when it is not there. */
  list(directory: string): Promise<readonly string[]>;
  /** Creates a file for writing; fails with `EEXIST` when there is one. */
  create(path: string): Promise<LogFile>;
  /** Opens a file for overwriting in place, which is made when it is not there. */
  overwrite(path: string): Promise<LogFile>;
  /** Bytes of a file; 0 when it is not there. */
  size(path: string): Promise<number>;
  /** Up to `length` bytes of a file from `at` on, fewer at its end, none when it is not there. */
  read(path: string, at: number, length: number): Promise<Uint8Array>;
  rename(from: string, to: string): Promise<void>;
  /** Removing what is not there is no error. */
  remove(path: string): Promise<void>;
  /** Waits until the directory's entries are durable. */
  syncDirectory(path: string): Promise<void>;
}

/** An open file that is written to. */
export interface LogFile {
  /** Writes all of these bytes, one after the other, from `at` on. */
  write(parts: readonly Uint8Array[], at: number): Promise<void>;
  /** Waits until what was written is durable. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The real file system. */
export const logFiles: LogFiles = {
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true })),
  list: (directory) => readdir(directory).catch(missing<string[]>([])),
  create: async (path) => openFile(await open(path, 'wx')),
  overwrite: async (path) => openFile(await open(path, constants.O_RDWR | constants.O_CREAT)),
  size: async (path) => (await stat(path).catch(missing({ size: 0 }))).size,
  async read(path, at, length) {
    const file = await open(path, 'r').catch(missing(undefined));
    if (file === undefined) return new Uint8Array(0);
    try {
      return await readAt(file, at, length);
    } finally {
      await file.close();
    }
  },
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

function openFile(file: FileHandle): LogFile {
  return {
    async write(parts, at) {
      const total = parts.reduce((sum, part) => sum + part.length, 0);
      const { bytesWritten } = await file.writev(parts as Uint8Array[], at);
      // The system may take fewer, when the disk is nearly full for example.
      if (bytesWritten < total) await writeRest(file, Buffer.concat(parts), bytesWritten, at);
    },
    sync: () => file.datasync(),
    close: () => file.close(),
  };
}

async function writeRest(file: FileHandle, bytes: Buffer, from: number, at: number): Promise<void> {
  for (let written = from; written < bytes.length; ) {
    const result = await file.write(bytes, written, bytes.length - written, at + written);
    written += result.bytesWritten;
  }
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(bytes, read, length - read, at + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return bytes.subarray(0, read);
}

/** What to answer when there is no such file or directory. */
function missing<T>(value: T): (cause: NodeJS.ErrnoException) => T {
  return (cause) => {
    if (cause.code === 'ENOENT') return value;
    throw cause;
  };
}
