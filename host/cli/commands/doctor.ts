import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { availableParallelism, freemem } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { MillraceError } from '../../errors.ts';
import { readCounted } from '../../runtime/attempt-fence.ts';
import { createCheckpointStore } from '../../runtime/checkpoint-store.ts';
import { openJobStorage } from '../../runtime/job-storage.ts';
import type { CommandContext } from '../command-parts.ts';
import { formatBytes, formatTable } from '../table.ts';

/** Free bytes below which a data directory is called small. */
const DISK_BYTES_LOW = 1024 ** 3;

interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly found: string;
  /** How to mend it; empty when there is nothing to mend. */
  readonly mend: string;
}

/** `millrace doctor`: looks at the machine and the data directory and says how to mend what is wrong. */
export async function doctor(
  context: CommandContext,
  options: { readonly data: string },
): Promise<void> {
  const data = resolve(context.workingDirectory, options.data);
  const checks = await Promise.all([
    checkNode(),
    checkCores(),
    checkMemory(),
    checkDirectory(data),
    checkCheckpoints(data),
    checkPrlimit(),
    checkServer(context),
  ]);
  context.terminal.out(
    context.json
      ? `${JSON.stringify(checks)}\n`
      : formatTable(checks, [
          { title: 'CHECK', value: (row) => row.name },
          { title: 'STATE', value: (row) => row.state },
          { title: 'FOUND', value: (row) => row.found },
          { title: 'MEND', value: (row) => row.mend || undefined },
        ]),
  );
  const failed = checks.filter((check) => check.state === 'failed');
  if (failed.length === 0) return;
  throw new MillraceError('DATA_DIRECTORY', `${failed.length} of ${checks.length} checks failed`, {
    details: failed.map((check) => `${check.name}: ${check.found}`),
    hint: failed[0].mend,
  });
}

async function checkNode(): Promise<Check> {
  return {
    name: 'node',
    state: 'ok',
    found: `${process.version} at ${process.execPath}`,
    mend: '',
  };
}

async function checkCores(): Promise<Check> {
  const cores = availableParallelism();
  return {
    name: 'cores',
    state: cores > 1 ? 'ok' : 'warning',
    found: String(cores),
    mend: cores > 1 ? '' : 'jobs run, but parallelism above 1 gains nothing here',
  };
}

async function checkMemory(): Promise<Check> {
  const free = freemem();
  const low = free < 512 * 1024 ** 2;
  return {
    name: 'memory',
    state: low ? 'warning' : 'ok',
    found: `${formatBytes(free)} free`,
    mend: low ? 'a runner needs about 100 MiB and its state; free some or lower parallelism' : '',
  };
}

async function checkDirectory(data: string): Promise<Check> {
  const probe = join(data, `.doctor-${process.pid}`);
  try {
    await mkdir(data, { recursive: true });
    await writeFile(probe, 'probe', { flush: true });
    await rm(probe);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    return {
      name: 'data directory',
      state: 'failed',
      found: `${data} cannot be written (${reason})`,
      mend: 'choose another with --data, or give this user the right to write there',
    };
  }
  const { bavail, bsize } = await statfs(data);
  const free = bavail * bsize;
  return {
    name: 'data directory',
    state: free < DISK_BYTES_LOW ? 'warning' : 'ok',
    found: `${data}, ${formatBytes(free)} free`,
    mend: free < DISK_BYTES_LOW ? 'checkpoints fail on a full disk; free some space' : '',
  };
}

/** Reads the newest checkpoint of every job in a data directory back, as a restart would. */
async function checkCheckpoints(data: string): Promise<Check> {
  const folders = await jobFolders(data);
  const damaged: string[] = [];
  let read = 0;
  for (const { id, directory } of folders) {
    const found = await readNewest(id, directory);
    if (found !== undefined) read += 1;
    if (found !== undefined && found !== '') damaged.push(`job "${id}": ${found}`);
  }
  return {
    name: 'checkpoints',
    state: damaged.length === 0 ? 'ok' : 'warning',
    found: damaged.length === 0 ? `${read} jobs can start from their newest` : damaged.join('; '),
    mend:
      damaged.length === 0
        ? ''
        : 'a restart takes the one before; take a new one with "millrace jobs checkpoint JOB", and check the disk',
  };
}

interface JobFolder {
  readonly id: string;
  readonly directory: string;
}

/** Of jobs of a server, of its tenants, and of runs without one. */
async function jobFolders(data: string): Promise<readonly JobFolder[]> {
  const foldersIn = async (path: string) => {
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => ({ id: name, directory: join(path, name) }));
  };
  const tenants = await foldersIn(join(data, 'tenants'));
  const owners = [data, ...tenants.map(({ directory }) => directory)];
  const places = owners.flatMap((owner) => [join(owner, 'jobs'), join(owner, 'runs')]);
  return (await Promise.all(places.map(foldersIn))).flat();
}

/** What is wrong with a job's newest checkpoint; empty when nothing is, undefined when it has none. */
async function readNewest(job: string, directory: string): Promise<string | undefined> {
  try {
    const storage = openJobStorage(directory);
    const store = createCheckpointStore(storage, { job, attempt: 0 });
    const counts = await readCounted(storage);
    const newest = (await store.completed()).filter(counts).at(-1);
    if (newest === undefined) return undefined;
    await store.verify(newest);
    return '';
  } catch (thrown) {
    const { code, message } = MillraceError.from(thrown);
    return `${code}: ${message}`;
  }
}

async function checkPrlimit(): Promise<Check> {
  const found = await promisify(execFile)('prlimit', ['--version']).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
  return {
    name: 'prlimit',
    state: found === undefined ? 'warning' : 'ok',
    found: found ?? 'not installed',
    mend:
      found === undefined
        ? 'install util-linux: it bounds the CPU time of compiling uploaded source'
        : '',
  };
}

async function checkServer(context: CommandContext): Promise<Check> {
  return context.client.json<unknown>('/healthz').then(
    () => ({ name: 'server', state: 'ok' as const, found: 'answers', mend: '' }),
    (error: Error) => ({
      name: 'server',
      state: 'warning' as const,
      found: error.message,
      mend: 'start one with "millrace serve", unless you only use "millrace run"',
    }),
  );
}
