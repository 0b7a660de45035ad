import {
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rmdir,
  stat,
  unlink,
} from 'node:fs/promises';
import type { DirectoryEntry, FileSystem, OpenFile } from './file-system.ts';

/** The real file system. */
export const nodeFileSystem: FileSystem = {
  async create(path): Promise<OpenFile> {
    const handle = await open(path, 'wx', 0o644);
    return {
      async write(bytes) {
        for (let done = 0; done < bytes.length; ) {
          const { bytesWritten } = await handle.write(bytes, done);
          done += bytesWritten;
        }
      },
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },

  async read(path) {
    const buffer = await readFile(path);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  },

  rename,
  link,
  unlink,
  removeDirectory: rmdir,

  async makeDirectory(path) {
    await mkdir(path);
  },

  async syncDirectory(path) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },

  async list(path): Promise<readonly DirectoryEntry[]> {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.map((entry) => ({
      name: entry.name,
      kind: entry.isFile() ? 'file' : entry.isDirectory() ? 'directory' : 'other',
    }));
  },

  async modifiedAtMs(path) {
    return (await stat(path)).mtimeMs;
  },
};
