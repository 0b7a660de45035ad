import { dirname, resolve } from 'node:path';
import type { ErrorReport } from '../../errors.ts';
import type { CheckpointRecord } from '../../runtime/checkpoint-record.ts';
import type { JobMetrics, OperatorMetrics } from '../../runtime/job-metrics.ts';
import type { CommandContext } from '../command-parts.ts';
import { readInput } from '../module-file.ts';
import { formatError } from '../output.ts';
import { preparePipeline } from '../prepare-pipeline.ts';
import { formatBytes, formatDuration, formatTable, formatTime } from '../table.ts';

/** A job as the server shows it. */
export interface ListedJob {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly paused: boolean;
  readonly attempt: number;
  readonly restarts: number;
  readonly createdAtMs: number;
  readonly error: ErrorReport | null;
}

/** What an attempt of a job failed with. */
interface ListedException extends ErrorReport {
  readonly atMs: number;
  readonly attempt: number;
}

/** So many of a job's latest failures are shown with it. */
const EXCEPTIONS_SHOWN = 5;

/** A job as the server shows it alone. */
interface JobDetail extends ListedJob {
  readonly modules: { readonly [step: string]: { readonly ref: string; readonly digest: string } };
  readonly checkpoint: CheckpointRecord | null;
  readonly warnings: readonly string[];
}

/** `millrace jobs submit PIPELINE`: uploads the modules it names as files, then submits it. */
export async function submitJob(
  context: CommandContext,
  file: string,
  options: { readonly set: readonly string[] },
): Promise<void> {
  const path = resolve(context.workingDirectory, file);
  const text = new TextDecoder().decode(await readInput(path));
  const directory = dirname(path);
  const body = await preparePipeline(context, { text, directory, set: options.set });
  const query = new URLSearchParams({ baseDirectory: directory });
  const job = await context.client.json<ListedJob>(`/v1/jobs?${query}`, { method: 'POST', body });
  context.terminal.out(context.json ? `${JSON.stringify(job)}\n` : `${job.id}\n`);
}

/** `millrace jobs list` */
export async function listJobs(context: CommandContext): Promise<void> {
  const { jobs } = await context.client.json<{ jobs: readonly ListedJob[] }>('/v1/jobs');
  context.terminal.out(context.json ? `${JSON.stringify(jobs)}\n` : formatJobs(jobs));
}

/** `millrace jobs show J`: its state, what runs at each step, and its newest checkpoint. */
export async function showJob(context: CommandContext, id: string): Promise<void> {
  const job = await context.client.json<JobDetail>(jobPath(id));
  if (context.json) {
    context.terminal.out(`${JSON.stringify(job)}\n`);
    return;
  }
  context.terminal.out(formatJobs([job]));
  if (job.error !== null) context.terminal.out(`\n${formatError(job.error)}`);
  for (const warning of job.warnings) context.terminal.out(`\nwarning: ${warning}\n`);
  context.terminal.out(
    `\n${formatTable(Object.entries(job.modules), [
      { title: 'STEP', value: ([step]) => step },
      { title: 'VERSION', value: ([, module]) => module.ref },
      { title: 'DIGEST', value: ([, module]) => module.digest.slice(0, 12) },
    ])}`,
  );
  if (job.checkpoint !== null) context.terminal.out(`\n${formatCheckpoints([job.checkpoint])}`);
  if (job.restarts === 0) return;
  const exceptions = await readExceptions(context, id);
  const left = exceptions.length - EXCEPTIONS_SHOWN;
  const rest = left > 0 ? `${left} earlier: millrace jobs exceptions ${id}\n` : '';
  context.terminal.out(`\n${formatExceptions(exceptions.slice(-EXCEPTIONS_SHOWN))}${rest}`);
}

/** `millrace jobs exceptions J`: what each attempt failed with. */
export async function listExceptions(context: CommandContext, id: string): Promise<void> {
  const exceptions = await readExceptions(context, id);
  context.terminal.out(
    context.json ? `${JSON.stringify(exceptions)}\n` : formatExceptions(exceptions),
  );
}

/** `millrace jobs metrics J` */
export async function showMetrics(context: CommandContext, id: string): Promise<void> {
  const metrics = await context.client.json<JobMetrics>(`${jobPath(id)}/metrics`);
  context.terminal.out(context.json ? `${JSON.stringify(metrics)}\n` : formatMetrics(metrics));
}

/** `millrace jobs checkpoints J` */
export async function listCheckpoints(context: CommandContext, id: string): Promise<void> {
  const path = `${jobPath(id)}/checkpoints`;
  const { checkpoints } = await context.client.json<{ checkpoints: readonly CheckpointRecord[] }>(
    path,
  );
  context.terminal.out(
    context.json ? `${JSON.stringify(checkpoints)}\n` : formatCheckpoints(checkpoints),
  );
}

/** `millrace jobs checkpoint J`: takes one now. */
export async function takeCheckpoint(context: CommandContext, id: string): Promise<void> {
  const path = `${jobPath(id)}/checkpoints`;
  const checkpoint = await context.client.json<CheckpointRecord>(path, { method: 'POST' });
  context.terminal.out(
    context.json ? `${JSON.stringify(checkpoint)}\n` : formatCheckpoints([checkpoint]),
  );
}

/** `millrace jobs cancel J [--purge]` */
export async function cancelJob(
  context: CommandContext,
  id: string,
  options: { readonly purge?: boolean },
): Promise<void> {
  const path = `${jobPath(id)}${options.purge ? '?purge=true' : ''}`;
  const job = await context.client.json<ListedJob>(path, { method: 'DELETE' });
  if (context.json) context.terminal.out(`${JSON.stringify(job)}\n`);
  else context.terminal.out(`${id}  ${job.state}${options.purge ? ', removed' : ''}\n`);
}

/** `millrace jobs pause | resume J` */
export async function changeJob(
  context: CommandContext,
  id: string,
  change: 'pause' | 'resume',
): Promise<void> {
  const job = await context.client.json<ListedJob>(`${jobPath(id)}/${change}`, { method: 'POST' });
  if (context.json) context.terminal.out(`${JSON.stringify(job)}\n`);
  else context.terminal.out(`${id}  ${job.state}${job.paused ? ', paused' : ''}\n`);
}

/** The path of a job's resource; the id is escaped, the server checks it. */
export function jobPath(id: string): string {
  return `/v1/jobs/${encodeURIComponent(id)}`;
}

function formatJobs(jobs: readonly ListedJob[]): string {
  return formatTable(jobs, [
    { title: 'JOB', value: (row) => row.id },
    { title: 'STATE', value: (row) => (row.paused ? `${row.state}, paused` : row.state) },
    { title: 'ATTEMPT', value: (row) => row.attempt },
    { title: 'RESTARTS', value: (row) => row.restarts },
    { title: 'CREATED', value: (row) => formatTime(row.createdAtMs) },
  ]);
}

/** A job's operators as a table, with its checkpoints and process in a line below. */
export function formatMetrics(metrics: JobMetrics): string {
  const { checkpoints, process } = metrics;
  return `${formatTable<OperatorMetrics>(metrics.operators, [
    { title: 'OPERATOR', value: (row) => row.id },
    { title: 'KIND', value: (row) => row.kind },
    { title: 'TASKS', value: (row) => row.parallelism },
    { title: 'VERSION', value: (row) => row.version },
    { title: 'RECORDS IN', value: (row) => row.recordsIn },
    { title: 'RECORDS OUT', value: (row) => row.recordsOut },
    { title: 'WATERMARK', value: (row) => formatWatermark(row.watermarkMs) },
    { title: 'LATE', value: (row) => row.lateRecords + row.droppedRecords },
    { title: 'STATE', value: (row) => formatBytes(row.stateBytes), align: 'right' },
    { title: 'KEYS', value: (row) => row.stateEntries },
    { title: 'TRAPS', value: (row) => row.traps },
    { title: 'SKIPPED', value: (row) => row.skipped },
    { title: 'DEAD', value: (row) => row.deadLetters },
  ])}${formatUserMetrics(metrics.operators)}
checkpoints  ${checkpoints.completed} completed, ${checkpoints.failed} failed
process      ${formatBytes(process.rssBytes)} resident, ${formatDuration(process.cpuMs)} of CPU
`;
}

/** What functions count and measure themselves, a table of its own. */
function formatUserMetrics(operators: readonly OperatorMetrics[]): string {
  const rows = operators.flatMap(({ id, userMetrics }) =>
    userMetrics.map((metric) => ({ id, ...metric })),
  );
  if (rows.length === 0) return '';
  return `\n${formatTable(rows, [
    { title: 'OPERATOR', value: (row) => row.id },
    { title: 'METRIC', value: (row) => row.name },
    { title: 'KIND', value: (row) => row.kind },
    { title: 'VALUE', value: (row) => row.value, align: 'right' },
  ])}`;
}

/** Of event time: as a time where it may be one, as nothing before the first record, as the end when all have been seen. */
function formatWatermark(watermarkMs: number | null | undefined): string | undefined {
  if (watermarkMs === null || watermarkMs === undefined) return undefined;
  if (watermarkMs === Number.MAX_SAFE_INTEGER) return 'end';
  const isDate = Math.abs(watermarkMs) <= 8_640_000_000_000_000;
  return isDate ? new Date(watermarkMs).toISOString() : String(watermarkMs);
}

function formatCheckpoints(checkpoints: readonly CheckpointRecord[]): string {
  return formatTable(checkpoints, [
    { title: 'CHECKPOINT', value: (row) => row.checkpoint },
    { title: 'STATE', value: (row) => row.state },
    { title: 'TRIGGERED', value: (row) => formatTime(row.triggeredAtMs) },
    { title: 'DURATION', value: (row) => formatDuration(row.durationMs), align: 'right' },
    { title: 'PAUSE', value: (row) => formatDuration(row.pauseMs), align: 'right' },
    { title: 'SIZE', value: (row) => formatBytes(row.bytes), align: 'right' },
    { title: 'REASON', value: (row) => row.reason || undefined },
  ]);
}

async function readExceptions(
  context: CommandContext,
  id: string,
): Promise<readonly ListedException[]> {
  const path = `${jobPath(id)}/exceptions`;
  return (await context.client.json<{ exceptions: readonly ListedException[] }>(path)).exceptions;
}

function formatExceptions(exceptions: readonly ListedException[]): string {
  return formatTable(exceptions, [
    { title: 'ATTEMPT', value: (row) => row.attempt },
    { title: 'FAILED', value: (row) => formatTime(row.atMs) },
    { title: 'CODE', value: (row) => row.code },
    { title: 'MESSAGE', value: (row) => row.message },
  ]);
}
