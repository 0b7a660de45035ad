import type { Command } from 'commander';
import type { WithContext } from './command-options.ts';

/** `millrace modules …` */
export function addModuleCommands(program: Command, withContext: WithContext): void {
  const modules = program.command('modules').description('the catalog of the server');
  const commands = () => import('./commands/modules.ts');
  modules
    .command('push')
    .description('upload a module; AssemblyScript is compiled first')
    .argument('<file>')
    .option('--name <name>', "name in the catalog; by default the file's")
    .action((file, options, command) =>
      withContext(
        async (context) => (await commands()).pushModule(context, file, options),
        command,
      ),
    );
  modules
    .command('list')
    .description('all modules and versions')
    .action((_options, command) =>
      withContext(async (context) => (await commands()).listModules(context), command),
    );
  modules
    .command('show')
    .description('one module, or one version')
    .argument('<name[@version]>')
    .action((ref, _options, command) =>
      withContext(async (context) => (await commands()).showModule(context, ref), command),
    );
  modules
    .command('pull')
    .description('download a version')
    .argument('<name@version>')
    .option('-o, --output <file>')
    .action((ref, options, command) =>
      withContext(async (context) => (await commands()).pullModule(context, ref, options), command),
    );
  modules
    .command('delete')
    .description('remove a version that no job uses')
    .argument('<name@version>')
    .action((ref, _options, command) =>
      withContext(async (context) => (await commands()).deleteModule(context, ref), command),
    );
}
