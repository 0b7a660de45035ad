import { commandLine } from '../../host/cli/command-line.ts';
import type { CommandParts } from '../../host/cli/command-parts.ts';
import { readCatalogModule } from '../../host/control/read-catalog-module.ts';
import { serve } from '../../host/control/serve.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export interface CommandEnd {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** The command line in this process, with a terminal that keeps what a person would see. */
export interface CommandBench {
  /** Where commands run; goes away with the test. */
  readonly directory: string;
  /** What the command that runs has said so far. */
  readonly said: { readonly out: string; readonly error: string };
  run(...args: string[]): Promise<CommandEnd>;
  /** The JSON that a command prints with `--json`. Throws when it fails or prints anything else. */
  json<T>(...args: string[]): Promise<T>;
  /** Ctrl-C. */
  interrupt(): void;
}

/** `globals` stand before the arguments of every command. */
export function createCommandBench(globals: readonly string[] = []): CommandBench {
  const directory = temporaryDirectory();
  const said = { out: '', error: '' };
  let waiting: (() => void)[] = [];
  const parts: CommandParts = {
    terminal: {
      out: (text) => {
        said.out += text;
      },
      error: (text) => {
        said.error += text;
      },
      columns: undefined,
    },
    workingDirectory: directory,
    serve,
    catalogModule: readCatalogModule,
    interrupted: () => new Promise((resolve) => waiting.push(resolve)),
  };
  const run = async (...args: string[]) => {
    said.out = '';
    said.error = '';
    const code = await commandLine([...globals, ...args], parts);
    return { code, ...said };
  };
  return {
    directory,
    said,
    run,
    async json<T>(...args: string[]) {
      const { code, out, error } = await run(...args, '--json');
      if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${error}`);
      return JSON.parse(out) as T;
    },
    interrupt() {
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
    },
  };
}
