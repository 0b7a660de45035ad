import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { RowObject } from '../../host/abi/row-object.ts';
import type { Connector } from '../../host/connectors/connector.ts';
import { checkPipeline, type Pipeline } from '../../host/dataflow/pipeline.ts';
import { planPipeline } from '../../host/dataflow/plan-pipeline.ts';
import type { JobParts } from '../../host/runtime/job-parts.ts';
import type { JobSpec } from '../../host/runtime/job-spec.ts';
import { createLocalWorkers } from '../../host/runtime/local-workers.ts';
import type { RunningJob, UpdateRequest } from '../../host/runtime/running-job.ts';
import { startJob } from '../../host/runtime/start-job.ts';
import { createThreadWorkers } from '../../host/runtime/thread-workers.ts';
import type { WorkerHost } from '../../host/runtime/worker-host.ts';
import { GATE_FILE } from './gated-connector.ts';
import { compiledModule, createTaskParts } from './job-task-parts.ts';
import { decodeBatch } from './rows.ts';

/** A job in a directory of its own, that can be started again and again, and the records its `memory` sinks committed. */
export interface JobBench {
  readonly directory: string;
  readonly spec: JobSpec;
  /** Starts the next attempt. */
  start(change?: StartChange): Promise<RunningJob>;
  /** Ends the workers of the running attempt without a word; resolves when the job knows. */
  kill(): Promise<void>;
  /** Lets the sources and sinks of connector `gated` go on. */
  openGate(): void;
  /** Committed records of a sink, in order of commit; a repeated delivery counts once. */
  committed(sink: string): readonly RowObject[];
  /** The same records by delivery: what one task wrote between two checkpoints. */
  runs(sink: string): readonly DeliveredRun[];
  /** The update of a step to the module with this digest. */
  update(step: string, digest: string): UpdateRequest;
}

export interface JobBenchOptions {
  readonly pipeline: Omit<Pipeline, 'name'>;
  readonly threads?: number;
  readonly parallelism?: number;
  readonly connectors?: readonly Connector[];
  readonly parts?: Partial<JobParts>;
}

export interface DeliveredRun {
  readonly task: number;
  /** The checkpoint that committed it, if it was in this attempt. */
  readonly checkpoint: number;
  readonly records: readonly RowObject[];
}

export interface StartChange {
  readonly parallelism?: number;
  readonly threads?: number;
  readonly parts?: Partial<JobParts>;
}

/** Makes a `JobBench`. Its directory is removed when the test ends, and jobs that still run are cancelled. */
export function createJobBench(options: JobBenchOptions): JobBench {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  const base = createTaskParts(directory);
  const taskPartsModule = new URL('./job-task-parts.ts', import.meta.url).href;
  const connectors = new Map(base.connectors);
  for (const connector of options.connectors ?? []) connectors.set(connector.name, connector);
  const delivered = new Map<string, DeliveredRun[]>();
  const seen = new Set<string>();
  const jobs: RunningJob[] = [];
  let attempt = 0;
  let checkpoint = 0;
  let host: WorkerHost | undefined;

  function specOf(change: StartChange): JobSpec {
    const { plan, modules } = planOf(options, connectors, directory, change);
    return {
      id: 'job-1',
      directory,
      plan,
      modules,
      modulePaths: { v1: 'v1' },
      attempt,
      threads: change.threads ?? options.threads ?? 0,
    };
  }

  onTestFinished(async () => {
    for (const job of jobs) await job.cancel();
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    directory,
    spec: specOf({}),
    async start(change = {}) {
      attempt += 1;
      const spec = specOf(change);
      const sinks = spec.plan.chains.flatMap((chain) => chain.operators);
      const job = await startJob(spec, {
        ...(spec.threads === 0 ? { ...base, connectors } : {}),
        taskPartsModule,
        startWorkers(starts, onDeath) {
          const local = () =>
            createLocalWorkers({ ...base, connectors, ...options.parts, ...change.parts });
          const startWorkers = spec.threads === 0 ? local() : createThreadWorkers(taskPartsModule);
          host = startWorkers(starts, onDeath);
          return host;
        },
        readModule: async (path) => new TextEncoder().encode(path),
        deliver(sink, batch, key) {
          if (seen.has(key)) return;
          seen.add(key);
          const schema = sinks.find((one) => one.id === sink);
          if (schema?.kind !== 'sink') throw new Error(`no sink "${sink}"`);
          const [, , task] = JSON.parse(key) as [string, string, number];
          const records = decodeBatch(schema.schema, batch);
          const runs = delivered.get(sink) ?? [];
          delivered.set(sink, [...runs, { task, checkpoint, records }]);
        },
        ...options.parts,
        ...change.parts,
      });
      jobs.push(job);
      job.subscribe((event) => {
        // Sinks commit after the checkpoint is complete and before the next begins.
        if (event.kind === 'checkpoint') checkpoint = event.checkpoint.checkpoint;
      });
      return job;
    },
    async kill() {
      host?.kill();
      await jobs.at(-1)?.ended;
    },
    openGate: () => writeFileSync(join(directory, GATE_FILE), ''),
    committed: (sink) => (delivered.get(sink) ?? []).flatMap((run) => run.records),
    runs: (sink) => delivered.get(sink) ?? [],
    update: (step, digest) => ({
      step,
      module: { ref: `text@${digest}`, digest },
      path: digest,
      strategy: 'barrier',
    }),
  };
}

function planOf(
  options: JobBenchOptions,
  connectors: ReadonlyMap<string, Connector>,
  baseDirectory: string,
  change: StartChange,
) {
  const { description } = compiledModule('v1');
  return planPipeline(
    checkPipeline({ name: 'job', modules: { text: 'text@v1' }, ...options.pipeline }),
    {
      modules: new Map([['text', { ref: 'text@v1', digest: 'v1', description }]]),
      connectors,
      baseDirectory,
      parallelism: change.parallelism ?? options.parallelism,
    },
  );
}
