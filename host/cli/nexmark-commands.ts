import { type Command, Option } from 'commander';
import { SPLITS_MAX } from '../limits.ts';
import { type WithContext, wholeNumber } from './command-options.ts';

/** Events that the published results of the benchmark are of. */
const EVENTS_DEFAULT = 100_000;
const COUNT_MAX = 2 ** 50;

/** Commands around the Nexmark benchmark. */
export function addNexmarkCommands(program: Command, withContext: WithContext): void {
  const nexmark = program.command('nexmark').description('the events of the Nexmark benchmark');
  nexmark
    .command('generate')
    .description('write people, auctions and bids, the same that Apache Beam makes')
    .option('--events <n>', 'events in all', wholeNumber(0, COUNT_MAX), EVENTS_DEFAULT)
    .addOption(
      new Option('--kind <kind>', 'all of them as Event records, or the records of one kind')
        .choices(['all', 'person', 'auction', 'bid'])
        .default('all'),
    )
    .option('--seed <n>', 'other values than those of Beam', wholeNumber(0, COUNT_MAX), 0)
    .option('--generators <n>', 'timelines beside each other', wholeNumber(1, SPLITS_MAX), 1)
    .option('--first-id <n>', 'id of the first event', wholeNumber(0, COUNT_MAX), 0)
    .option('--rate <n>', 'events a second of event time', wholeNumber(1, 1_000_000), 10_000)
    .option('--out-of-order <n>', 'size of the groups to shuffle', wholeNumber(1, 1_000_000), 1)
    .option('--base-time <time>', 'when events begin: ISO 8601, or now')
    .addOption(
      new Option('--format <format>', 'how records are written')
        .choices(['json', 'csv', 'rows'])
        .default('json'),
    )
    .option('-o, --output <file>', 'where they go; standard output by default')
    .action((options, command) =>
      withContext(
        async (context) =>
          (await import('./commands/nexmark.ts')).generateNexmark(context, options),
        command,
      ),
    );
}
