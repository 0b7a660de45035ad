import { randomUUID } from 'node:crypto';
import { MillraceError } from '../errors.ts';
import { takeFence } from './attempt-fence.ts';
import { createCheckpointStore } from './checkpoint-store.ts';
import { Coordinator, type CoordinatorOptions } from './coordinator.ts';
import { deployTasks } from './deploy-tasks.ts';
import { JobLog } from './job-log.ts';
import { completeParts, type JobParts } from './job-parts.ts';
import type { JobSpec } from './job-spec.ts';
import {
  compileModules,
  findSplits,
  modulesOf,
  readModule,
  recordOf,
  recoverSinks,
} from './prepare-job.ts';
import { recoverCheckpoint } from './recover-checkpoint.ts';
import type { RunningJob } from './running-job.ts';
import { UpdateLog } from './update-log.ts';
import { createWakeWords } from './wake-words.ts';
import { writeSavepoint } from './write-savepoint.ts';

/**
 * Starts a job in this process, from its newest checkpoint that can be read back, or from the beginning. Resolves when all
 * its tasks run; throws what keeps it from running (`SOURCE_UNAVAILABLE`, `CHECKPOINT_CORRUPT`, `MODULE_NOT_FOUND`, …).
 *
 *     const job = await startJob(spec);
 *     const outcome = await job.ended;
 */
export async function startJob(spec: JobSpec, parts: Partial<JobParts> = {}): Promise<RunningJob> {
  const complete = await completeParts(spec, parts);
  const log = new JobLog(complete.clock, (line) => complete.files.log(line));
  try {
    return await start(spec, complete, log);
  } catch (thrown) {
    const { code, message } = MillraceError.from(thrown);
    log.add({ level: 'error', text: `attempt ${spec.attempt} did not start: ${code}: ${message}` });
    log.close();
    throw thrown;
  }
}

async function start(spec: JobSpec, parts: JobParts, log: JobLog): Promise<RunningJob> {
  const { plan } = spec;
  const { clock, storage, files } = parts;
  const say = log.add.bind(log);
  const begun = await begin(spec, parts, say);
  const { store, fence, manifest, counted } = begun;
  const updates = await UpdateLog.open({ storage, nowMs: () => clock.nowMs(), log: say });
  await updates.reconcile(manifest);
  const modules = modulesOf(spec, manifest);
  const compiled = await compileModules({ spec, modules, updates, parts });
  await recoverSinks(spec, parts, manifest);
  const splits = await findSplits(plan, parts.connectors, manifest);
  const workers = Math.max(1, Math.min(spec.threads, plan.parallelism));
  const deployment = deployTasks(plan, workers, splits, manifest);
  const letGo = parts.keepAlive();
  const coordinator = new Coordinator({
    spec,
    workers,
    clock,
    log: say,
    pid: process.pid,
    warnings: begun.passedOver,
    usage: parts.usage,
    deliver: parts.deliver,
    checkpoints: {
      tasks: deployment.tasks,
      splitOrder: orderOf(splits),
      nextCheckpoint: begun.nextCheckpoint,
      completed: counted.map(({ checkpoint }) => checkpoint),
      restored: manifest && recordOf(manifest),
      store,
      assertHeld: fence.assertHeld,
      publishDeadLetters: (lines) => files.appendDeadLetters(lines),
    },
    swaps: { modules, sandbox: parts.sandbox, readModule: parts.readModule, updates },
    save: saver(spec, parts, updates),
    onEnded() {
      letGo();
      log.close();
    },
  });
  if (manifest?.final === true) {
    await coordinator.finishAtOnce();
    return coordinator;
  }
  const wakeWords = spec.threads > 0 ? createWakeWords(workers) : undefined;
  const starts = deployment.workers.map((share, worker) => ({
    worker,
    job: spec.id,
    directory: spec.directory,
    attempt: spec.attempt,
    plan,
    modules,
    compiled,
    ...share,
    wakeWords,
    outbound: spec.outbound,
  }));
  try {
    await coordinator.start((onDeath) => parts.startWorkers(starts, onDeath));
  } catch (thrown) {
    await coordinator.ended;
    throw thrown;
  }
  say({ level: 'info', text: `attempt ${spec.attempt} runs on ${describe(spec, workers)}` });
  return coordinator;
}

/** Ends earlier attempts, and finds what this one goes on from. */
async function begin(spec: JobSpec, { storage, files }: JobParts, say: JobLog['add']) {
  const fence = await takeFence(storage, spec, randomUUID());
  const store = createCheckpointStore(storage, { job: spec.id, attempt: spec.attempt });
  const recovered = await recoverCheckpoint(store, fence, spec.plan.keyGroups);
  const { manifest, counted, passedOver } = recovered;
  for (const text of passedOver) say({ level: 'error', text });
  await fence.begin(counted);
  if (manifest !== undefined) {
    say({ level: 'info', text: `restoring checkpoint ${manifest.checkpoint}` });
    await files.restoreDeadLetters(manifest.checkpoint, await store.deadLetters(manifest));
  }
  return { store, fence, ...recovered };
}

/** Makes savepoints of the job's checkpoints. */
function saver(spec: JobSpec, parts: JobParts, updates: UpdateLog): CoordinatorOptions['save'] {
  const { storage } = parts;
  return (request, checkpoint) =>
    writeSavepoint(request, checkpoint, {
      spec,
      storage,
      readModule: (version) => readModule(version, { spec, updates, parts }),
    });
}

function describe(spec: JobSpec, workers: number): string {
  return spec.threads > 0 ? `${workers} worker threads` : 'the calling thread';
}

/** Split id → its place, by source. */
function orderOf(
  splits: ReadonlyMap<string, readonly { readonly id: string }[]>,
): ReadonlyMap<string, ReadonlyMap<string, number>> {
  return new Map(
    [...splits].map(([source, list]) => [source, new Map(list.map(({ id }, i) => [id, i]))]),
  );
}
