import { type Command, Option } from 'commander';
import { TAP_ROWS_MAX } from '../server-limits.ts';
import { collect, type WithContext, wholeNumber } from './command-options.ts';
import { addJobSavepoints } from './savepoint-commands.ts';

const commands = () => import('./commands/jobs.ts');

/** `millrace jobs …` */
export function addJobCommands(program: Command, withContext: WithContext): void {
  const jobs = program.command('jobs').description('the jobs of the server');
  jobs
    .command('submit')
    .description('start a pipeline; modules given as files are uploaded first')
    .argument('<pipeline>')
    .option('--set <path=value>', 'override a value of the document; may be repeated', collect, [])
    .action((pipeline, options, command) =>
      withContext(
        async (context) => (await commands()).submitJob(context, pipeline, options),
        command,
      ),
    );
  jobs
    .command('list')
    .description('all jobs')
    .action((_options, command) =>
      withContext(async (context) => (await commands()).listJobs(context), command),
    );
  addViews(jobs, withContext);
  addChanges(jobs, withContext);
  addJobSavepoints(jobs, withContext);
  addUpdates(jobs, withContext);
  addSteps(jobs, withContext);
}

function addSteps(jobs: Command, withContext: WithContext): void {
  const steps = () => import('./commands/steps.ts');
  jobs
    .command('tap')
    .description('samples of what a step puts out, until Ctrl-C; the job does not wait')
    .argument('<job>')
    .argument('<step>')
    .option(
      '--rows <n>',
      'of each task, at most three times a second',
      wholeNumber(1, TAP_ROWS_MAX),
      10,
    )
    .action((job, step, options, command) =>
      withContext(
        async (context) => (await steps()).tapStep(context, { job, step }, options),
        command,
      ),
    );
  jobs
    .command('state')
    .description('the state of a key, as it is now')
    .argument('<job>')
    .argument('<step>')
    .argument(
      '<state>',
      '"state" of reduce and aggregate; of process functions the name of the state',
    )
    .argument('<key>', 'the value, or a JSON object when the key has several fields')
    .action((job, step, state, key, _options, command) =>
      withContext(
        async (context) => (await steps()).showState(context, { job, step, state, key }),
        command,
      ),
    );
}

function addViews(jobs: Command, withContext: WithContext): void {
  const views = {
    show: { description: 'state, versions and newest checkpoint', view: 'showJob' },
    metrics: { description: 'records, state and errors per operator', view: 'showMetrics' },
    exceptions: { description: 'what each attempt failed with', view: 'listExceptions' },
    checkpoints: { description: 'checkpoints with their cost', view: 'listCheckpoints' },
  } as const;
  for (const [name, { description, view }] of Object.entries(views)) {
    jobs
      .command(name)
      .description(description)
      .argument('<job>')
      .action((job, _options, command) =>
        withContext(async (context) => (await commands())[view](context, job), command),
      );
  }
  jobs
    .command('logs')
    .description("the job's log and what its functions log")
    .argument('<job>')
    .option('-f, --follow', 'go on as lines are written')
    .option('--step <step>', 'of one step')
    .option('--version <version>', 'of one module version')
    .addOption(
      new Option('--level <level>', 'lowest level').choices(['debug', 'info', 'warn', 'error']),
    )
    .action((job, options, command) =>
      withContext(
        async (context) => (await import('./commands/logs.ts')).showLogs(context, job, options),
        command,
      ),
    );
  jobs
    .command('dead-letters')
    .description('records that failed for good')
    .argument('<job>')
    .action((job, _options, command) =>
      withContext(
        async (context) => (await import('./commands/logs.ts')).listDeadLetters(context, job),
        command,
      ),
    );
}

function addChanges(jobs: Command, withContext: WithContext): void {
  const changes = {
    pause: 'stop reading the sources',
    resume: 'read the sources again',
  } as const;
  for (const [change, description] of Object.entries(changes)) {
    jobs
      .command(change)
      .description(description)
      .argument('<job>')
      .action((job, _options, command) =>
        withContext(
          async (context) =>
            (await commands()).changeJob(context, job, change as keyof typeof changes),
          command,
        ),
      );
  }
  jobs
    .command('cancel')
    .description('end at once; nothing after the last checkpoint is kept')
    .argument('<job>')
    .option('--purge', 'also forget the job and remove its files, even if it has ended')
    .action((job, options, command) =>
      withContext(async (context) => (await commands()).cancelJob(context, job, options), command),
    );
  jobs
    .command('checkpoint')
    .description('take a checkpoint now')
    .argument('<job>')
    .action((job, _options, command) =>
      withContext(async (context) => (await commands()).takeCheckpoint(context, job), command),
    );
}

function addUpdates(jobs: Command, withContext: WithContext): void {
  const updates = () => import('./commands/updates.ts');
  jobs
    .command('update')
    .description('hot-swap the module of a step')
    .argument('<job>')
    .argument('<step>')
    .argument('<module@version>')
    .addOption(
      new Option('--strategy <strategy>', 'how the new version takes over')
        .choices(['barrier'])
        .default('barrier'),
    )
    .option('--wait', 'until it is settled or refused')
    .action((job, step, module, options, command) =>
      withContext(
        async (context) => (await updates()).updateJob(context, { job, step, module }, options),
        command,
      ),
    );
  jobs
    .command('updates')
    .description('hot swaps with their states and pauses')
    .argument('<job>')
    .action((job, _options, command) =>
      withContext(async (context) => (await updates()).listUpdates(context, job), command),
    );
}
