import { dirname } from 'node:path';
import type { Random } from './random.ts';

export interface FileNode {
  readonly kind: 'file';
  bytes: Uint8Array;
  /** What a crash leaves for certain. */
  durable: Uint8Array;
  /** Bytes from here on were written since the last sync. */
  dirtyFrom: number;
  readonly writtenAtMs: number;
}

export interface DirectoryNode {
  readonly kind: 'directory';
  entries: Map<string, DiskNode>;
  durable: Map<string, DiskNode>;
  /** Changes since the last sync, in order: name → node, or undefined for a name that went. A rename is one change. */
  changes: (readonly (readonly [string, DiskNode | undefined])[])[];
}

export type DiskNode = FileNode | DirectoryNode;

/**
 * The machine's disk and page cache.
 *
 * - What was written is seen by everybody at once and survives the death of a process.
 * - A crash of the machine leaves what was synced. Of unsynced bytes a first part of any length may be there, or zeros instead;
 *   of unsynced names any may be there or not.
 * - A sync of a file that fails leaves its unsynced bytes lost: the system takes them for written, and a second sync reports
 *   success. A directory's failed sync only leaves it unsynced: names go through the journal.
 */
export class Disk {
  root: DirectoryNode = directory();
  full = false;

  create(path: string, nowMs: number): FileNode {
    this.#assertRoom(path);
    const parent = this.directory(dirname(path));
    if (parent.entries.has(nameOf(path))) throw failure('EEXIST', path);
    const file: FileNode = {
      kind: 'file',
      bytes: EMPTY,
      durable: EMPTY,
      dirtyFrom: 0,
      writtenAtMs: nowMs,
    };
    change(parent, [[nameOf(path), file]]);
    return file;
  }

  write(file: FileNode, bytes: Uint8Array): void {
    this.#assertRoom('a file');
    const longer = new Uint8Array(file.bytes.length + bytes.length);
    longer.set(file.bytes);
    longer.set(bytes, file.bytes.length);
    file.bytes = longer;
  }

  sync(file: FileNode): void {
    // Bytes whose sync failed are a gap of zeros.
    const durable = new Uint8Array(file.bytes.length);
    durable.set(file.durable.subarray(0, durable.length));
    durable.set(file.bytes.subarray(file.dirtyFrom), file.dirtyFrom);
    file.durable = durable;
    file.dirtyFrom = file.bytes.length;
  }

  failSync(file: FileNode): void {
    file.dirtyFrom = file.bytes.length;
  }

  rename(from: string, to: string): void {
    const parent = this.directory(dirname(from));
    if (dirname(from) !== dirname(to)) throw new Error('nobody renames between directories');
    const node = this.node(from);
    change(parent, [
      [nameOf(to), node],
      [nameOf(from), undefined],
    ]);
  }

  link(from: string, to: string): void {
    const parent = this.directory(dirname(to));
    if (parent.entries.has(nameOf(to))) throw failure('EEXIST', to);
    change(parent, [[nameOf(to), this.node(from)]]);
  }

  unlink(path: string): void {
    if (this.node(path).kind !== 'file') throw failure('EISDIR', path);
    change(this.directory(dirname(path)), [[nameOf(path), undefined]]);
  }

  makeDirectory(path: string): void {
    const parent = this.directory(dirname(path));
    if (path === '/' || parent.entries.has(nameOf(path))) throw failure('EEXIST', path);
    this.#assertRoom(path);
    change(parent, [[nameOf(path), directory()]]);
  }

  removeDirectory(path: string): void {
    if (this.directory(path).entries.size > 0) throw failure('ENOTEMPTY', path);
    change(this.directory(dirname(path)), [[nameOf(path), undefined]]);
  }

  syncDirectory(path: string): void {
    const node = this.directory(path);
    node.durable = new Map(node.entries);
    node.changes = [];
  }

  node(path: string): DiskNode {
    let node: DiskNode = this.root;
    for (const part of path.split('/')) {
      if (part === '') continue;
      if (node.kind === 'file') throw failure('ENOTDIR', path);
      const next: DiskNode | undefined = node.entries.get(part);
      if (next === undefined) throw failure('ENOENT', path);
      node = next;
    }
    return node;
  }

  directory(path: string): DirectoryNode {
    const node = this.node(path);
    if (node.kind === 'file') throw failure('ENOTDIR', path);
    return node;
  }

  exists(path: string): boolean {
    try {
      this.node(path);
      return true;
    } catch {
      return false;
    }
  }

  /** The machine stops: what is not synced is left to chance. */
  crash(random: Random): void {
    const mood = random.pick(['lost', 'kept', 'mixed'] as const);
    const survives = () => mood === 'kept' || (mood === 'mixed' && random.chance(0.5));
    this.root = survivorsOf(this.root, survives, random);
    this.full = false;
  }

  /** The bytes of a file that are there whatever crash comes; undefined = its name or part of it is not. */
  durable(path: string): Uint8Array | undefined {
    let node: DiskNode = this.root;
    for (const part of path.split('/')) {
      if (part === '') continue;
      if (node.kind === 'file') return undefined;
      const next: DiskNode | undefined = node.durable.get(part);
      if (next === undefined) return undefined;
      node = next;
    }
    return node.kind === 'file' && node.durable.length === node.bytes.length
      ? node.durable
      : undefined;
  }

  /** Names in a directory that are there whatever crash comes. */
  durableNames(path: string): readonly string[] {
    let node: DiskNode = this.root;
    for (const part of path.split('/')) {
      if (part === '' || node.kind === 'file') continue;
      const next: DiskNode | undefined = node.durable.get(part);
      if (next === undefined) return [];
      node = next;
    }
    return node.kind === 'directory' ? [...node.durable.keys()] : [];
  }

  names(path: string): readonly string[] {
    return this.exists(path) ? [...this.directory(path).entries.keys()] : [];
  }

  #assertRoom(path: string): void {
    if (this.full) throw failure('ENOSPC', path);
  }
}

const EMPTY = new Uint8Array(0);

function directory(): DirectoryNode {
  return { kind: 'directory', entries: new Map(), durable: new Map(), changes: [] };
}

function change(
  parent: DirectoryNode,
  entries: readonly (readonly [string, DiskNode | undefined])[],
): void {
  apply(parent.entries, entries);
  parent.changes.push(entries);
}

function apply(
  names: Map<string, DiskNode>,
  entries: readonly (readonly [string, DiskNode | undefined])[],
): void {
  for (const [name, node] of entries) {
    if (node === undefined) names.delete(name);
    else names.set(name, node);
  }
}

function survivorsOf(from: DirectoryNode, survives: () => boolean, random: Random): DirectoryNode {
  const names = new Map(from.durable);
  for (const entries of from.changes) if (survives()) apply(names, entries);
  const to = directory();
  for (const [name, node] of names) {
    to.entries.set(
      name,
      node.kind === 'directory' ? survivorsOf(node, survives, random) : survivor(node, random),
    );
  }
  to.durable = new Map(to.entries);
  return to;
}

function survivor(file: FileNode, random: Random): FileNode {
  const dirty = file.bytes.length - file.dirtyFrom;
  const kept = dirty > 0 && random.chance(0.5) ? random.between(0, dirty) : 0;
  let bytes = file.durable;
  if (kept > 0) {
    bytes = new Uint8Array(file.dirtyFrom + kept);
    bytes.set(file.durable);
    const torn = file.bytes.subarray(file.dirtyFrom, file.dirtyFrom + kept);
    if (random.chance(0.7)) bytes.set(torn, file.dirtyFrom);
  }
  return { ...file, bytes, durable: bytes, dirtyFrom: bytes.length };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function failure(errno: string, path: string): Error {
  return Object.assign(new Error(`${errno}: ${path}`), { code: errno });
}
