/** A pipeline that runs in the foreground: its modules, its progress, Ctrl-C, and what it says at the end. */
import type { Pipeline } from '../dataflow/pipeline.ts';
import { MillraceError } from '../errors.ts';
import type { JobMetrics } from '../runtime/job-metrics.ts';
import type { PipelineRun } from '../runtime/run-pipeline.ts';
import type { RunningJob } from '../runtime/running-job.ts';
import type { CommandContext } from './command-parts.ts';
import { formatMetrics } from './commands/jobs.ts';
import { isFile } from './prepare-pipeline.ts';
import { formatCount, formatDuration } from './table.ts';

/** The first progress line comes when a person would begin to wonder. */
const PROGRESS_INTERVAL_MS = 1_000;

/** Modules that the document takes from a catalog: they are in the data directory of the server that keeps it. */
export async function catalogModules(
  context: CommandContext,
  pipeline: Pipeline,
  data: string | undefined,
): Promise<Record<string, Uint8Array>> {
  const found: Record<string, Uint8Array> = {};
  for (const [alias, ref] of Object.entries(pipeline.modules ?? {})) {
    if (isFile(ref)) continue;
    if (data === undefined) {
      throw new MillraceError(
        'MODULE_NOT_FOUND',
        `module "${ref}" is a catalog version, and no catalog was named`,
        {
          hint: 'name the data directory of the server with --data, or give the module as a file',
        },
      );
    }
    found[alias] = await context.catalogModule(data, ref);
  }
  return found;
}

export interface WatchedJob {
  readonly signal: AbortSignal;
  readonly onJob: (job: RunningJob) => void;
  end(): void;
}

/** Prints progress while the job runs, and turns the first and second Ctrl-C into `stop` and `cancel`. */
export function watchJob(context: CommandContext, data: string | undefined): WatchedJob {
  const stopped = new AbortController();
  let job: RunningJob | undefined;
  let previous: JobMetrics | undefined;
  void (async () => {
    await context.interrupted();
    context.terminal.error(`${stopping(data)}; Ctrl-C again ends at once\n`);
    stopped.abort();
    await context.interrupted();
    await job?.cancel();
  })();
  const timer = setInterval(async () => {
    const metrics = await job?.metrics().catch(() => undefined);
    if (metrics === undefined) return;
    if (previous !== undefined && !context.json)
      context.terminal.error(`${progressLine(previous, metrics)}\n`);
    previous = metrics;
  }, PROGRESS_INTERVAL_MS);
  return {
    signal: stopped.signal,
    onJob(attempt) {
      job = attempt;
      previous = undefined;
    },
    end: () => clearInterval(timer),
  };
}

function stopping(data: string | undefined): string {
  return data === undefined
    ? 'stopping; without --data the next run begins anew'
    : 'stopping with a last checkpoint, from which a run with the same --data goes on';
}

export function cancelled(data: string | undefined): MillraceError {
  return new MillraceError('JOB_STATE', 'the run was ended before it was done', {
    hint:
      data === undefined
        ? 'run it again to begin anew'
        : 'a run with the same --data goes on from the last checkpoint',
  });
}

function progressLine(before: JobMetrics, now: JobMetrics): string {
  const seconds = (now.atMs - before.atMs) / 1_000;
  const read = sourceRecords(now);
  const rate = (read - sourceRecords(before)) / seconds;
  const lag = now.operators.reduce((sum, operator) => sum + (operator.lagBytes ?? 0), 0);
  const parts = [
    `${formatCount(read)} records read`,
    `${formatCount(Math.round(rate))} records/s`,
    `lag ${(lag / 2 ** 20).toFixed(1)} MiB`,
    `${now.checkpoints.completed} checkpoints`,
  ];
  return parts.join('  ·  ');
}

function sourceRecords(metrics: JobMetrics): number {
  return metrics.operators
    .filter((operator) => operator.kind === 'source')
    .reduce((sum, operator) => sum + operator.recordsOut, 0);
}

export function summarise(context: CommandContext, ended: PipelineRun, durationMs: number): void {
  const { outcome, metrics, attempts } = ended;
  if (context.json) {
    context.terminal.error(`${JSON.stringify({ outcome, attempts, durationMs, metrics })}\n`);
    return;
  }
  const restarts = attempts > 1 ? ` after ${attempts - 1} restarts` : '';
  context.terminal.error(
    `\n${formatMetrics(metrics)}${outcome.kind}${restarts} in ${formatDuration(durationMs)}\n`,
  );
  for (const [sink, records] of Object.entries(ended.records)) {
    context.terminal.error(`${sink}: ${formatCount(records.length)} records in memory\n`);
  }
}
