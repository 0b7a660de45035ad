import { type Command, Option } from 'commander';
import { OUTBOUND_RANGES } from '../connectors/outbound.ts';
import { PARALLELISM_MAX } from '../limits.ts';
import { collect, type WithContext, wholeNumber } from './command-options.ts';
import { addNexmarkCommands } from './nexmark-commands.ts';

const DATA_DEFAULT = './millrace-data';

/** Commands that need no server: serve, run, dev, new, build, inspect, types, test, nexmark, doctor. Each loads its code when it runs. */
export function addLocalCommands(program: Command, withContext: WithContext): void {
  addServe(program, withContext);
  addRun(program, withContext);
  addDev(program, withContext);
  addSourceCommands(program, withContext);
  addNexmarkCommands(program, withContext);
  program
    .command('doctor')
    .description(
      'check the machine, the data directory and the server, and say how to mend what is wrong',
    )
    .option('--data <directory>', 'data directory', DATA_DEFAULT)
    .action((options, command) =>
      withContext(
        async (context) => (await import('./commands/doctor.ts')).doctor(context, options),
        command,
      ),
    );
}

function addServe(program: Command, withContext: WithContext): void {
  program
    .command('serve')
    .description('run the server')
    .option('--port <port>', 'port to listen on; 0 takes a free one', wholeNumber(0, 65_535), 7070)
    .option(
      '--host <address>',
      'address to listen on; other than loopback only with --token-file',
      '127.0.0.1',
    )
    .option('--data <directory>', 'where modules, jobs and checkpoints live', DATA_DEFAULT)
    .option(
      '--checkpoints <url>',
      'keep checkpoints in S3: s3://BUCKET/PREFIX; credentials from the environment (AWS_ACCESS_KEY_ID, …)',
    )
    .option('--token-file <file>', 'file with the bearer tokens that requests must carry')
    .option('--tls-key <file>', 'serve HTTPS: private key, PEM')
    .option('--tls-cert <file>', 'and its certificate chain, PEM')
    .addOption(
      new Option(
        '--allow-outbound <range...>',
        'addresses that connectors of jobs may reach, too; without --token-file: loopback',
      ).choices(OUTBOUND_RANGES),
    )
    .action((options, command) =>
      withContext(
        async (context) => (await import('./commands/serve.ts')).serve(context, options),
        command,
      ),
    );
}

function addRun(program: Command, withContext: WithContext): void {
  program
    .command('run')
    .description('run a pipeline here, in the foreground, until its sources end')
    .argument('<pipeline>', 'pipeline document, YAML or JSON')
    .option('--data <directory>', 'keep checkpoints here, and go on from the last one')
    .option('--checkpoints <url>', 'keep checkpoints in S3, see serve; go on from the last one')
    .option('--parallelism <n>', 'override the parallelism', wholeNumber(1, PARALLELISM_MAX))
    .option('--set <path=value>', 'override a value of the document; may be repeated', collect, [])
    .action((pipeline, options, command) =>
      withContext(
        async (context) => (await import('./commands/run.ts')).run(context, pipeline, options),
        command,
      ),
    );
}

function addDev(program: Command, withContext: WithContext): void {
  program
    .command('dev')
    .description('run a pipeline here and swap its functions in as their sources are saved')
    .argument('<pipeline>', 'pipeline document, YAML or JSON, with modules given as .ts files')
    .option('--data <directory>', 'keep checkpoints here, and go on from the last one')
    .option('--parallelism <n>', 'override the parallelism', wholeNumber(1, PARALLELISM_MAX))
    .option('--set <path=value>', 'override a value of the document; may be repeated', collect, [])
    .action((pipeline, options, command) =>
      withContext(
        async (context) => (await import('./commands/dev.ts')).dev(context, pipeline, options),
        command,
      ),
    );
}

function addSourceCommands(program: Command, withContext: WithContext): void {
  const create = program.command('new').description('create a project');
  create
    .command('udf')
    .description('a folder with a function, a pipeline, sample input and an editor set-up')
    .argument('<name>')
    .option('--language <language>', 'assemblyscript', 'assemblyscript')
    .action((name, options, command) =>
      withContext(
        async (context) => (await import('./commands/new-udf.ts')).newUdf(context, name, options),
        command,
      ),
    );
  program
    .command('build')
    .description('compile AssemblyScript to a module')
    .argument('<source>', 'a .ts file')
    .option('-o, --output <file>', 'where the module goes')
    .action((source, options, command) =>
      withContext(
        async (context) => (await import('./commands/build.ts')).build(context, source, options),
        command,
      ),
    );
  program
    .command('inspect')
    .description('functions, records and limits of a module, or the findings of the gate')
    .argument('<file>', 'a .wasm file, or AssemblyScript source')
    .action((file, _options, command) =>
      withContext(
        async (context) => (await import('./commands/inspect.ts')).inspect(context, file),
        command,
      ),
    );
  program
    .command('types')
    .description('TypeScript types of a module, for pipelines built in TypeScript')
    .argument('<file>', 'a .wasm file, or AssemblyScript source')
    .option('-o, --output <file>', 'where the types go; standard output unless given')
    .action((file, options, command) =>
      withContext(
        async (context) =>
          (await import('./commands/write-types.ts')).writeTypes(context, file, options),
        command,
      ),
    );
  program
    .command('test')
    .description('run one function over JSON lines')
    .argument('<file>', 'a .wasm file, or AssemblyScript source')
    .argument('<function>')
    .option('--input <file>', 'JSON lines; standard input by default')
    .addOption(new Option('--expect <file>', 'JSON lines that must come out'))
    .option('--watch', 'run again whenever one of the files changes')
    .action((file, name, options, command) =>
      withContext(
        async (context) =>
          (await import('./commands/run-function.ts')).runFunction(
            context,
            { file, name },
            options,
          ),
        command,
      ),
    );
}
