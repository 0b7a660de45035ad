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

/**
 * Parses and runs one command line, without the leading `node` and script.
 * Answers the exit code: 0 done, 1 failed, 2 bad usage or an invalid document.
 */
export async function commandLine(args: readonly string[], parts: CommandParts): Promise<number> {
  const program = createProgram(parts);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return usageCode(thrown, parts);
    return reportFailure(thrown, parts.terminal);
  }
}

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
    .option('--json', 'print JSON for programs instead of tables for people')
    .showHelpAfterError('hint: "millrace help" or "millrace help COMMAND" shows what there is');
  const withContext: WithContext = (action, command) => action(contextOf(command, parts));
  addLocalCommands(program, withContext);
  addModuleCommands(program, withContext);
  addJobCommands(program, withContext);
  prepare(program, parts);
  return program;
}

/** Output goes to the terminal that was handed in, errors are thrown, and `--json` and `--server` may stand anywhere. */
function prepare(command: Command, parts: CommandParts): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => parts.terminal.out(text),
    writeErr: () => {},
  });
  for (const child of command.commands) {
    if (child.commands.length === 0) {
      child.addOption(new Option('--json').hideHelp());
      child.addOption(new Option('--server <url>').hideHelp());
      child.addOption(new Option('--token <token>').hideHelp());
    }
    prepare(child, parts);
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
function usageCode(error: CommanderError, parts: CommandParts): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') return 2;
  const message = error.message.replace(/^error: /, '').replace(/\.$/, '');
  const failure = new MillraceError('USAGE', message, {
    hint: '"millrace help" lists the commands, "millrace help COMMAND" its arguments',
  });
  return reportFailure(failure, parts.terminal);
}
