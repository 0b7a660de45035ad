import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { runPipeline } from '../../runtime/run-pipeline.ts';
import { readStorageLocation } from '../../storage/storage-location.ts';
import type { CommandContext } from '../command-parts.ts';
import { cancelled, catalogModules, summarise, watchJob } from '../foreground-job.ts';
import { readInput } from '../module-file.ts';
import { readPipelineFile } from '../prepare-pipeline.ts';
import { formatDuration } from '../table.ts';

export interface RunOptions {
  readonly data?: string;
  readonly checkpoints?: string;
  readonly parallelism?: number;
  readonly set: readonly string[];
}

/**
 * `millrace run PIPELINE`: runs it here until its sources end. Records that a `stdout` sink writes go to standard output,
 * everything else to standard error. Ctrl-C once stops with a last checkpoint, from which the next run with the same
 * `--data` goes on; twice ends at once.
 */
export async function run(
  context: CommandContext,
  file: string,
  options: RunOptions,
): Promise<void> {
  const path = resolve(context.workingDirectory, file);
  const text = new TextDecoder().decode(await readInput(path));
  const directory = dirname(path);
  const pipeline = readPipelineFile({ text, directory, set: options.set });
  const data = options.data && resolve(context.workingDirectory, options.data);
  const startedMs = performance.now();
  const watched = watchJob(context, data);
  try {
    const ended = await runPipeline(pipeline, {
      baseDirectory: directory,
      data,
      checkpoints:
        options.checkpoints === undefined
          ? undefined
          : readStorageLocation(options.checkpoints, process.env),
      parallelism: options.parallelism,
      modules: await catalogModules(context, pipeline, data),
      threads: Math.min(availableParallelism(), options.parallelism ?? pipeline.parallelism ?? 1),
      signal: watched.signal,
      onJob: watched.onJob,
      onRestart(error, delayMs) {
        const { code, message, hint } = error;
        const wait = formatDuration(delayMs);
        context.terminal.error(`${code}: ${message}\n  ${hint}\n  starting again in ${wait}\n`);
      },
    });
    summarise(context, ended, performance.now() - startedMs);
    if (ended.outcome.kind === 'cancelled') throw cancelled(data);
  } finally {
    watched.end();
  }
}
