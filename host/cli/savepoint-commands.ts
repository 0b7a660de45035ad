import type { Command } from 'commander';
import { PARALLELISM_MAX } from '../limits.ts';
import { collect, type WithContext, wholeNumber } from './command-options.ts';

const commands = () => import('./commands/savepoints.ts');

/** `millrace jobs stop | savepoint | restore` */
export function addJobSavepoints(jobs: Command, withContext: WithContext): void {
  jobs
    .command('stop')
    .description('stop with a last checkpoint')
    .argument('<job>')
    .option('--savepoint [directory]', 'leave a savepoint, which another job can begin with')
    .action((job, options, command) =>
      withContext(async (context) => (await commands()).stopJob(context, job, options), command),
    );
  jobs
    .command('savepoint')
    .description('take a savepoint of a job that goes on, and print where it is')
    .argument('<job>')
    .option('--to <directory>', 'a path, or a name in the folder "savepoints" of the server')
    .action((job, options, command) =>
      withContext(
        async (context) => (await commands()).takeSavepoint(context, job, options),
        command,
      ),
    );
  jobs
    .command('restore')
    .description('start a new job that goes on from a savepoint')
    .argument('<savepoint>', 'a path, or a name in the folder "savepoints" of the server')
    .argument('[pipeline]', 'a changed document; without one, that of the savepoint')
    .option('--allow-dropped-state', 'leave behind the state of operators that are not there')
    .option('--parallelism <n>', 'override the parallelism', wholeNumber(1, PARALLELISM_MAX))
    .option('--set <path=value>', 'override a value of the document; may be repeated', collect, [])
    .action((savepoint, file, options, command) =>
      withContext(
        async (context) => (await commands()).restoreJob(context, { savepoint, file }, options),
        command,
      ),
    );
}

/** `millrace savepoint inspect`, which needs no server. */
export function addSavepointCommands(program: Command, withContext: WithContext): void {
  program
    .command('savepoint')
    .description('savepoints on this machine')
    .command('inspect')
    .description(
      'operators, states, sizes, key counts and positions of a savepoint; checks all of it',
    )
    .argument('<directory>')
    .action((directory, _options, command) =>
      withContext(
        async (context) => (await commands()).inspectSavepoint(context, directory),
        command,
      ),
    );
}
