import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type ErrorReport, MillraceError } from '../errors.ts';
import {
  COMPILE_RSS_BYTES_MAX,
  COMPILE_TIMEOUT_MS,
  COMPILED_BYTES_MAX,
  TABLE_ENTRIES_MAX,
} from '../limits.ts';
import { stripTypesFlags } from '../runtime/strip-types-flags.ts';
import type { ModuleUpload } from './catalog.ts';
import { createMutex } from './mutex.ts';

/** Compiles a stranger's AssemblyScript. Throws `COMPILE_FAILED`. */
export type CompileSource = (source: {
  readonly source: string;
  readonly name: string;
}) => Promise<ModuleUpload>;

/** What the child writes to its descriptor 3: one JSON object. */
export type CompileResult =
  | { readonly ok: true; readonly wasm: string; readonly sourceMap: string }
  | { readonly ok: false; readonly error: ErrorReport };

export interface CompileLimits {
  /** Of wall and of CPU time. */
  readonly timeoutMs: number;
  readonly residentBytesMax: number;
}

const LIMITS: CompileLimits = {
  timeoutMs: COMPILE_TIMEOUT_MS,
  residentBytesMax: COMPILE_RSS_BYTES_MAX,
};

const PROGRAM = fileURLToPath(new URL('./compile-child.ts', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const WATCH_INTERVAL_MS = 50;

/**
 * A compiler in a process of its own for each source, one at a time: source can make the compiler run for ever, take all
 * memory or end its process. The child may read this package and nothing else, write nothing, and is killed at its limits
 * of time (wall and CPU) and memory.
 */
export function createCompileSource(limits: CompileLimits = LIMITS): CompileSource {
  const oneAtATime = createMutex();
  return ({ source, name }) => oneAtATime(() => compile({ source, name }, limits));
}

async function compile(
  { source, name }: Parameters<CompileSource>[0],
  limits: CompileLimits,
): Promise<ModuleUpload> {
  const child = startChild(limits);
  const fence = fenceChild(child, limits);
  try {
    child.stdin?.on('error', () => {}); // it may have ended before it read all; its exit says so
    child.stdin?.end(JSON.stringify({ source, name }));
    const [text] = await Promise.all([readResult(child), exit(child)]);
    return decode(name, text, fence.reason());
  } finally {
    fence.end();
  }
}

function startChild({ timeoutMs }: CompileLimits): ChildProcess {
  const command = [process.execPath, ...flags(), PROGRAM];
  const prlimit = findProgram('prlimit');
  const seconds = Math.ceil(timeoutMs / 1_000);
  if (prlimit !== undefined) command.unshift(prlimit, `--cpu=${seconds}`, '--core=0', '--');
  const [program, ...args] = command;
  return spawn(program, args, {
    cwd: PACKAGE,
    env: {},
    stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
  });
}

function flags(): readonly string[] {
  const modules = createRequire(import.meta.url).resolve.paths('assemblyscript') ?? [];
  const readable = [PACKAGE, ...modules].map((path) => `--allow-fs-read=${path}`);
  return [
    '--permission',
    ...readable,
    '--max-old-space-size=512',
    `--wasm-max-table-size=${TABLE_ENTRIES_MAX}`,
    ...stripTypesFlags(),
  ];
}

/** Kills the child at its limits; `reason` tells afterwards which one it was. */
function fenceChild(child: ChildProcess, { timeoutMs, residentBytesMax }: CompileLimits) {
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

async function readResult(child: ChildProcess): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of child.stdio[3] as Readable) {
    bytes += (chunk as Buffer).length;
    if (bytes > COMPILED_BYTES_MAX) break;
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

function decode(name: string, text: string, fenced: string | undefined): ModuleUpload {
  let result: CompileResult;
  try {
    result = JSON.parse(text) as CompileResult;
  } catch {
    const reason = fenced ?? 'ended without a result';
    throw new MillraceError('COMPILE_FAILED', `compiling "${name}" ${reason}`, {
      hint: 'compile it on your own machine with "millrace build" and upload the module',
    });
  }
  if (!result.ok) throw MillraceError.fromReport(result.error);
  return { wasm: Buffer.from(result.wasm, 'base64'), sourceMap: result.sourceMap };
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

function findProgram(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}
