import { isAbsolute, join, resolve } from 'node:path';
import { MillraceError } from '../errors.ts';
import { isBlobName } from '../storage/blob-name.ts';

/** Which folders a request may name for savepoints. */
export interface SavepointPlaces {
  /** The folder that a request means by a name or path. Throws `NAME_INVALID`. */
  folder(given: string): string;
  /** A folder that no other savepoint has. */
  next(job: string, nowMs: number): string;
  /** Runs `write` as the only one that writes to a folder. Throws `SAVEPOINT_EXISTS` when another one does. */
  reserve<Result>(folder: string, write: () => Promise<Result>): Promise<Result>;
}

export interface SavepointPlacesOptions {
  /** Absolute. Where names are looked for and new savepoints go. */
  readonly directory: string;
  /**
   * Whether absolute paths are taken. Only where whoever can ask may write the server's files anyway: without a token, which
   * is on loopback alone. Elsewhere a token would otherwise be leave to read and write the whole disk.
   */
  readonly anywhere: boolean;
}

/** Places of savepoints below a directory, and elsewhere where that is allowed. */
export function createSavepointPlaces(options: SavepointPlacesOptions): SavepointPlaces {
  const { directory, anywhere } = options;
  const reserved = new Set<string>();
  return {
    folder(given) {
      // No name has a "/" or begins with a dot, so it stays in the directory.
      if (!given.includes('/') && isBlobName(given)) return join(directory, given);
      if (anywhere && isAbsolute(given) && !given.includes('\0')) return resolve(given);
      throw new MillraceError(
        'NAME_INVALID',
        `a savepoint cannot be at ${JSON.stringify(given.slice(0, 200))}`,
        {
          hint: `give a name of letters, digits, ".", "_" and "-"; it stands for a folder in the server's "savepoints"${anywhere ? '; or an absolute path' : ''}`,
        },
      );
    },
    next: (job, nowMs) =>
      join(directory, `${job}-${new Date(nowMs).toISOString().replace(/[^0-9TZ]/g, '')}`),
    async reserve(folder, write) {
      if (reserved.has(folder)) {
        throw new MillraceError('SAVEPOINT_EXISTS', `another savepoint is written to "${folder}"`, {
          hint: 'name another folder',
        });
      }
      reserved.add(folder);
      try {
        return await write();
      } finally {
        reserved.delete(folder);
      }
    },
  };
}
