import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { createRowEncoder } from '../../abi/create-row-encoder.ts';
import type { Clock } from '../../clock.ts';
import { MillraceError } from '../../errors.ts';
import { checkOptions, expected, sizeOption } from '../check-options.ts';
import type { Checked, ConnectorOptions } from '../connector.ts';
import type { Sink } from '../sink.ts';
import {
  commitParts,
  isOutOfSpace,
  type OutputDirectory,
  onDisk,
  readTransaction,
  storageFailed,
} from './file-transaction.ts';
import { FileWriter } from './file-writer.ts';
import { attemptOf, pendingPrefix, probeName } from './part-name.ts';
import { errnoOf, type SinkFiles } from './sink-files.ts';

const sinkOptions = z.strictObject({
  path: z.string(expected('a directory')).min(1, 'expected a directory, got an empty text'),
  format: z.enum(['lines', 'json', 'csv', 'rows', 'raw']).default('json'),
  rollBytes: sizeOption.refine((bytes) => bytes > 0, 'expected a size above 0').optional(),
});

export interface FileSinkParts {
  readonly files: SinkFiles;
  readonly clock: Clock;
}

/**
 * The sink half of the `file` connector: writes files into a directory, in step with the job's checkpoints.
 *
 * - `path`: the directory, relative to the pipeline's directory; made when it is missing.
 * - `format`: `json` (default; an object a line), `lines`, `csv`, `rows`, `raw`.
 * - `rollBytes`: begin another file when one has so many bytes, within one checkpoint.
 *
 * What readers see are committed parts only: `part-<sink>-<task>-<checkpoint>.<extension>`, each whole from the moment it appears and never
 * changed; who takes parts away leaves those of the latest checkpoint, which a restart looks for. Names with a leading dot are files that wait for their checkpoint, or that a restart will remove. A checkpoint without
 * output makes no file. Parts that were in the directory before stay, and a name that is taken gets a number; so several jobs may
 * write to one directory, but then their parts stand side by side.
 *
 * End-to-end: *exactly-once*: each record is in one committed part, whatever restarts in between. While the disk is full
 * checkpoints are declined, the task waits, and both go on when there is room.
 *
 *     out: { from: counts, connector: file, path: out, format: json }
 */
export function fileSink(options: ConnectorOptions, parts: FileSinkParts): Checked<Sink> {
  const checked = checkOptions(sinkOptions, options);
  if (!checked.ok) return checked;
  const { path, format, rollBytes = Number.POSITIVE_INFINITY } = checked.value;
  const directoryOf = ({ id, baseDirectory }: { id: string; baseDirectory: string }) => ({
    id,
    path: resolve(baseDirectory, path),
    files: parts.files,
  });
  return {
    ok: true,
    value: {
      guarantee: 'exactly-once',
      async recover(context, transactions) {
        const directory = directoryOf(context);
        await assertWritable(directory, context);
        for (const transaction of transactions) {
          await commitParts(directory, readTransaction(context.id, transaction));
        }
        await removePending(directory, context);
      },
      async open(context) {
        const directory = directoryOf(context);
        const encoder = createRowEncoder(format, context.schema);
        return new FileWriter({
          directory,
          context,
          format,
          encoder,
          rollBytes,
          clock: parts.clock,
        });
      },
    },
  };
}

/** Who writes. */
interface JobAttempt {
  readonly job: string;
  readonly attempt: number;
}

/** Faults of disk and machine. */
const TROUBLE = ['EIO', 'ESTALE', 'EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EBUSY', 'ETIMEDOUT'];
/** What somebody forgot, when a job first starts, and a fault once it has run: then it waits. */
const REFUSALS = ['EROFS', 'EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'ENODEV', 'ENXIO'];

/** Whether the directory may take files again later, without anybody changing the pipeline. */
function isPassing(cause: unknown, { attempt }: JobAttempt): boolean {
  const errno = errnoOf(cause);
  return (
    isOutOfSpace(cause) || TROUBLE.includes(errno) || (attempt > 1 && REFUSALS.includes(errno))
  );
}

/** Tries it out: permission bits do not tell of read-only mounts, quotas and access lists. */
async function assertWritable(directory: OutputDirectory, context: JobAttempt): Promise<void> {
  const { files, path, id } = directory;
  const probe = join(path, probeName({ id, ...context }));
  try {
    await files.makeDirectory(path);
    await files.remove(probe);
    files.close(files.create(probe));
    await files.remove(probe);
    await syncParents(directory);
  } catch (cause) {
    if (isPassing(cause, context)) throw storageFailed(directory, 'write to', cause);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MillraceError(
      'SINK_UNAVAILABLE',
      `sink "${id}" cannot write to "${path}": ${reason}`,
      {
        hint: 'the path must be a directory, or free to become one, in which the process may create files',
        cause,
      },
    );
  }
}

/** Parents that are not ours to read, or take no sync, were not ours to make. */
const FOREIGN = ['EACCES', 'EPERM', 'EROFS', 'EINVAL'];

/**
 * Makes the directory's own name, and those of its parents, durable: parts in it are as lost as it is. An earlier start may
 * have made them and have died before this, so that they were there says nothing.
 */
async function syncParents({ files, path }: OutputDirectory): Promise<void> {
  for (let child = path; child !== dirname(child); child = dirname(child)) {
    await files.syncDirectory(dirname(child)).catch((error) => {
      if (!FOREIGN.includes(errnoOf(error))) throw error;
    });
  }
}

/**
 * Removes what no checkpoint knows: files of this sink in this job, of attempts up to this one. A later one may have begun,
 * while this one stood still, and what it writes is its own.
 */
async function removePending(
  directory: OutputDirectory,
  { job, attempt }: JobAttempt,
): Promise<void> {
  const { files, path, id } = directory;
  const prefix = pendingPrefix({ id, job });
  await onDisk(directory, 'clear', async () => {
    for (const name of await files.list(path)) {
      const writer = name.startsWith(prefix) ? attemptOf(name) : undefined;
      if (writer !== undefined && writer <= attempt) await files.remove(join(path, name));
    }
    await files.syncDirectory(path);
  });
}
