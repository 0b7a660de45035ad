import { MillraceError } from '../errors.ts';

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some room and the next attempt goes through',
  EDQUOT: 'the disk quota is used up; free some room and the next attempt goes through',
  EROFS: 'the file system is read-only; mount it writable or use another directory',
  EACCES: 'the process may not write there; change the owner or mode of the directory',
  EPERM: 'the process may not do this there; change the owner or mode of the directory',
  EIO: 'the disk reports a fault; look at the system log and replace it',
  EMFILE: 'the process has too many open files; raise its limit (ulimit -n)',
  ENFILE: 'the machine has too many open files',
  ENAMETOOLONG: 'the path is too long; use a directory nearer to the root',
  ENOTDIR: 'a part of the path is a file; remove it or use another directory',
};

/** The errno name of what a file-system call threw: `ENOSPC`; an empty string when it has none. */
export function errnoOf(cause: unknown): string {
  if (!(cause instanceof Error) || !('code' in cause)) return '';
  return typeof cause.code === 'string' ? cause.code : '';
}

/** `STORAGE_FAILED` for a file-system call that failed: what was attempted, on which path, and what to do. */
export function storageFailed(action: string, path: string, cause: unknown): MillraceError {
  if (cause instanceof MillraceError) return cause;
  const errno = errnoOf(cause);
  const reason = errno === '' ? String(cause) : errno;
  return new MillraceError(
    'STORAGE_FAILED',
    `cannot ${action} ${JSON.stringify(path)}: ${reason}`,
    {
      cause,
      hint: HINTS[errno] ?? 'see the cause in the log',
    },
  );
}
