import type { SinkFiles } from '../../host/connectors/file/sink-files.ts';
import type { FileSystem } from '../../host/storage/file-system.ts';
import { type Disk, type FileNode, failure } from './disk.ts';
import type { Random } from './random.ts';
import type { Actor, World } from './world.ts';

export type DiskCall =
  | 'create'
  | 'write'
  | 'sync'
  | 'close'
  | 'read'
  | 'rename'
  | 'link'
  | 'unlink'
  | 'makeDirectory'
  | 'removeDirectory'
  | 'syncDirectory'
  | 'list'
  | 'look';

/** What a call meets: nothing, an error, or the death of whoever made it, before or after it took effect. */
export type Fate = { readonly errno: string } | { readonly dies: 'before' | 'after' } | undefined;

export interface DiskCallsOptions {
  readonly world: World;
  readonly disk: Disk;
  readonly random: Random;
  /** Asked when a call is about to take effect. */
  readonly fate: (call: DiskCall, path: string, actor: Actor) => Fate;
  readonly kill: (actor: Actor) => void;
  readonly onRename: (from: string, to: string, replaced: boolean) => void;
}

/** How one actor calls the disk. Calls take time, may fail, may be the last that the actor does. */
export class DiskCalls {
  readonly #options: DiskCallsOptions;
  readonly #actor: Actor;
  readonly #descriptors = new Map<number, { readonly file: FileNode; readonly path: string }>();
  #descriptor = 0;

  constructor(options: DiskCallsOptions, actor: Actor) {
    this.#options = options;
    this.#actor = actor;
  }

  /** For blobs. */
  fileSystem(): FileSystem {
    const { disk, world } = this.#options;
    const call = this.#call.bind(this);
    return {
      create: async (path) => {
        const file = await call('create', path, () => disk.create(path, now(world)));
        return {
          write: (bytes) => call('write', path, () => disk.write(file, bytes)),
          sync: () =>
            call(
              'sync',
              path,
              () => disk.sync(file),
              () => disk.failSync(file),
            ),
          close: () => call('close', path, () => {}),
        };
      },
      read: (path) =>
        call('read', path, () => {
          const node = disk.node(path);
          if (node.kind !== 'file') throw failure('EISDIR', path);
          return node.bytes.slice();
        }),
      rename: (from, to) => call('rename', to, () => this.#rename(from, to)),
      link: (from, to) => call('link', to, () => disk.link(from, to)),
      unlink: (path) => call('unlink', path, () => disk.unlink(path)),
      makeDirectory: (path) => call('makeDirectory', path, () => disk.makeDirectory(path)),
      removeDirectory: (path) => call('removeDirectory', path, () => disk.removeDirectory(path)),
      syncDirectory: (path) => call('syncDirectory', path, () => disk.syncDirectory(path)),
      list: (path) =>
        call('list', path, () =>
          [...disk.directory(path).entries].map(([name, { kind }]) => ({ name, kind })),
        ),
      modifiedAtMs: (path) =>
        call('look', path, () => {
          const node = disk.node(path);
          return node.kind === 'file' ? node.writtenAtMs : 0;
        }),
    };
  }

  /** For the file sink. */
  sinkFiles(): SinkFiles {
    const { disk, world, random } = this.#options;
    const call = this.#call.bind(this);
    return {
      makeDirectory: (path) =>
        call('makeDirectory', path, () => {
          if (!disk.exists(path)) disk.makeDirectory(path);
        }),
      list: (path) => call('list', path, () => [...disk.directory(path).entries.keys()]),
      exists: (path) => call('look', path, () => disk.exists(path)),
      create: (path) =>
        this.#now('create', path, () => {
          this.#descriptor += 1;
          const file = disk.create(path, now(world));
          this.#descriptors.set(this.#descriptor, { file, path });
          return this.#descriptor;
        }),
      write: (descriptor, bytes, start, end) => {
        const { file, path } = this.#open(descriptor);
        return this.#now('write', path, () => {
          const taken = random.chance(0.1) ? random.between(1, end - start) : end - start;
          disk.write(file, bytes.slice(start, start + taken));
          return taken;
        });
      },
      sync: async (descriptor) => {
        const { file, path } = this.#open(descriptor);
        await call(
          'sync',
          path,
          () => disk.sync(file),
          () => disk.failSync(file),
        );
      },
      close: (descriptor) => {
        this.#now('close', this.#open(descriptor).path, () => {});
        this.#descriptors.delete(descriptor);
      },
      rename: (from, to) => call('rename', to, () => this.#rename(from, to)),
      remove: (path) =>
        call('unlink', path, () => {
          if (disk.exists(path)) disk.unlink(path);
        }),
      syncDirectory: (path) => call('syncDirectory', path, () => disk.syncDirectory(path)),
    };
  }

  #rename(from: string, to: string): void {
    const { disk, onRename } = this.#options;
    const replaced = disk.exists(to);
    disk.rename(from, to);
    onRename(from, to, replaced);
  }

  #open(descriptor: number): { readonly file: FileNode; readonly path: string } {
    const open = this.#descriptors.get(descriptor);
    if (open === undefined) throw failure('EBADF', `descriptor ${descriptor}`);
    return open;
  }

  /** A call that is answered later; never, if the actor dies. `failed` is what an error does to the disk. */
  #call<T>(call: DiskCall, path: string, effect: () => T, failed = () => {}): Promise<T> {
    const { world, random, fate } = this.#options;
    const actor = this.#actor;
    return new Promise((resolve, reject) => {
      if (!actor.alive) return;
      const late = () => void attempt(effect);
      actor.calls.add(late);
      world.schedule(actor, random.delay(0.15) * world.diskSlowness, () => {
        actor.calls.delete(late);
        const met = fate(call, path, actor);
        world.trace(`${actor.name} ${call} ${path}${met ? ` ${JSON.stringify(met)}` : ''}`);
        if (met !== undefined && 'dies' in met) {
          if (met.dies === 'after') attempt(effect);
          this.#options.kill(actor);
          return;
        }
        if (met !== undefined) {
          failed();
          reject(failure(met.errno, path));
          return;
        }
        try {
          resolve(effect());
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
  }

  /** A call that is answered at once. */
  #now<T>(call: DiskCall, path: string, effect: () => T): T {
    const { world, fate } = this.#options;
    const actor = this.#actor;
    // Who dies inside a call that does not wait runs on to his next wait; nothing he does counts.
    if (!actor.alive) throw failure('EIO', path);
    const met = fate(call, path, actor);
    world.trace(`${actor.name} ${call} ${path}${met ? ` ${JSON.stringify(met)}` : ''}`);
    if (met === undefined) return effect();
    if ('errno' in met) throw failure(met.errno, path);
    if (met.dies === 'after') attempt(effect);
    this.#options.kill(actor);
    throw failure('EIO', path);
  }
}

function attempt(effect: () => unknown): void {
  try {
    effect();
  } catch {
    // Nobody is there to hear of it.
  }
}

/** Times of files are wall-clock times. */
function now(world: World): number {
  return world.clockOf(NOBODY).nowMs();
}

const NOBODY = { alive: true } as Actor;
