import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MillraceError } from '../errors.ts';
import { writeFileDurably } from '../storage/write-file-durably.ts';
import type { StoredJob } from './stored-job.ts';

/** The jobs of a data directory: `<id>/job.json` each, beside what the job's runner writes. */
export interface JobStore {
  /** Every stored job. Throws `DATA_DIRECTORY` when one cannot be read back. */
  load(): Promise<readonly StoredJob[]>;
  /** Durable when it resolves. Throws `STORAGE_FAILED`. */
  save(job: StoredJob): Promise<void>;
  /** Removes a job with all its files. */
  remove(id: string): Promise<void>;
  /** A number that no job of this directory has had or will have again. */
  nextNumber(): Promise<number>;
  /** Absolute. */
  directoryOf(id: string): string;
}

const JOB_FILE = 'job.json';
/** No job can be called this: ids have no dot. */
const NUMBER_FILE = 'next-number.json';

/** The job store in `directory`, an absolute path. */
export function createJobStore(directory: string): JobStore {
  const directoryOf = (id: string) => join(directory, id);
  return {
    directoryOf,
    async load() {
      await mkdir(directory, { recursive: true });
      const entries = await readdir(directory, { withFileTypes: true });
      const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
      const jobs = await Promise.all(folders.map((id) => readJob(join(directory, id, JOB_FILE))));
      return jobs
        .filter((job) => job !== undefined)
        .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
    },
    save: (job) => writeFileDurably(join(directoryOf(job.id), JOB_FILE), encode(job)),
    async remove(id) {
      // The description goes first: without it the rest is nobody's job, however far the removal gets.
      await rm(join(directoryOf(id), JOB_FILE), { force: true });
      await rm(directoryOf(id), { recursive: true, force: true });
    },
    async nextNumber() {
      const path = join(directory, NUMBER_FILE);
      const number = Number((await readText(path)) ?? 1);
      if (!Number.isSafeInteger(number) || number < 1) throw damaged(path);
      await writeFileDurably(path, encode(number + 1));
      return number;
    },
  };
}

/** A folder without a description is what an unfinished removal or submission left. */
async function readJob(path: string): Promise<StoredJob | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    const job = JSON.parse(text) as StoredJob;
    if (job.format === 1) return job;
  } catch (cause) {
    throw damaged(path, cause);
  }
  throw damaged(path);
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw damaged(path, cause);
  }
}

function damaged(path: string, cause?: unknown): MillraceError {
  return new MillraceError('DATA_DIRECTORY', `cannot read "${path}"`, {
    hint: 'restore the file from a backup, or move its folder away to go on without it',
    cause,
  });
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
