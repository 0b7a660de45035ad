import { accessSync, constants, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import picomatch from 'picomatch';
import { MillraceError } from '../../errors.ts';

export interface FoundFile {
  /** With `/`; relative to the base directory unless the pattern was absolute. Stable across restarts. */
  readonly path: string;
  readonly bytes: number;
  /** The file system's number of it: another file of that name has another one. */
  readonly inode: number;
}

/**
 * The files that `patterns` name, sorted by path, each once. A pattern that exists as a path is taken as it stands; another
 * one is a glob (`*`, `**`, `?`, `[…]`, `{a,b}`), in which names with a leading dot match only when the pattern has the dot.
 * Throws `SOURCE_UNAVAILABLE` for a pattern that names nothing (unless it may, because files are yet to come), a directory, or a
 * file that cannot be read.
 *
 *     findFiles(['data/*.txt'], '/srv/job') // [{ path: 'data/a.txt', bytes: 120 }]
 */
export function findFiles(
  patterns: readonly string[],
  baseDirectory: string,
  mayBeNone = false,
): FoundFile[] {
  const found = new Map<string, FoundFile>();
  for (const pattern of patterns) {
    for (const file of filesOf(pattern, baseDirectory, mayBeNone)) found.set(file.path, file);
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

function filesOf(pattern: string, baseDirectory: string, mayBeNone: boolean): FoundFile[] {
  const absolute = resolve(baseDirectory, pattern);
  const nameOf = (path: string) =>
    slashed(isAbsolute(pattern) ? path : relative(baseDirectory, path));
  const exact = statSync(absolute, { throwIfNoEntry: false });
  if (exact !== undefined) {
    assertReadableFile(absolute, exact);
    return [{ path: nameOf(absolute), bytes: exact.size, inode: exact.ino }];
  }
  const files = globFiles(pattern, baseDirectory);
  if (files.length === 0 && !mayBeNone) throw nothingFound(pattern, absolute, baseDirectory);
  return files.map(({ path, stats }) => {
    assertReadableFile(path, stats);
    return { path: nameOf(path), bytes: stats.size, inode: stats.ino };
  });
}

function nothingFound(pattern: string, absolute: string, baseDirectory: string): MillraceError {
  const glob = picomatch.scan(pattern).isGlob;
  return new MillraceError(
    'SOURCE_UNAVAILABLE',
    glob ? `no file matches "${absolute}"` : `there is no file "${absolute}"`,
    { hint: isAbsolute(pattern) ? 'check the path' : `relative paths start at "${baseDirectory}"` },
  );
}

function assertReadableFile(path: string, stats: Stats): void {
  if (stats.isDirectory()) {
    throw new MillraceError('SOURCE_UNAVAILABLE', `"${path}" is a directory`, {
      hint: `"${join(path, '*')}" reads the files in it`,
    });
  }
  if (!stats.isFile()) {
    throw new MillraceError('SOURCE_UNAVAILABLE', `"${path}" is not a regular file`, {
      hint: 'the stdin connector reads pipes',
    });
  }
  try {
    accessSync(path, constants.R_OK);
  } catch (cause) {
    throw new MillraceError('SOURCE_UNAVAILABLE', `file "${path}" cannot be read`, {
      hint: 'the process needs read permission on the file',
      cause,
    });
  }
}

/** Regular files below the glob's fixed part that match the rest. Symbolic links are followed, each directory is visited once. */
function globFiles(pattern: string, baseDirectory: string): { path: string; stats: Stats }[] {
  const { base, glob } = picomatch.scan(pattern);
  if (glob === '') return [];
  const root = resolve(baseDirectory, base);
  const matches = picomatch(glob, { nonegate: true });
  const depthMax = glob.includes('**') ? Number.POSITIVE_INFINITY : glob.split('/').length;
  const files: { path: string; stats: Stats }[] = [];
  const seen = new Set<string>();
  const pending = [{ directory: root, depth: 1 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (!firstVisit(next.directory, seen)) continue;
    for (const entry of entriesOf(next.directory)) {
      const path = join(next.directory, entry);
      const stats = statSync(path, { throwIfNoEntry: false });
      if (stats?.isDirectory() && next.depth < depthMax) {
        pending.push({ directory: path, depth: next.depth + 1 });
      } else if (stats?.isFile() && matches(slashed(relative(root, path)))) {
        files.push({ path, stats });
      }
    }
  }
  return files;
}

function slashed(path: string): string {
  return path.split(sep).join('/');
}

function firstVisit(directory: string, seen: Set<string>): boolean {
  let real: string;
  try {
    real = realpathSync(directory);
  } catch {
    return false;
  }
  if (seen.has(real)) return false;
  seen.add(real);
  return true;
}

/** A directory that may not be listed holds nothing for us. */
function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
