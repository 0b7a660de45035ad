/**
 * The file-system calls that storage is built on, few enough to inject a fault into each. Errors are those of
 * Node (`code`: `ENOENT`, `ENOSPC`, …).
 */
export interface FileSystem {
  /** Creates a file for writing; fails with `EEXIST` when there is one. */
  create(path: string): Promise<OpenFile>;
  read(path: string): Promise<Uint8Array>;
  /** Atomic; replaces `to`. */
  rename(from: string, to: string): Promise<void>;
  /** Gives a file a second name in the same directory. Fails with `EEXIST` when there is something of that name. */
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Fails with `EEXIST` when there is something of that name, `ENOENT` when the parent is missing. */
  makeDirectory(path: string): Promise<void>;
  /** Fails with `ENOTEMPTY` unless empty. */
  removeDirectory(path: string): Promise<void>;
  /** Makes creations, renames and removals inside a directory survive a crash. */
  syncDirectory(path: string): Promise<void>;
  list(path: string): Promise<readonly DirectoryEntry[]>;
  /** When the file was last written, ms since the epoch. */
  modifiedAtMs(path: string): Promise<number>;
}

export interface OpenFile {
  /** Writes all of it, or fails. */
  write(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'other';
}
