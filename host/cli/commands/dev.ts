import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { Pipeline } from '../../dataflow/pipeline.ts';
import { MillraceError } from '../../errors.ts';
import { runPipeline } from '../../runtime/run-pipeline.ts';
import type { RunningJob, UpdateRequest } from '../../runtime/running-job.ts';
import type { UpdateRecord } from '../../runtime/update-record.ts';
import { gate } from '../../sandbox/gate.ts';
import { writeFileDurably } from '../../storage/write-file-durably.ts';
import type { CommandContext } from '../command-parts.ts';
import { catalogModules, summarise, type WatchedJob, watchJob } from '../foreground-job.ts';
import { loadModuleFile, readInput } from '../module-file.ts';
import { reportFailure } from '../output.ts';
import { readPipelineFile } from '../prepare-pipeline.ts';
import { SourceWatch } from '../source-watch.ts';
import { formatDuration } from '../table.ts';
import type { RunOptions } from './run.ts';

/** A module that is compiled from source. */
interface DevModule {
  readonly alias: string;
  readonly path: string;
  /** Of the last source that compiled. */
  compiled: { readonly digest: string; readonly wasm: Uint8Array } | undefined;
}

interface DevRun {
  readonly context: CommandContext;
  readonly pipeline: Pipeline;
  readonly directory: string;
  readonly data: string;
  readonly options: RunOptions;
  readonly modules: readonly DevModule[];
  readonly watch: SourceWatch;
}

/**
 * `millrace dev PIPELINE`: runs it here and swaps its functions in as their sources are saved, state kept. What does not compile is
 * shown with file and line, and the old version goes on. A run that has ended begins again with the next change.
 */
export async function dev(
  context: CommandContext,
  file: string,
  options: RunOptions,
): Promise<void> {
  const path = resolve(context.workingDirectory, file);
  const directory = dirname(path);
  const text = new TextDecoder().decode(await readInput(path));
  const pipeline = readPipelineFile({ text, directory, set: options.set });
  const modules = sourceModules(pipeline, directory);
  const data = options.data
    ? resolve(context.workingDirectory, options.data)
    : await mkdtemp(join(tmpdir(), 'millrace-dev-'));
  const watch = new SourceWatch(modules.map((module) => module.path));
  try {
    await runAgain({ context, pipeline, directory, data, options, modules, watch });
  } finally {
    watch.close();
    if (options.data === undefined) await rm(data, { recursive: true, force: true });
  }
}

function sourceModules(pipeline: Pipeline, directory: string): DevModule[] {
  const modules = Object.entries(pipeline.modules ?? {}).flatMap(([alias, reference]) =>
    reference.endsWith('.ts')
      ? [{ alias, path: resolve(directory, reference), compiled: undefined }]
      : [],
  );
  if (modules.length > 0) return modules;
  throw new MillraceError('USAGE', 'the pipeline has no module that is compiled from source', {
    hint: 'dev watches modules given as .ts files, such as "text: ./words.ts"; use "millrace run" for others',
  });
}

/** Runs until the user ends it: once, and again with each change after a run has ended. */
async function runAgain(run: DevRun): Promise<void> {
  const { context, watch } = run;
  const watched = watchJob(context, run.options.data);
  const stopped = new Promise<undefined>((done) => {
    watched.signal.addEventListener('abort', () => done(undefined));
  });
  try {
    while (!watched.signal.aborted) {
      if (await compileAll(run)) await runOnce(run, watched);
      if (watched.signal.aborted) return;
      say(context, 'waiting for a change; Ctrl-C ends');
      await Promise.race([watch.changed(), stopped]);
    }
  } finally {
    watched.end();
  }
}

/** Compiles what has changed; false = something does not compile, and was shown. */
async function compileAll({ context, modules }: DevRun): Promise<boolean> {
  try {
    for (const module of modules) {
      const wasm = await loadModuleFile(module.path);
      module.compiled = { digest: gate(wasm).digest, wasm };
    }
    return true;
  } catch (thrown) {
    reportFailure(thrown, context.terminal);
    return false;
  }
}

async function runOnce(run: DevRun, watched: WatchedJob): Promise<void> {
  const { context, pipeline, options, data } = run;
  const startedMs = performance.now();
  const ended = new AbortController();
  const restart = new AbortController();
  try {
    const result = await runPipeline(pipeline, {
      baseDirectory: run.directory,
      data,
      parallelism: options.parallelism,
      modules: {
        ...(await catalogModules(context, pipeline, options.data)),
        ...Object.fromEntries(
          run.modules.map(({ alias, compiled }) => [alias, compiled?.wasm ?? '']),
        ),
      },
      threads: Math.min(availableParallelism(), options.parallelism ?? pipeline.parallelism ?? 1),
      signal: AbortSignal.any([watched.signal, restart.signal]),
      onJob(job) {
        watched.onJob(job);
        void swapOnChange(run, job, ended.signal);
      },
    });
    summarise(context, result, performance.now() - startedMs);
  } catch (thrown) {
    reportFailure(thrown, context.terminal);
  } finally {
    ended.abort();
  }
}

/** Swaps what changes into the running job, until it has ended. */
async function swapOnChange(run: DevRun, job: RunningJob, ended: AbortSignal): Promise<void> {
  const over = new Promise<undefined>((done) => {
    ended.addEventListener('abort', () => done(undefined));
  });
  for (;;) {
    const seenMs = await Promise.race([run.watch.changed(), over]);
    if (seenMs === undefined) return;
    for (const module of run.modules) {
      try {
        await swapModule(run, job, { module, seenMs });
      } catch (thrown) {
        if (!ended.aborted) reportFailure(thrown, run.context.terminal);
      }
    }
  }
}

/** Compiles a module and, when it is another one, has every step that runs it change over. */
async function swapModule(
  run: DevRun,
  job: RunningJob,
  { module, seenMs }: { readonly module: DevModule; readonly seenMs: number },
): Promise<void> {
  const wasm = await loadModuleFile(module.path);
  const { digest } = gate(wasm);
  const before = module.compiled?.digest;
  if (digest === before) return;
  const compiledMs = performance.now() - seenMs;
  const path = join(run.data, 'runs', run.pipeline.name, 'modules', `${digest}.wasm`);
  await writeFileDurably(path, wasm);
  const { modules } = await job.status();
  const steps = Object.keys(modules).filter((step) => modules[step].digest === before);
  const ref = basename(module.path);
  for (const step of steps) await swapStep(job, { step, module: { ref, digest }, path });
  module.compiled = { digest, wasm };
  const totalMs = performance.now() - seenMs;
  say(
    run.context,
    `${ref}: ${steps.join(', ')} swapped ${formatDuration(totalMs)} after the change, ${formatDuration(compiledMs)} of it compiling`,
  );
}

/** Resolves when the step runs the module; throws why it does not. */
async function swapStep(job: RunningJob, wanted: Omit<UpdateRequest, 'strategy'>): Promise<void> {
  const records = new Map<number, UpdateRecord>();
  let ended = false;
  let next = Promise.withResolvers<void>();
  // Listening before asking: the update may be over before its answer is here.
  const end = job.subscribe((event) => {
    if (event.kind === 'update') records.set(event.update.update, event.update);
    if (event.kind === 'ended') ended = true;
    next.resolve();
    next = Promise.withResolvers();
  });
  try {
    const { update } = await job.update({ ...wanted, strategy: 'barrier' });
    for (;;) {
      const { promise } = next;
      const record = records.get(update);
      if (record?.state === 'settled') return;
      if (record?.state === 'refused') throw refused(record);
      if (ended) throw new MillraceError('JOB_STATE', 'the run ended before the swap');
      await promise;
    }
  } finally {
    end();
  }
}

function refused(record: UpdateRecord): MillraceError {
  return new MillraceError('UPDATE_REFUSED', record.reason, {
    hint: 'the version before goes on; one with other records needs a new run',
  });
}

function say(context: CommandContext, text: string): void {
  context.terminal.error(context.json ? `${JSON.stringify({ dev: text })}\n` : `${text}\n`);
}
