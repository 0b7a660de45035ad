import { commandLine } from './cli/command-line.ts';
import type { CommandParts } from './cli/command-parts.ts';
import { processTerminal } from './cli/output.ts';

/** Runs the command line of this process and sets its exit code. Called by the entry `cli/millrace.js`. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  endWithReader(process.stdout);
  process.exitCode = await commandLine(args, processParts());
}

/** Who pipes the output into `head` has read enough: that is an end, not an error. */
function endWithReader(output: NodeJS.WriteStream): void {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
}

/** What the command line works with in a real process. What only one command needs is loaded when it is asked for. */
function processParts(): CommandParts {
  return {
    terminal: processTerminal(),
    workingDirectory: process.cwd(),
    serve: async (options) => (await import('./control/serve.ts')).serve(options),
    catalogModule: async (data, ref) =>
      (await import('./control/read-catalog-module.ts')).readCatalogModule(data, ref),
    interrupted: createInterrupted(),
  };
}

/**
 * Two requests to stop within this time are one: nobody is that fast, and the entry passes on what a terminal may have
 * sent to both processes.
 */
const INTERRUPT_GAP_MS = 200;

/** Each promise resolves at the next request to stop. Until the first is asked for, a request ends the process as ever. */
function createInterrupted(): () => Promise<void> {
  let waiting: (() => void)[] = [];
  let listening = false;
  let lastMs = Number.NEGATIVE_INFINITY;
  const interrupt = () => {
    const nowMs = performance.now();
    if (nowMs - lastMs < INTERRUPT_GAP_MS) return;
    lastMs = nowMs;
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  };
  return () => {
    if (!listening) for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, interrupt);
    listening = true;
    return new Promise((resolve) => waiting.push(resolve));
  };
}
