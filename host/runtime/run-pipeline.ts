import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { RowObject } from '../abi/row-object.ts';
import type { Pipeline } from '../dataflow/pipeline.ts';
import { planPipeline } from '../dataflow/plan-pipeline.ts';
import type { RestartStrategy } from '../dataflow/restart-strategy.ts';
import { MillraceError } from '../errors.ts';
import { RESTART_ATTEMPTS, RESTART_DELAY_MS } from '../limits.ts';
import type { StorageLocation } from '../storage/storage-location.ts';
import { writeFileDurably } from '../storage/write-file-durably.ts';
import { latestAttempt } from './attempt-fence.ts';
import { CollectedRows } from './collected-rows.ts';
import { decideRestart, NO_FAILURES } from './decide-restart.ts';
import type { JobMetrics } from './job-metrics.ts';
import type { JobParts } from './job-parts.ts';
import type { JobSpec } from './job-spec.ts';
import { openJobStorage, placeCheckpoints } from './job-storage.ts';
import { loadModules } from './load-modules.ts';
import type { JobOutcome, RunningJob } from './running-job.ts';
import { startJob } from './start-job.ts';

export interface RunPipelineOptions {
  readonly parallelism?: number;
  /** Worker threads; 0, the default, runs everything in the calling thread. */
  readonly threads?: number;
  /** Relative paths of the pipeline are taken from here; the working directory unless given. */
  readonly baseDirectory?: string;
  /**
   * Where checkpoints, log and dead letters are kept. A run that was stopped or killed goes on from there the next time.
   * Without it they are in a temporary directory and removed at the end.
   */
  readonly data?: string;
  /** Where checkpoints are kept instead; a run of this pipeline goes on from there, on whatever machine. */
  readonly checkpoints?: StorageLocation;
  /** By alias, instead of what the document says: a `.wasm` or `.ts` file, or the bytes of a module. */
  readonly modules?: { readonly [alias: string]: string | Uint8Array };
  /** Stops the run with a last checkpoint. */
  readonly signal?: AbortSignal;
  /** What a failure that a restart may mend leads to, instead of what the pipeline says; three restarts if neither says anything. */
  readonly restart?: RestartStrategy;
  /** Is told of every failure that a restart follows. */
  readonly onRestart?: (error: MillraceError, delayMs: number) => void;
  /** Is shown every attempt, for events, updates and `cancel`. */
  readonly onJob?: (job: RunningJob) => void;
  readonly parts?: Partial<JobParts>;
}

export interface PipelineRun {
  readonly outcome: Exclude<JobOutcome, { readonly kind: 'failed' }>;
  readonly attempts: number;
  /** Of the last attempt. */
  readonly metrics: JobMetrics;
  /** What each `memory` sink has committed, in order. */
  readonly records: { readonly [sink: string]: readonly RowObject[] };
}

/**
 * Runs a pipeline in this process until its sources end, with the restarts that a server would do. Throws what keeps it
 * from running, `RESTARTS_EXHAUSTED`, and errors that a restart would only meet again.
 *
 *     const { records } = await runPipeline(readPipeline(text), { parallelism: 2 });
 *     console.log(records.out);
 */
export async function runPipeline(
  pipeline: Pipeline,
  options: RunPipelineOptions = {},
): Promise<PipelineRun> {
  const { data } = options;
  const directory =
    data === undefined
      ? await mkdtemp(join(tmpdir(), 'millrace-run-'))
      : resolve(data, 'runs', pipeline.name);
  try {
    await mkdir(directory, { recursive: true });
    if (options.checkpoints !== undefined) {
      await placeCheckpoints(directory, pipeline.name, options.checkpoints);
    }
    const run = await runIn(directory, pipeline, options);
    // The next run of this pipeline begins anew.
    if (run.outcome.kind === 'finished') await removeCheckpoints(directory);
    return run;
  } finally {
    if (data === undefined) await remove(directory);
  }
}

async function runIn(
  directory: string,
  pipeline: Pipeline,
  options: RunPipelineOptions,
): Promise<PipelineRun> {
  const spec = await createSpec(directory, pipeline, options);
  const collected = new CollectedRows();
  const parts = { deliver: collected.add.bind(collected), ...options.parts };
  const strategy = options.restart ?? spec.plan.restart;
  const first = await nextAttempt(directory);
  let memory = NO_FAILURES;
  // A pipeline that has run waits for storage as a server's does; one that never did has a mistake in its options, more likely.
  let hasRun = false;
  const onJob = (job: RunningJob) => {
    hasRun = true;
    options.onJob?.(job);
  };
  for (let attempt = first; ; attempt += 1) {
    await writeFileDurably(join(directory, 'attempt'), new TextEncoder().encode(`${attempt}`));
    const ended = await runOnce({ ...spec, attempt }, parts, { ...options, onJob });
    if ('outcome' in ended) {
      return { ...ended, attempts: attempt - first + 1, records: collected.records(spec.plan) };
    }
    const error = MillraceError.fromReport(ended.error);
    if (error.code === 'INTERNAL' || options.signal?.aborted) throw error;
    const waits = hasRun && error.code === 'STORAGE_FAILED';
    const decision = decideRestart({
      job: spec.id,
      error,
      strategy: strategy ?? (waits ? undefined : DEFAULT_RESTART),
      restarts: attempt - first,
      memory,
      nowMs: Date.now(),
      random: Math.random,
    });
    if (decision.kind === 'fail') throw decision.error;
    ({ memory } = decision);
    options.onRestart?.(error, decision.delayMs);
    await waited(decision.delayMs, options.signal);
  }
}

const DEFAULT_RESTART: RestartStrategy = {
  kind: 'fixedDelay',
  attempts: RESTART_ATTEMPTS,
  delayMs: RESTART_DELAY_MS,
};

/** Resolves after so long, or when nobody wants to wait any more. */
function waited(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    signal?.addEventListener('abort', done);
  });
}

async function createSpec(
  directory: string,
  pipeline: Pipeline,
  options: RunPipelineOptions,
): Promise<JobSpec> {
  const baseDirectory = resolve(options.baseDirectory ?? '.');
  const { createTaskParts } = await import('./default-task-parts.ts');
  const { sandbox, connectors } = { ...createTaskParts(directory), ...options.parts };
  const given = options.modules ?? {};
  const loaded = await loadModules(pipeline, { given, baseDirectory, directory, sandbox });
  const { plan, modules } = planPipeline(pipeline, {
    modules: loaded.planned,
    connectors,
    baseDirectory,
    parallelism: options.parallelism,
  });
  return {
    id: pipeline.name,
    directory,
    plan,
    modules,
    modulePaths: loaded.paths,
    attempt: 0,
    threads: options.threads ?? 0,
  };
}

interface EndedWell {
  readonly outcome: PipelineRun['outcome'];
  readonly metrics: JobMetrics;
}

/** One attempt, to its end. One that could not start has failed: what it needs may be there the next time. */
async function runOnce(
  spec: JobSpec,
  parts: Partial<JobParts>,
  options: RunPipelineOptions,
): Promise<EndedWell | Extract<JobOutcome, { kind: 'failed' }>> {
  const { signal } = options;
  let job: RunningJob;
  try {
    job = await startJob(spec, parts);
  } catch (thrown) {
    return { kind: 'failed', error: MillraceError.from(thrown).report() };
  }
  // A stop that fails leaves the job running: its log says why, and the caller may cancel it.
  const stop = () => void job.stop().catch(() => {});
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  try {
    options.onJob?.(job);
    const outcome = await job.ended;
    return outcome.kind === 'failed' ? outcome : { outcome, metrics: await job.metrics() };
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Above every one that has begun, here or, where the checkpoints are far, on another machine. */
async function nextAttempt(directory: string): Promise<number> {
  const text = await readFile(join(directory, 'attempt'), 'utf8').catch(() => '0');
  const begun = await latestAttempt(openJobStorage(directory));
  return Math.max(Number.parseInt(text, 10) || 0, begun) + 1;
}

async function removeCheckpoints(directory: string): Promise<void> {
  const storage = openJobStorage(directory);
  for (const blob of await storage.list('checkpoints/')) await storage.delete(blob);
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
