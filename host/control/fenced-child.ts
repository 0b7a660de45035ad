import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { TABLE_ENTRIES_MAX } from '../limits.ts';
import { stripTypesFlags } from '../runtime/strip-types-flags.ts';
import { ANSWER_DESCRIPTOR } from './write-answer.ts';

/** What a process may take that deals with what a stranger sent. */
export interface ChildLimits {
  /** Of wall and of CPU time. */
  readonly timeoutMs: number;
  readonly residentBytesMax: number;
  /** Bytes of its answer. */
  readonly answerBytesMax: number;
}

export interface FencedChild {
  /** Absolute path of a program of ours. It reads its work from standard input and answers on `ANSWER_DESCRIPTOR`. */
  readonly program: string;
  readonly flags: readonly string[];
  readonly input: string | Uint8Array;
  readonly limits: ChildLimits;
}

export interface ChildAnswer {
  readonly text: string;
  /** Why it was killed; undefined when it was not. */
  readonly killed: string | undefined;
}

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const WATCH_INTERVAL_MS = 50;
/** Writable memory (`ulimit -d`) per resident memory: the engine has some that it does not touch. */
const DATA_PER_RESIDENT = 1.5;

/**
 * Runs a program once in a process of its own. It may read this package and nothing else, write nothing, start nothing; it has
 * no environment, and is killed at its limits of time (wall and CPU) and memory.
 */
export async function runFencedChild(options: FencedChild): Promise<ChildAnswer> {
  const child = start(options);
  const fence = fenceChild(child, options.limits);
  try {
    child.stdin?.on('error', () => {}); // it may have ended before it read all; its exit says so
    child.stdin?.end(options.input);
    const answer = readAnswer(child, options.limits.answerBytesMax);
    const [text] = await Promise.all([answer, exit(child)]);
    return { text, killed: fence.reason() };
  } finally {
    fence.end();
  }
}

/** The shell sets the limits and becomes the program; a limit that the system does not know is left out. */
function start({ program, flags, limits }: FencedChild): ChildProcess {
  const seconds = Math.ceil(limits.timeoutMs / 1_000);
  const dataKiB = Math.ceil((limits.residentBytesMax * DATA_PER_RESIDENT) / 1024);
  const ulimits = ['-c 0', `-t ${seconds}`, `-d ${dataKiB}`];
  const script = `${ulimits.map((one) => `ulimit ${one} 2>/dev/null`).join('; ')}; exec "$0" "$@"`;
  const node = [...permissions(), `--wasm-max-table-size=${TABLE_ENTRIES_MAX}`, ...flags];
  return spawn(
    '/bin/sh',
    ['-c', script, process.execPath, ...node, ...stripTypesFlags(), program],
    {
      cwd: PACKAGE,
      env: {},
      stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
    },
  );
}

function permissions(): readonly string[] {
  const modules = createRequire(import.meta.url).resolve.paths('assemblyscript') ?? [];
  return ['--permission', ...[PACKAGE, ...modules].map((path) => `--allow-fs-read=${path}`)];
}

/** Kills the child at its limits; `reason` tells afterwards which one it was. */
function fenceChild(child: ChildProcess, { timeoutMs, residentBytesMax }: ChildLimits) {
  let reason: string | undefined;
  const kill = (why: string) => {
    reason ??= why;
    child.kill('SIGKILL');
  };
  const wall = setTimeout(() => kill(`took longer than ${timeoutMs / 1_000} s`), timeoutMs);
  const watch = setInterval(() => {
    if (residentBytes(child.pid) <= residentBytesMax) return;
    kill(`needed more than ${residentBytesMax / 2 ** 20} MiB of memory`);
  }, WATCH_INTERVAL_MS);
  return {
    reason: () => reason,
    end() {
      clearTimeout(wall);
      clearInterval(watch);
      child.kill('SIGKILL');
    },
  };
}

async function readAnswer(child: ChildProcess, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of child.stdio[ANSWER_DESCRIPTOR] as Readable) {
    bytes += (chunk as Buffer).length;
    if (bytes > bytesMax) break;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function exit(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('exit', () => resolve());
    child.once('error', reject);
  });
}

/** Linux tells; elsewhere the limits of time and heap must do. */
function residentBytes(pid: number | undefined): number {
  try {
    const [, resident] = readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ');
    return Number(resident) * 4096;
  } catch {
    return 0;
  }
}
