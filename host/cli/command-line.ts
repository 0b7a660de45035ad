import { Command, CommanderError, Option } from 'commander';
import packageManifest from '../../package.json' with { type: 'json' };
import { MillraceError } from '../errors.ts';
import { createApiClient } from './api-client.ts';
import type { WithContext } from './command-options.ts';
import type { CommandContext, CommandParts } from './command-parts.ts';
import { addJobCommands } from './job-commands.ts';
import { addLocalCommands } from './local-commands.ts';
import { addModuleCommands } from './module-commands.ts';
import { reportFailure } from './output.ts';
import { addSavepointCommands } from './savepoint-commands.ts';

/**
 * Parses and runs one command line, without the leading `node` and script.
 * Answers the exit code: 0 done, 1 failed, 2 bad usage or an invalid document.
 */
export async function commandLine(args: readonly string[], parts: CommandParts): Promise<number> {
  const program = createProgram(parts);
  const refusals: Refusals = new Map();
  prepare(program, parts, refusals);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) return reportFailure(thrown, parts.terminal);
    return usageCode(thrown, refusals.get(thrown) ?? program, parts);
  }
}

/** Which command refused its arguments. */
type Refusals = Map<CommanderError, Command>;

function createProgram(parts: CommandParts): Command {
  const program = new Command('millrace')
    .description(
      'WebAssembly functions on streams: sandboxed, stateful, exactly once, replaceable while the job runs',
    )
    .version(packageManifest.version)
    .addOption(
      new Option('--server <url>', 'address of the server')
        .env('MILLRACE_SERVER')
        .default('http://127.0.0.1:7070'),
    )
    .addOption(new Option('--token <token>', 'bearer token').env('MILLRACE_TOKEN'))
    .option('--json', 'print JSON for programs instead of tables for people');
  const withContext: WithContext = (action, command) => action(contextOf(command, parts));
  addLocalCommands(program, withContext);
  addModuleCommands(program, withContext);
  addJobCommands(program, withContext);
  addSavepointCommands(program, withContext);
  return program;
}

/** Output goes to the terminal that was handed in, errors are thrown, and `--json` and `--server` may stand anywhere. */
function prepare(command: Command, parts: CommandParts, refusals: Refusals): void {
  command.exitOverride((error) => {
    refusals.set(error, command);
    throw error;
  });
  command.configureOutput({
    writeOut: (text) => parts.terminal.out(text),
    // The help of a command that lacks its subcommand; what is wrong is reported as every error is.
    writeErr: (text) => parts.terminal.error(text),
    outputError: () => {},
  });
  for (const child of command.commands) {
    if (child.commands.length === 0) {
      child.addOption(new Option('--json').hideHelp());
      child.addOption(new Option('--server <url>').hideHelp());
      child.addOption(new Option('--token <token>').hideHelp());
    }
    prepare(child, parts, refusals);
  }
}

function contextOf(command: Command, parts: CommandParts): CommandContext {
  const globals = rootOf(command).opts<{ server: string; token?: string; json?: boolean }>();
  const own = command.opts<{ server?: string; token?: string; json?: boolean }>();
  const url = own.server ?? globals.server;
  if (!URL.canParse(url)) {
    throw new MillraceError('USAGE', `"${url}" is not the address of a server`, {
      hint: 'write it like http://127.0.0.1:7070',
    });
  }
  return {
    ...parts,
    json: own.json === true || globals.json === true,
    client: createApiClient({ url, token: own.token ?? globals.token }),
  };
}

function rootOf(command: Command): Command {
  let root = command;
  while (root.parent !== null) root = root.parent;
  return root;
}

/** Help and version are no errors; everything else that commander refuses is bad usage. */
function usageCode(error: CommanderError, command: Command, parts: CommandParts): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') return 2;
  const [text, suggestion] = error.message.split('\n');
  const message = text
    .replace(/^error: /, '')
    .replace(/\.$/, '')
    .replace(/\. (\w)/, (_, letter: string) => `: ${letter.toLowerCase()}`)
    .replaceAll(/(?<!\w)'([^']*)'/g, '"$1"');
  const hint = [suggestedName(suggestion), hintFor(command)].join('');
  return reportFailure(new MillraceError('USAGE', message, { hint }), parts.terminal);
}

/** `(Did you mean run?)`, as commander puts it. */
function suggestedName(suggestion: string | undefined): string {
  const [, names] = /^\(Did you mean (?:one of )?(.*)\?\)$/.exec(suggestion ?? '') ?? [];
  return names === undefined ? '' : `did you mean ${names}? `;
}

function hintFor(command: Command): string {
  const path = pathOf(command);
  if (command.commands.length > 0) return `"${path} --help" lists the commands`;
  return `usage: ${path} ${command.usage()}; "${path} --help" explains it`;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
