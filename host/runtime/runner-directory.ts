import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { MillraceError } from '../errors.ts';
import { SOCKET_PATH_BYTES_MAX } from '../limits.ts';
import type { JobRemains } from './ended-job.ts';
import type { JobSpec } from './job-spec.ts';

/**
 * The files by which a job's runner and its supervisor find each other, in the job's directory:
 *
 *     spec.json         what the latest attempt runs                    written by who starts a runner
 *     runner-<n>.json   process and socket of attempt n                 written by the runner, first thing
 *     outcome.json      how an attempt ended                            written durably by the runner, last thing
 *     runner-<n>.log    what the process of attempt n printed
 *
 * D1  `spec.json` names attempt n before its runner starts; runners of earlier attempts are then killed.
 * D2  A runner writes its file, then reads `spec.json`, and leaves when that names another attempt. So whichever came
 *     first, a late runner is either seen and killed, or sees that it is late.
 */
export interface RunnerFile {
  readonly pid: number;
  /** `processIdentity` of the process: numbers are used again. */
  readonly identity: string | undefined;
  readonly socket: string;
  readonly attempt: number;
  readonly startedAtMs: number;
}

export interface OutcomeFile extends JobRemains {
  readonly attempt: number;
}

export const SPEC_FILE = 'spec.json';
export const OUTCOME_FILE = 'outcome.json';

const SOCKET_DIRECTORY = 'millrace-runner-';
const RUNNER_FILE = /^runner-(\d+)\.json$/;

/** Writes the spec of the attempt that is about to start. Atomic; a crash of the machine ends the runner as well. */
export function writeSpec(spec: JobSpec): void {
  mkdirSync(spec.directory, { recursive: true });
  replaceFile(join(spec.directory, SPEC_FILE), spec);
}

/** The spec of the latest attempt, or undefined when there never was one. */
export function readSpec(directory: string): JobSpec | undefined {
  return readJson<JobSpec>(join(directory, SPEC_FILE));
}

export function writeRunnerFile(directory: string, file: RunnerFile): void {
  replaceFile(runnerFile(directory, file.attempt), file);
}

export function readRunnerFile(directory: string, attempt: number): RunnerFile | undefined {
  return readJson<RunnerFile>(runnerFile(directory, attempt));
}

/** Attempts whose runner left a file, in order. */
export function listRunnerFiles(directory: string): readonly number[] {
  return readdirSync(directory)
    .map((name) => RUNNER_FILE.exec(name))
    .flatMap((match) => (match === null ? [] : [Number(match[1])]))
    .sort((a, b) => a - b);
}

/** Forgets a runner that has gone: its file and its socket. */
export function removeRunnerFile(directory: string, attempt: number): void {
  const file = readRunnerFile(directory, attempt);
  if (file !== undefined) removeSocket(directory, file.socket);
  rmSync(runnerFile(directory, attempt), { force: true });
}

/**
 * What is left of an attempt that ended; undefined while it runs, or when it went without a word. A damaged file says
 * nothing: then the job starts again from its last checkpoint, which is never wrong.
 */
export function readRemains(directory: string, attempt: number): JobRemains | undefined {
  try {
    const file = readJson<OutcomeFile>(join(directory, OUTCOME_FILE));
    return file?.attempt === attempt ? file : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Where a new runner's socket is. Beside the job if the path is short enough for a socket address, else in a new
 * directory that only this user may enter, under the temporary directory.
 */
export function newSocketPath(directory: string, attempt: number): string {
  const beside = join(directory, `runner-${attempt}.sock`);
  if (Buffer.byteLength(beside) < SOCKET_PATH_BYTES_MAX) return beside;
  return join(mkdtempSync(join(tmpdir(), SOCKET_DIRECTORY)), 'runner.sock');
}

function removeSocket(directory: string, socket: string): void {
  rmSync(socket, { force: true });
  const parent = dirname(socket);
  if (parent === directory || !basename(parent).startsWith(SOCKET_DIRECTORY)) return;
  rmSync(parent, { recursive: true, force: true });
}

/** Where the process of an attempt prints to. */
export function runnerLogPath(directory: string, attempt: number): string {
  return join(directory, `runner-${attempt}.log`);
}

function runnerFile(directory: string, attempt: number): string {
  return join(directory, `runner-${attempt}.json`);
}

function replaceFile(path: string, value: unknown): void {
  const temporary = join(dirname(path), `.${process.pid}.tmp`);
  writeFileSync(temporary, JSON.stringify(value));
  renameSync(temporary, path);
}

function readJson<T>(path: string): T | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MillraceError('STORAGE_FAILED', `cannot read "${path}"`, { cause });
  }
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new MillraceError('STORAGE_FAILED', `"${path}" is not JSON`, {
      hint: 'the file was damaged; remove it to let the job start anew from its checkpoint',
      cause,
    });
  }
}
