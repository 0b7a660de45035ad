import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** The command's entry, as `bin` in package.json names it. */
export const COMMAND = fileURLToPath(new URL('../../host/cli/millrace.js', import.meta.url));

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly error: string;
}

/** A program that runs, and how it ends. */
export interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<ProgramEnd>;
}

/** Starts a program with an empty standard input, and collects what it says. */
export function startProgram(
  program: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env' | 'detached'> = {},
): Program {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<Pick<ProgramEnd, 'code' | 'signal'>>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const ended = Promise.all([exited, text(child.stdout!), text(child.stderr!)]).then(
    ([exit, out, error]) => ({ ...exit, out, error }),
  );
  return { child, ended };
}

/** The same to its end. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env'> = {},
): Promise<ProgramEnd> {
  return startProgram(program, args, options).ended;
}
