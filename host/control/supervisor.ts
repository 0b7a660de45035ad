import { availableParallelism } from 'node:os';
import type { Clock } from '../clock.ts';
import type { Outbound } from '../connectors/outbound.ts';
import { MillraceError } from '../errors.ts';
import { placeCheckpoints, removeFarCheckpoints } from '../runtime/job-storage.ts';
import type { StorageLocation } from '../storage/storage-location.ts';
import type { Catalog } from './catalog.ts';
import type { CatalogVersion } from './catalog-index.ts';
import type { JobRunners } from './job-runners.ts';
import type { JobStore } from './job-store.ts';
import type { PlannedPipeline } from './plan-request.ts';
import type { PlannedRestore } from './plan-restore.ts';
import { isFinal, type StoredJob } from './stored-job.ts';
import { SupervisedJob } from './supervised-job.ts';

export interface SupervisorOptions {
  readonly store: JobStore;
  readonly catalog: Catalog;
  readonly runners: JobRunners;
  readonly clock: Clock;
  /** Where checkpoints of new jobs go; undefined = into their directories. */
  readonly checkpoints?: StorageLocation | undefined;
  /** Which addresses the connectors of jobs may reach; undefined = any. */
  readonly outbound?: Outbound;
  /** Makes what a job needs before it is stored and started. */
  prepare(job: StoredJob): Promise<void>;
  /** Called before a job's files are removed. */
  forget(job: string): Promise<void>;
  log(level: 'info' | 'warn' | 'error', text: string): void;
}

/** The jobs of a server. */
export interface Supervisor {
  /**
   * Stores a job, then starts it; resolves before it runs. A job that begins with a savepoint gets it before it is stored:
   * it must never be found without. Throws `STORAGE_FAILED`, and what `begin` throws.
   */
  submit(planned: PlannedPipeline | PlannedRestore): Promise<SupervisedJob>;
  /** In the order of their submission. */
  list(): readonly SupervisedJob[];
  /** Throws `JOB_NOT_FOUND`. */
  job(id: string): SupervisedJob;
  /** Cancels a job that is not over, then forgets it and removes its files. */
  purge(id: string): Promise<void>;
  /** Ids of the jobs that refer to a module version. */
  usedBy(version: CatalogVersion): readonly string[];
  /** Lets go of all jobs; they go on without a server. */
  close(): Promise<void>;
}

/** Reads the stored jobs and takes up those that are not over. */
export async function openSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { store, catalog, runners, clock, log } = options;
  const jobs = new Map<string, SupervisedJob>();
  const supervise = (stored: StoredJob) => {
    const job = new SupervisedJob(stored, {
      directory: store.directoryOf(stored.id),
      runners,
      clock,
      ...(options.outbound === undefined ? {} : { outbound: options.outbound }),
      threads: Math.min(stored.plan.parallelism, availableParallelism()),
      save: (next) => store.save(next),
      modulePath: (digest) => catalog.pathOf(digest),
      log,
    });
    jobs.set(stored.id, job);
    return job;
  };
  for (const stored of await store.load()) supervise(stored).takeUp();

  return {
    async submit(planned) {
      const id = `${planned.plan.name}-${await store.nextNumber()}`;
      const stored = newJob(id, planned, clock.nowMs());
      // Known before it is stored: from here on its modules cannot be deleted.
      const job = supervise(stored);
      try {
        for (const { ref } of Object.values(planned.modules)) catalog.resolve(ref);
        const directory = store.directoryOf(id);
        const { checkpoints } = options;
        if (checkpoints !== undefined) await placeCheckpoints(directory, id, checkpoints);
        if ('begin' in planned) await planned.begin({ id, directory });
        await options.prepare(stored);
        await store.save(stored);
      } catch (thrown) {
        jobs.delete(id);
        await options.forget(id);
        await store.remove(id);
        throw thrown;
      }
      job.start();
      return job;
    },
    list: () => [...jobs.values()],
    job: (id) => jobs.get(id) ?? notFound(id, jobs),
    async purge(id) {
      const job = jobs.get(id) ?? notFound(id, jobs);
      if (!isFinal(job.stored.state)) await job.cancel();
      await job.close();
      await options.forget(id);
      await removeFarCheckpoints(store.directoryOf(id));
      await store.remove(id);
      jobs.delete(id);
    },
    usedBy: (version) =>
      [...jobs.values()]
        .filter((job) => job.stored.digests.includes(version.digest))
        .map((job) => job.stored.id),
    async close() {
      await Promise.all([...jobs.values()].map((job) => job.close()));
    },
  };
}

function newJob(id: string, planned: PlannedPipeline | PlannedRestore, nowMs: number): StoredJob {
  const { document, plan, modules } = planned;
  const more = 'digests' in planned ? planned.digests : [];
  return {
    format: 1,
    id,
    pipeline: document,
    plan,
    modules,
    digests: [...new Set([...Object.values(modules).map((module) => module.digest), ...more])],
    state: 'created',
    desired: 'running',
    attempt: 0,
    restarts: 0,
    createdAtMs: nowMs,
    startedAtMs: null,
    endedAtMs: null,
    error: null,
    exceptions: [],
  };
}

function notFound(id: string, jobs: ReadonlyMap<string, unknown>): never {
  const known = [...jobs.keys()].slice(-20);
  throw new MillraceError('JOB_NOT_FOUND', `there is no job ${JSON.stringify(id.slice(0, 160))}`, {
    hint: known.length === 0 ? 'no job was submitted yet' : `there are ${known.join(', ')}`,
  });
}
