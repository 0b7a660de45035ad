import { dirname } from 'node:path';
import type { FileSystem, OpenFile } from '../../host/storage/file-system.ts';

type Node = FileNode | DirectoryNode;

interface FileNode {
  readonly kind: 'file';
  bytes: Uint8Array;
  /** What a crash leaves of the bytes: those at the last sync. */
  durable: Uint8Array;
  readonly writtenAtMs: number;
}

interface DirectoryNode {
  readonly kind: 'directory';
  readonly entries: Map<string, Node>;
  /** The entries at the last sync. */
  durable: Map<string, Node>;
}

export type Call = keyof FileSystem | 'write' | 'sync' | 'close';

/** Decides about each call by its number, counted from 0: undefined lets it through, an errno name fails it. */
export type Faults = (call: Call, number: number, path: string) => string | undefined;

/**
 * A disk in memory that loses in a crash what was not synced: bytes always, names (creations, renames, removals) as `crash` is
 * told, since a system may have written them or not. So a file that was renamed before its sync comes back empty.
 */
export class CrashFileSystem implements FileSystem {
  readonly calls: string[] = [];
  faults: Faults = () => undefined;
  nowMs = 1_000;
  #root: DirectoryNode;

  constructor(root: DirectoryNode = directory()) {
    this.#root = root;
  }

  /** The disk after a crash. `entries`: whether names that were not synced survived; bytes that were not never do. */
  crash(entries: 'lost' | 'kept'): CrashFileSystem {
    return new CrashFileSystem(survivors(this.#root, entries));
  }

  async create(path: string): Promise<OpenFile> {
    this.#call('create', path);
    const parent = this.#directory(dirname(path));
    if (parent.entries.has(nameOf(path))) throw failure('EEXIST', path);
    const file: FileNode = {
      kind: 'file',
      bytes: new Uint8Array(0),
      durable: new Uint8Array(0),
      writtenAtMs: this.nowMs,
    };
    parent.entries.set(nameOf(path), file);
    return {
      write: async (bytes) => {
        const room = new Uint8Array(Buffer.concat([file.bytes, bytes]));
        try {
          this.#call('write', path);
        } catch (error) {
          // A disk that runs full takes the first half.
          file.bytes = room.subarray(0, file.bytes.length + (bytes.length >> 1));
          throw error;
        }
        file.bytes = room;
      },
      sync: async () => {
        this.#call('sync', path);
        file.durable = file.bytes;
      },
      close: async () => this.#call('close', path),
    };
  }

  async read(path: string): Promise<Uint8Array> {
    this.#call('read', path);
    const file = this.#node(path);
    if (file.kind !== 'file') throw failure('EISDIR', path);
    return file.bytes.slice();
  }

  async rename(from: string, to: string): Promise<void> {
    this.#call('rename', from);
    const node = this.#node(from);
    this.#directory(dirname(to)).entries.set(nameOf(to), node);
    this.#directory(dirname(from)).entries.delete(nameOf(from));
  }

  async link(from: string, to: string): Promise<void> {
    this.#call('link', from);
    const node = this.#node(from);
    const parent = this.#directory(dirname(to));
    if (parent.entries.has(nameOf(to))) throw failure('EEXIST', to);
    parent.entries.set(nameOf(to), node);
  }

  async unlink(path: string): Promise<void> {
    this.#call('unlink', path);
    if (this.#node(path).kind !== 'file') throw failure('EISDIR', path);
    this.#directory(dirname(path)).entries.delete(nameOf(path));
  }

  async makeDirectory(path: string): Promise<void> {
    this.#call('makeDirectory', path);
    const parent = this.#directory(dirname(path));
    if (path === '/' || parent.entries.has(nameOf(path))) throw failure('EEXIST', path);
    parent.entries.set(nameOf(path), directory());
  }

  async removeDirectory(path: string): Promise<void> {
    this.#call('removeDirectory', path);
    if (this.#directory(path).entries.size > 0) throw failure('ENOTEMPTY', path);
    this.#directory(dirname(path)).entries.delete(nameOf(path));
  }

  async syncDirectory(path: string): Promise<void> {
    this.#call('syncDirectory', path);
    const node = this.#directory(path);
    node.durable = new Map(node.entries);
  }

  async list(path: string) {
    this.#call('list', path);
    return [...this.#directory(path).entries].map(([name, { kind }]) => ({ name, kind }));
  }

  async modifiedAtMs(path: string): Promise<number> {
    this.#call('modifiedAtMs', path);
    const node = this.#node(path);
    return node.kind === 'file' ? node.writtenAtMs : 0;
  }

  /** Paths of all files, without a call. */
  files(): string[] {
    return filesBelow(this.#root, '').sort();
  }

  #call(call: Call, path: string): void {
    const errno = this.faults(call, this.calls.length, path);
    this.calls.push(`${call} ${path}`);
    if (errno !== undefined) throw failure(errno, path);
  }

  #node(path: string): Node {
    let node: Node = this.#root;
    for (const part of path.split('/').filter((each) => each !== '')) {
      if (node.kind === 'file') throw failure('ENOTDIR', path);
      const next = node.entries.get(part);
      if (next === undefined) throw failure('ENOENT', path);
      node = next;
    }
    return node;
  }

  #directory(path: string): DirectoryNode {
    const node = this.#node(path);
    if (node.kind === 'file') throw failure('ENOTDIR', path);
    return node;
  }
}

function directory(): DirectoryNode {
  return { kind: 'directory', entries: new Map(), durable: new Map() };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function failure(errno: string, path: string): Error {
  return Object.assign(new Error(`${errno}: ${path}`), { code: errno });
}

function survivors(from: DirectoryNode, kept: 'lost' | 'kept'): DirectoryNode {
  const to = directory();
  for (const [name, node] of kept === 'kept' ? from.entries : from.durable) {
    const copy: Node =
      node.kind === 'directory' ? survivors(node, kept) : { ...node, bytes: node.durable };
    to.entries.set(name, copy);
  }
  to.durable = new Map(to.entries);
  return to;
}

function filesBelow(node: DirectoryNode, path: string): string[] {
  return [...node.entries].flatMap(([name, each]) =>
    each.kind === 'file' ? [`${path}/${name}`] : filesBelow(each, `${path}/${name}`),
  );
}
