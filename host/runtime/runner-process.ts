import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, renameSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { RUNNER_HEAP_MIB, RUNNER_MEMORY_KIB, TABLE_ENTRIES_MAX } from '../limits.ts';
import { stripTypesFlags } from './strip-types-flags.ts';

export interface RunnerProcessOptions {
  /** What the process prints goes here. */
  readonly logPath: string;
  /** Absolute; the working directory until there is a job. */
  readonly directory: string;
  /** Absolute. Where Node keeps compiled code, so that the next runner starts faster. */
  readonly cacheDirectory: string | undefined;
  /** What it gets to know beside the few variables that every runner does. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Which job a runner process is to run. */
export interface RunnerAssignment {
  /** The job's, with its spec in it. */
  readonly directory: string;
  readonly attempt: number;
}

/** A process that loads what a runner needs and waits to be told its job. It leaves when its parent dies before that. */
export interface RunnerProcess {
  readonly running: boolean;
  /** Tells it its job, and resolves when its socket answers. Throws what keeps it from that, with a plain reason. */
  assign(assignment: RunnerAssignment, logPath: string, timeoutMs: number): Promise<void>;
  /** Ends a process that has no job yet. */
  discard(): void;
}

const PROGRAM = fileURLToPath(new URL('./runner-main.ts', import.meta.url));
/** The line between parent and runner, both ways, until the runner answers on its socket. */
const LINE_DESCRIPTOR = 3;

/** What a runner may know of the environment that the server was started in; the rest may be secret. */
const ENVIRONMENT = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];

/** Starts a process that is to become a runner. Detached: it outlives this one as soon as it has a job. */
export function startRunnerProcess(options: RunnerProcessOptions): RunnerProcess {
  const child = start(options);
  const line = child.stdio[LINE_DESCRIPTOR] as Duplex;
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  // Both tell themselves by the end of the line as well.
  line.on('error', () => {});
  child.unref();
  return {
    get running() {
      return failure === undefined && child.pid !== undefined && child.exitCode === null;
    },
    async assign(assignment, logPath, timeoutMs) {
      try {
        if (logPath !== options.logPath) renameSync(options.logPath, logPath);
        line.write(`${JSON.stringify(assignment)}\n`);
        await answer(line, timeoutMs);
      } catch (thrown) {
        child.kill('SIGKILL');
        throw failure ?? thrown;
      } finally {
        line.destroy();
      }
    },
    discard() {
      line.destroy();
      child.kill('SIGKILL');
    },
  };
}

function start({ logPath, directory, ...given }: RunnerProcessOptions): ChildProcess {
  const log = openSync(logPath, 'a', 0o600);
  try {
    const program = [process.execPath, ...flags(), PROGRAM];
    return spawn('/bin/sh', ['-c', LIMITED, String(RUNNER_MEMORY_KIB), ...program], {
      cwd: directory,
      detached: true,
      env: environment(given),
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
    ...stripTypesFlags(),
  ];
}

/** The shell's limits stay with the process that takes its place: memory it may write to, and no picture of it on the disk. */
const LIMITED = 'ulimit -c 0; ulimit -d "$0"; exec "$@"';

function environment(
  given: Pick<RunnerProcessOptions, 'cacheDirectory' | 'environment'>,
): NodeJS.ProcessEnv {
  const kept: NodeJS.ProcessEnv = { ...given.environment };
  for (const name of ENVIRONMENT) {
    if (process.env[name] !== undefined) kept[name] = process.env[name];
  }
  if (given.cacheDirectory !== undefined) kept.NODE_COMPILE_CACHE = given.cacheDirectory;
  return kept;
}

/** Resolves with the runner's first word. Its end without one means that the process has ended. */
function answer(line: Duplex, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
    line.once('data', () => {
      clearTimeout(timer);
      resolve();
    });
    line.once('close', () => {
      clearTimeout(timer);
      reject(new Error('the process ended while it started'));
    });
  });
}
