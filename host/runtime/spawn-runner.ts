import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '../errors.ts';
import { RUNNER_HEAP_MIB, RUNNER_START_TIMEOUT_MS, TABLE_ENTRIES_MAX } from '../limits.ts';
import { createEndedJob } from './ended-job.ts';
import { fenceRunners } from './fence-runners.ts';
import type { JobSpec } from './job-spec.ts';
import { connectRunner, type RunnerClient } from './runner-client.ts';
import { RUNNER_LOG_FILE, readRemains, readRunnerFile, writeSpec } from './runner-directory.ts';

export interface SpawnOptions {
  /** Absolute. Where Node keeps compiled code, so that the next runner starts faster. */
  readonly cacheDirectory?: string;
}

const PROGRAM = fileURLToPath(new URL('./runner-main.ts', import.meta.url));

/** What a runner may know of the environment that the server was started in; the rest may be secret. */
const ENVIRONMENT = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];

/** The hook that an installed package needs to run TypeScript, see `cli/local-node.js`. */
const INHERITED_FLAG = /^--(import=.*strip-types\.js|disable-warning=ExperimentalWarning)$/;

/**
 * Starts a job in a process of its own, which goes on when this one ends. Runners of earlier attempts are killed first.
 * Resolves when the job runs; throws what `startJob` throws, or `RUNNER_LOST`.
 */
export async function spawnRunner(
  spec: JobSpec,
  options: SpawnOptions = {},
): Promise<RunnerClient> {
  mkdirSync(spec.directory, { recursive: true });
  writeSpec(spec);
  await fenceRunners(spec.directory, spec.attempt);
  const child = spawnProcess(spec, options);
  try {
    await ready(child, spec);
  } finally {
    release(child);
  }
  const job = await reach(spec);
  await job.status();
  return job;
}

/** The new runner, or what is left of it: a job over little data ends before we are connected. */
async function reach(spec: JobSpec): Promise<RunnerClient> {
  const remains = () => readRemains(spec.directory, spec.attempt);
  const file = readRunnerFile(spec.directory, spec.attempt);
  try {
    if (file !== undefined) return await connectRunner({ socket: file.socket, spec, remains });
  } catch (thrown) {
    if (remains() === undefined) throw thrown;
  }
  const left = remains();
  if (left === undefined) throw startFailure(spec, 'the process ended at once');
  if (left.outcome.kind === 'failed') throw MillraceError.fromReport(left.outcome.error);
  return { ...createEndedJob(left), detach: () => {} };
}

function spawnProcess(spec: JobSpec, options: SpawnOptions): ChildProcess {
  const log = openSync(join(spec.directory, RUNNER_LOG_FILE), 'a', 0o600);
  try {
    return spawn(process.execPath, [...flags(), PROGRAM, spec.directory, String(spec.attempt)], {
      cwd: spec.directory,
      detached: true,
      env: environment(options),
      stdio: ['ignore', log, log, 'pipe'],
    });
  } finally {
    closeSync(log);
  }
}

function flags(): readonly string[] {
  return [
    `--max-old-space-size=${RUNNER_HEAP_MIB}`,
    `--wasm-max-table-size=${TABLE_ENTRIES_MAX}`,
    ...process.execArgv.filter((flag) => INHERITED_FLAG.test(flag)),
  ];
}

function environment(options: SpawnOptions): NodeJS.ProcessEnv {
  const kept = ENVIRONMENT.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  const cache = options.cacheDirectory;
  return {
    ...Object.fromEntries(kept),
    ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }),
  };
}

/** Resolves when the runner says that its socket answers. */
function ready(child: ChildProcess, spec: JobSpec): Promise<void> {
  const pipe = child.stdio[3] as Readable;
  return new Promise((resolve, reject) => {
    const lose = (reason: string, cause?: Error) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(startFailure(spec, reason, cause));
    };
    const timer = setTimeout(
      () => lose(`no answer in ${RUNNER_START_TIMEOUT_MS} ms`),
      RUNNER_START_TIMEOUT_MS,
    );
    child.once('error', (error) => lose(error.message, error));
    pipe.once('data', () => {
      clearTimeout(timer);
      resolve();
    });
    // Without a word before: the process has ended.
    pipe.once('end', () => lose('the process ended while it started'));
    pipe.once('error', (error) => lose(error.message, error));
  });
}

/** From here on neither process needs the other. */
function release(child: ChildProcess): void {
  (child.stdio[3] as Readable).destroy();
  child.unref();
}

function startFailure(spec: JobSpec, reason: string, cause?: Error): MillraceError {
  return new MillraceError('RUNNER_LOST', `runner of job "${spec.id}" did not start: ${reason}`, {
    details: lastLines(join(spec.directory, RUNNER_LOG_FILE)),
    hint: `see ${RUNNER_LOG_FILE} in the directory of the job`,
    cause,
  });
}

function lastLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-10);
  } catch {
    return [];
  }
}
