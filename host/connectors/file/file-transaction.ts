import { join } from 'node:path';
import { MillraceError } from '../../errors.ts';
import type { Json } from '../../model/json.ts';
import { isPartName, isPendingName } from './part-name.ts';
import { errnoOf, type SinkFiles } from './sink-files.ts';

/** A finished file and the name it gets. Both are names in the output directory. */
export interface PendingPart {
  readonly pending: string;
  readonly part: string;
}

/** The transaction of a task: parts to be renamed. */
export function toTransaction(parts: readonly PendingPart[]): Json {
  return parts.length === 0 ? null : { parts: parts.map((part) => ({ ...part })) };
}

/** The parts of a transaction, which may come from a checkpoint. Throws `CHECKPOINT_CORRUPT` when it is not one. */
export function readTransaction(id: string, transaction: Json): readonly PendingPart[] {
  if (transaction === null) return [];
  const parts = (transaction as { readonly parts?: Json }).parts;
  if (Array.isArray(parts) && parts.every(isPendingPart)) return parts;
  throw new MillraceError('CHECKPOINT_CORRUPT', `sink "${id}" cannot read its transaction`, {
    hint: 'the checkpoint was written by another connector, or is damaged',
  });
}

function isPendingPart(value: Json): boolean {
  const { pending, part } = (value ?? {}) as { readonly [key: string]: Json };
  // The names become paths: only what `part-name.ts` writes is let through.
  return (
    typeof pending === 'string' &&
    isPendingName(pending) &&
    typeof part === 'string' &&
    isPartName(part)
  );
}

/** Where a sink writes, for calls and messages. */
export interface OutputDirectory {
  readonly id: string;
  /** Absolute. */
  readonly path: string;
  readonly files: SinkFiles;
}

/**
 * Makes parts visible. May be repeated: a part that was renamed before is left alone. Throws `SINK_UNAVAILABLE` when a
 * part is lost or its name is taken by another file, `STORAGE_FAILED` when the file system fails.
 */
export async function commitParts(
  directory: OutputDirectory,
  parts: readonly PendingPart[],
): Promise<void> {
  if (parts.length === 0) return;
  for (const part of parts) await commitPart(directory, part);
  await onDisk(directory, 'sync', () => directory.files.syncDirectory(directory.path));
}

async function commitPart(
  directory: OutputDirectory,
  { pending, part }: PendingPart,
): Promise<void> {
  const { files, path, id } = directory;
  const from = join(path, pending);
  const to = join(path, part);
  const [isPending, isThere] = await onDisk(directory, 'look into', () =>
    Promise.all([files.exists(from), files.exists(to)]),
  );
  if (isThere && !isPending) return;
  if (isThere) {
    throw new MillraceError(
      'SINK_UNAVAILABLE',
      `sink "${id}": "${to}" was written by another job`,
      {
        hint: 'give each job a directory of its own; move the file away and restart the job to commit this one',
      },
    );
  }
  if (!isPending) {
    throw new MillraceError('SINK_UNAVAILABLE', `sink "${id}" has lost "${part}" in "${path}"`, {
      hint: `neither "${pending}" nor "${part}" is there; leave the files of the directory in place until the next checkpoint`,
    });
  }
  await onDisk(directory, 'rename a file in', () => files.rename(from, to));
}

/** Runs a call; what it throws becomes `STORAGE_FAILED`. */
export async function onDisk<T>(
  directory: Pick<OutputDirectory, 'id' | 'path'>,
  verb: string,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw storageFailed(directory, verb, cause);
  }
}

export function storageFailed(
  { id, path }: Pick<OutputDirectory, 'id' | 'path'>,
  verb: string,
  cause: unknown,
): MillraceError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MillraceError('STORAGE_FAILED', `sink "${id}" cannot ${verb} "${path}": ${reason}`, {
    hint: isOutOfSpace(cause)
      ? 'free some disk space; the job goes on by itself'
      : 'check the disk',
    cause,
  });
}

/** Whether waiting may help: the bytes that were refused are still ours. */
export function isOutOfSpace(cause: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(errnoOf(cause));
}
