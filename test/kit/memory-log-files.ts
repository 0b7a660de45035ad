import type { LogFile, LogFiles } from '../../host/connectors/http/log-files.ts';

/** A file as programs see it and as the disk has it. */
interface MemoryFile {
  cached: Uint8Array;
  onDisk: Uint8Array;
  /** A sync failed: the system dropped what was not written and will say yes to the next one. */
  forgot: boolean;
}

/** One call of a log to its file system. */
export type LogCall = 'create' | 'write' | 'sync' | 'rename' | 'remove' | 'syncDirectory';

export class MachineDied extends Error {}

/**
 * A file system in memory that forgets what was not synced when the machine dies, keeps the number of its changing calls, and
 * fails those it is told to. One directory deep: names of a directory are as durable as its last sync.
 */
export class MemoryLogFiles implements LogFiles {
  /** Before a changing call takes effect; what it throws is the call's error. */
  onCall: (call: LogCall, number: number, path: string) => void = () => {};
  calls = 0;
  #files = new Map<string, MemoryFile>();
  #named = new Map<string, MemoryFile>();

  /** The machine dies: unsynced bytes are gone, but for the first `kept(bytes)` of each file; unsynced names may be. */
  die(kept: (bytes: number) => number = () => 0): void {
    this.#files = new Map(this.#named);
    for (const file of this.#files.values()) {
      const more = Math.max(0, file.cached.length - file.onDisk.length);
      const length = file.onDisk.length + (file.forgot ? 0 : Math.min(more, kept(more)));
      const bytes = new Uint8Array(length);
      bytes.set((file.forgot ? file.onDisk : file.cached).subarray(0, length));
      bytes.set(file.onDisk.subarray(0, length));
      file.cached = bytes;
      file.onDisk = bytes.slice();
      file.forgot = false;
    }
  }

  bytesOf(path: string): Uint8Array | undefined {
    return this.#files.get(path)?.cached;
  }

  replace(path: string, bytes: Uint8Array): void {
    const file = { cached: bytes, onDisk: bytes.slice(), forgot: false };
    this.#files.set(path, file);
    this.#named.set(path, file);
  }

  get names(): readonly string[] {
    return [...this.#files.keys()].sort();
  }

  async makeDirectory(): Promise<void> {}

  async list(directory: string): Promise<readonly string[]> {
    const prefix = `${directory}/`;
    return this.names
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length));
  }

  async create(path: string): Promise<LogFile> {
    this.#called('create', path);
    if (this.#files.has(path)) throw Object.assign(new Error('it exists'), { code: 'EEXIST' });
    return this.#open(path);
  }

  async overwrite(path: string): Promise<LogFile> {
    return this.#open(path);
  }

  async size(path: string): Promise<number> {
    return this.#files.get(path)?.cached.length ?? 0;
  }

  async read(path: string, at: number, length: number): Promise<Uint8Array> {
    return this.#files.get(path)?.cached.slice(at, at + length) ?? new Uint8Array(0);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#called('rename', from);
    const file = this.#files.get(from);
    if (file === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    this.#files.delete(from);
    this.#files.set(to, file);
  }

  async remove(path: string): Promise<void> {
    this.#called('remove', path);
    this.#files.delete(path);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#called('syncDirectory', path);
    this.#named = new Map(this.#files);
  }

  #open(path: string): LogFile {
    const file = this.#files.get(path) ?? {
      cached: new Uint8Array(0),
      onDisk: new Uint8Array(0),
      forgot: false,
    };
    this.#files.set(path, file);
    return {
      write: async (parts, at) => {
        const bytes = Buffer.concat(parts);
        this.#called('write', path);
        const grown = new Uint8Array(Math.max(file.cached.length, at + bytes.length));
        grown.set(file.cached);
        grown.set(bytes, at);
        file.cached = grown;
      },
      sync: async () => {
        try {
          this.#called('sync', path);
        } catch (thrown) {
          file.forgot = true;
          throw thrown;
        }
        // A sync that failed before left pages behind that count as written.
        if (!file.forgot) file.onDisk = file.cached.slice();
      },
      close: async () => {},
    };
  }

  #called(call: LogCall, path: string): void {
    this.calls += 1;
    this.onCall(call, this.calls, path);
  }
}
