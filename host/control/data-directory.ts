import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../errors.ts';
import { processIdentity } from '../runtime/process-identity.ts';

/** A data directory that belongs to this server until it is released. */
export interface DataDirectory {
  readonly path: string;
  release(): void;
}

interface Owner {
  readonly pid: number;
  readonly identity: string | undefined;
}

const LOCK_FILE = 'lock';

/**
 * Makes a data directory and takes it for this process: two servers over the same jobs would fight about them.
 * Throws `DATA_DIRECTORY` when it cannot be written or has an owner. An owner that has died is none.
 */
export function takeDataDirectory(path: string): DataDirectory {
  const lock = join(path, LOCK_FILE);
  const mine = join(path, `.lock-${process.pid}`);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    writeFileSync(
      mine,
      JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid) }),
    );
  } catch (cause) {
    throw unusable(path, cause);
  }
  try {
    // A link appears whole or not at all, and never replaces: of two servers that start at once, one gets it.
    if (!tryLink(mine, lock)) {
      removeDeadOwner(path, lock);
      if (!tryLink(mine, lock)) throw taken(path, readOwner(lock)?.pid);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return { path, release: () => rmSync(lock, { force: true }) };
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw unusable(to, cause);
  }
}

/** Throws unless the owner is dead. Only one of several can move a lock away; what it moved is looked at once more. */
function removeDeadOwner(path: string, lock: string): void {
  const owner = readOwner(lock);
  if (owner !== undefined && lives(owner)) throw taken(path, owner.pid);
  const aside = join(path, `.lock-dead-${process.pid}`);
  try {
    renameSync(lock, aside);
  } catch {
    return;
  }
  const moved = readOwner(aside);
  // Another server took the dead one's place in between: it gets its lock back.
  if (moved !== undefined && lives(moved)) tryLink(aside, lock);
  rmSync(aside, { force: true });
}

function lives(owner: Owner): boolean {
  return owner.identity !== undefined && processIdentity(owner.pid) === owner.identity;
}

/** A lock that cannot be read was torn by a crash of the machine, with which its owner died. */
function readOwner(path: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

function taken(path: string, pid: number | undefined): MillraceError {
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  return new MillraceError('DATA_DIRECTORY', `data directory "${path}" is in use by ${who}`, {
    hint: 'stop that server, or give this one a directory of its own with --data',
  });
}

function unusable(path: string, cause: unknown): MillraceError {
  const { code } = cause as NodeJS.ErrnoException;
  return new MillraceError('DATA_DIRECTORY', `data directory "${path}" cannot be used: ${code}`, {
    hint: 'give a directory that this user may create and write with --data',
    cause,
  });
}
