import { writeSync } from 'node:fs';
import { type SinkFiles, sinkFiles } from '../../host/connectors/file/sink-files.ts';

/** The file system of a process that may die: from the fault on every call fails. */
export interface MortalFiles {
  readonly files: SinkFiles;
  /** Calls made so far. */
  readonly calls: number;
}

export class ProcessDied extends Error {}

/**
 * The real file system until call number `dieAt` (from 0). That call still takes effect when `effect` is given, but nobody
 * learns of it: like every later one it throws `ProcessDied`.
 */
export function mortalFiles(dieAt: number, effect: boolean): MortalFiles {
  let calls = 0;
  const mortal = <T extends readonly unknown[], R>(call: (...parameters: T) => R) => {
    return (...parameters: T): R => {
      const number = calls++;
      if (number > dieAt || (number === dieAt && !effect))
        throw new ProcessDied('the process died');
      const result = call(...parameters);
      if (number < dieAt) return result;
      if (result instanceof Promise) {
        return result.then(() => {
          throw new ProcessDied('the process died');
        }) as R;
      }
      throw new ProcessDied('the process died');
    };
  };
  const asynchronous = <T extends readonly unknown[], R>(
    call: (...parameters: T) => Promise<R>,
  ) => {
    const wrapped = mortal(call);
    return async (...parameters: T) => wrapped(...parameters);
  };
  return {
    files: {
      makeDirectory: asynchronous(sinkFiles.makeDirectory),
      list: asynchronous(sinkFiles.list),
      exists: asynchronous(sinkFiles.exists),
      create: mortal(sinkFiles.create),
      write: mortal(sinkFiles.write),
      sync: asynchronous(sinkFiles.sync),
      close: mortal(sinkFiles.close),
      rename: asynchronous(sinkFiles.rename),
      remove: asynchronous(sinkFiles.remove),
      syncDirectory: asynchronous(sinkFiles.syncDirectory),
    },
    get calls() {
      return calls;
    },
  };
}

/** An error as the system gives it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: told to fail`), { code });
}

/** A disk with room for so many more bytes. Writes are cut where it is full, and refused when it is. */
export interface SmallDisk {
  readonly files: SinkFiles;
  roomBytes: number;
}

export function smallDisk(roomBytes: number): SmallDisk {
  const disk: SmallDisk = {
    roomBytes,
    files: {
      ...sinkFiles,
      write(descriptor, bytes, start, end) {
        if (disk.roomBytes === 0) throw systemError('ENOSPC');
        const taken = writeSync(descriptor, bytes, start, Math.min(end - start, disk.roomBytes));
        disk.roomBytes -= taken;
        return taken;
      },
    },
  };
  return disk;
}
