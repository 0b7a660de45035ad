import type { Clock } from '../clock.ts';
import type { Outbound } from '../connectors/outbound.ts';
import { MillraceError } from '../errors.ts';
import { CANCEL_TIMEOUT_MS, EXCEPTIONS_MAX } from '../limits.ts';
import type { Json } from '../model/json.ts';
import type { CheckpointRecord } from '../runtime/checkpoint-record.ts';
import { decideRestart, NO_FAILURES } from '../runtime/decide-restart.ts';
import type { JobMetrics } from '../runtime/job-metrics.ts';
import type { JobSpec } from '../runtime/job-spec.ts';
import type { RunnerClient } from '../runtime/runner-client.ts';
import type { JobOutcome, JobReport } from '../runtime/running-job.ts';
import type { SavepointRecord, SavepointRequest } from '../runtime/savepoint.ts';
import { readSavepoint } from '../runtime/savepoint-file.ts';
import type { UpdateRecord } from '../runtime/update-record.ts';
import { createLocalBlobStore } from '../storage/local-blob-store.ts';
import type { CatalogVersion } from './catalog-index.ts';
import { type JobJournal, openJobJournal } from './job-journal.ts';
import type { JobRunners } from './job-runners.ts';
import { createMutex } from './mutex.ts';
import { isFinal, type JobState, type StoredJob } from './stored-job.ts';

export interface SupervisedJobParts {
  readonly directory: string;
  readonly runners: JobRunners;
  readonly clock: Clock;
  readonly threads: number;
  /** Which addresses the job's connectors may reach; undefined = any. */
  readonly outbound?: Outbound;
  save(job: StoredJob): Promise<void>;
  modulePath(digest: string): string;
  log(level: 'info' | 'warn' | 'error', text: string): void;
}

/**
 * One job and its runner, if it has one now. Brings the job to where the user wants it, through failures of the runner
 * and restarts of this process.
 *
 * J1  At most one attempt runs: a new one starts when the one before has been told ended or was killed.
 * J2  A final state never changes.
 * J3  What the user wants is durable before anything is done about it, so a restart of the server pursues it further.
 * J4  A digest is named in the stored job before a runner may need it.
 */
export class SupervisedJob {
  readonly #parts: SupervisedJobParts;
  readonly #saves = createMutex();
  readonly #final = Promise.withResolvers<void>();
  #stored: StoredJob;
  #runner: RunnerClient | undefined;
  /** The start or take-up under way. */
  #launch: Promise<void> = Promise.resolve();
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  constructor(stored: StoredJob, parts: SupervisedJobParts) {
    this.#stored = stored;
    this.#parts = parts;
    if (isFinal(stored.state)) this.#final.resolve();
  }

  get stored(): StoredJob {
    return this.#stored;
  }

  /** Absolute: what its runners write is in there. */
  get directory(): string {
    return this.#parts.directory;
  }

  /** What its runners wrote down for people. */
  get journal(): JobJournal {
    return openJobJournal(this.#parts.directory);
  }

  /** The runner, for reading; undefined while there is none. */
  get runner(): RunnerClient | undefined {
    return this.#runner;
  }

  /** Resolves when the job is in a final state. */
  get final(): Promise<void> {
    return this.#final.promise;
  }

  /** Starts a job for the first time. */
  start(): void {
    this.#launch = this.#start();
  }

  /** After a restart of the server: finds the runner again, or what it left, or starts another. */
  takeUp(): void {
    if (!isFinal(this.#stored.state)) this.#launch = this.#takeUp();
  }

  /** The runner, to ask something of it that a job without one cannot do. Throws `JOB_STATE`. */
  running(what: string): RunnerClient {
    this.#assertLive(what);
    if (this.#runner !== undefined) return this.#runner;
    throw this.#wrongState(what, 'its runner is being started; try again in a moment');
  }

  /** What its runner says of itself, or what the last one left. Undefined before the first has said anything. */
  async report(): Promise<JobReport | undefined> {
    try {
      if (this.#runner !== undefined) return await this.#runner.status();
    } catch {
      // It was lost this moment; the stored job will say so.
    }
    const { directory, runners } = this.#parts;
    return runners.remains(directory, this.#stored.attempt)?.report;
  }

  /** Its numbers: of the runner, or the last ones of a job that has ended. Throws `JOB_STATE`. */
  async metrics(): Promise<JobMetrics> {
    if (this.#runner !== undefined) return this.#runner.metrics();
    const { directory, runners } = this.#parts;
    const remains = runners.remains(directory, this.#stored.attempt);
    if (remains !== undefined) return remains.metrics;
    throw this.#wrongState('tell its numbers', 'only a job that runs or has ended by itself can');
  }

  /** Ends the job with a last checkpoint, which it answers, and leaves a savepoint of it in `savepoint`. */
  async stop(savepoint?: string): Promise<CheckpointRecord | undefined> {
    this.#assertLive('be stopped');
    const before = this.#stored.desired;
    await this.#want('stopped', savepoint);
    const runner = this.#runner;
    let checkpoint: CheckpointRecord | undefined;
    try {
      checkpoint = await runner?.stop(this.#leaving(false));
    } catch (thrown) {
      const error = MillraceError.from(thrown);
      // A runner that was lost is followed by another, which is stopped in its turn; one that refuses goes on.
      if (error.scope !== 'task' && error.code !== 'JOB_STATE') {
        await this.#want(before);
        throw error;
      }
    }
    await this.final;
    const { error, state } = this.#stored;
    if (state === 'failed' && error !== null) throw MillraceError.fromReport(error);
    if (savepoint !== undefined && checkpoint === undefined) await this.#assertLeft(savepoint);
    return checkpoint;
  }

  /** Takes a savepoint of a job that goes on. Throws what `RunningJob.savepoint` throws, and `JOB_STATE`. */
  savepoint(directory: string): Promise<SavepointRecord> {
    const pipeline = this.#stored.pipeline as Json;
    return this.running('be saved').savepoint({ directory, pipeline });
  }

  /** Ends the job at once; what came after the last checkpoint is not kept. */
  async cancel(): Promise<void> {
    this.#assertLive('be cancelled');
    await this.#want('cancelled');
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    const { clock, directory, runners } = this.#parts;
    const late = Promise.withResolvers<void>();
    const endWait = clock.after(CANCEL_TIMEOUT_MS, late.resolve);
    await Promise.race([this.#cancelRunner(), late.promise]);
    endWait();
    // Killing what has ended does nothing; killing what hangs makes it end.
    await runners.kill(directory, this.#stored.attempt);
    if (this.#runner === undefined) await this.#end('cancelled', null);
    await this.final;
  }

  async pause(): Promise<void> {
    this.#assertLive('be paused');
    await this.#want('paused');
    await this.#runner?.pause();
  }

  async resume(): Promise<void> {
    this.#assertLive('be resumed');
    await this.#want('running');
    await this.#runner?.resume();
  }

  /** Swaps the module of a step. Throws what `RunningJob.update` throws, and `JOB_STATE`. */
  async update(step: string, version: CatalogVersion): Promise<UpdateRecord> {
    this.running('be updated');
    const { ref, digest } = version;
    if (!this.#stored.digests.includes(digest)) {
      await this.#save({ digests: [...this.#stored.digests, digest] });
    }
    const path = this.#parts.modulePath(digest);
    const runner = this.running('be updated');
    return runner.update({ step, module: { ref, digest }, path, strategy: 'barrier' });
  }

  /** Lets go of the job without ending it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    await this.#launch;
    this.#runner?.detach();
    await this.#saves(async () => {});
  }

  async #start(): Promise<void> {
    const { runners, directory, clock } = this.#parts;
    // The spec counts as well: a full disk may have kept an attempt out of the stored job.
    const latest = Math.max(this.#stored.attempt, runners.latestAttempt(directory));
    this.#change({ attempt: latest + 1, startedAtMs: clock.nowMs() });
    try {
      await this.#adopt(await runners.spawn(this.#spec()));
    } catch (thrown) {
      await this.#fail(MillraceError.from(thrown));
    }
  }

  async #takeUp(): Promise<void> {
    const { runners, directory } = this.#parts;
    const attempt = runners.latestAttempt(directory);
    if (attempt === 0) return this.#start();
    if (attempt > this.#stored.attempt) this.#change({ attempt });
    try {
      const runner = await runners.attach(directory);
      if (runner !== undefined) return await this.#adopt(runner);
      const remains = runners.remains(directory, attempt);
      if (remains !== undefined) return await this.#conclude(remains.outcome);
      throw new MillraceError('RUNNER_LOST', `the runner of job "${this.#stored.id}" was lost`, {
        hint: 'it ended while no server was there; the job goes on from its last checkpoint',
      });
    } catch (thrown) {
      await this.#fail(MillraceError.from(thrown));
    }
  }

  async #adopt(runner: RunnerClient): Promise<void> {
    if (isFinal(this.#stored.state)) {
      // Cancelled while it took its time to start, and too late to be killed (J2).
      runner.detach();
      return this.#parts.runners.kill(this.#parts.directory, this.#stored.attempt);
    }
    this.#runner = runner;
    this.#change({ state: 'running' });
    runner.ended.then(
      (outcome) => this.#conclude(outcome),
      (thrown) => this.#fail(MillraceError.from(thrown)),
    );
    await this.#pursue(runner);
  }

  /** What the user asked for while there was no runner to ask. */
  async #pursue(runner: RunnerClient): Promise<void> {
    const { desired } = this.#stored;
    try {
      if (desired === 'paused') await runner.pause();
      if (desired === 'stopped') await runner.stop(this.#leaving(true));
      if (desired === 'cancelled') await runner.cancel();
    } catch (thrown) {
      const { code, message } = MillraceError.from(thrown);
      this.#parts.log(
        'warn',
        `job "${this.#stored.id}" could not be ${desired}: ${code}: ${message}`,
      );
    }
  }

  async #conclude(outcome: JobOutcome): Promise<void> {
    if (outcome.kind === 'failed') return this.#fail(MillraceError.fromReport(outcome.error));
    await this.#end(outcome.kind, null);
  }

  async #fail(error: MillraceError): Promise<void> {
    this.#runner = undefined;
    if (this.#closed || isFinal(this.#stored.state)) return;
    const { clock, log } = this.#parts;
    const { id, attempt, desired, plan, restarts, memory = NO_FAILURES } = this.#stored;
    if (desired === 'cancelled') return this.#end('cancelled', null);
    log('warn', `job "${id}", attempt ${attempt}: ${error.code}: ${error.message}`);
    const nowMs = clock.nowMs();
    const exception = { ...error.report(), atMs: nowMs, attempt, scope: error.scope };
    const exceptions = [...this.#stored.exceptions, exception].slice(-EXCEPTIONS_MAX);
    const { restart: strategy } = plan;
    const failure = { job: id, error, strategy, restarts, memory, nowMs, random: Math.random };
    const decision = decideRestart(failure);
    this.#change({ exceptions });
    if (decision.kind === 'fail') return this.#end('failed', decision.error);
    this.#change({
      state: 'restarting',
      restarts: this.#stored.restarts + 1,
      memory: decision.memory,
      error: error.report(),
    });
    this.#cancelRetry = clock.after(decision.delayMs, () => {
      this.#cancelRetry = undefined;
      this.#launch = this.#start();
    });
  }

  async #end(state: JobState, error: MillraceError | null): Promise<void> {
    this.#runner?.detach();
    this.#runner = undefined;
    if (this.#closed || isFinal(this.#stored.state)) return;
    // A runner that was given up because it does not answer may still be there.
    if (state === 'failed')
      await this.#parts.runners.kill(this.#parts.directory, this.#stored.attempt);
    this.#change({
      state,
      endedAtMs: this.#parts.clock.nowMs(),
      error: error === null ? this.#stored.error : error.report(),
    });
    await this.#saves(async () => {});
    this.#final.resolve();
  }

  async #cancelRunner(): Promise<void> {
    await this.#launch;
    const runner = this.#runner;
    if (runner === undefined) return;
    try {
      await runner.cancel();
      await runner.ended;
    } catch {
      // Whatever kept it from ending by itself: it is killed next.
    }
  }

  #spec(): JobSpec {
    const { id, plan, modules, digests, attempt } = this.#stored;
    const paths = digests.map((digest) => [digest, this.#parts.modulePath(digest)]);
    const { directory, threads, outbound } = this.#parts;
    return {
      id,
      directory,
      plan,
      modules,
      modulePaths: Object.fromEntries(paths),
      attempt,
      threads,
      ...(outbound === undefined ? {} : { outbound }),
    };
  }

  async #want(desired: StoredJob['desired'], savepoint?: string): Promise<void> {
    if (this.#stored.desired !== desired) await this.#save({ desired, savepoint });
  }

  /** The savepoint that a stop is to leave; again, when the runner was lost that may have written it. */
  #leaving(replace: boolean): SavepointRequest | undefined {
    const { savepoint: directory, pipeline } = this.#stored;
    return directory === undefined ? undefined : { directory, pipeline: pipeline as Json, replace };
  }

  /** The runner that was asked first is not the one that stopped the job, if any did. */
  async #assertLeft(directory: string): Promise<void> {
    const { id, state } = this.#stored;
    const left = await readSavepoint(createLocalBlobStore(directory), directory).catch(() => {});
    if (state === 'stopped' && left?.job === id) return;
    throw this.#wrongState('leave a savepoint', 'it ended before one was taken');
  }

  /** For what the user must be able to rely on: throws when it cannot be stored, and nothing is changed then. */
  #save(patch: Partial<StoredJob>): Promise<void> {
    return this.#saves(async () => {
      const next = { ...this.#stored, ...patch };
      await this.#parts.save(next);
      this.#stored = { ...this.#stored, ...patch };
    });
  }

  /** For what happens anyway: holds at once, and is stored as soon as the disk takes it. */
  #change(patch: Partial<StoredJob>): void {
    this.#stored = { ...this.#stored, ...patch };
    this.#saves(() => this.#parts.save(this.#stored)).catch((thrown: unknown) => {
      const { code, message } = MillraceError.from(thrown);
      this.#parts.log('error', `job "${this.#stored.id}" could not be stored: ${code}: ${message}`);
    });
  }

  #assertLive(what: string): void {
    const { state, desired } = this.#stored;
    if (isFinal(state)) throw this.#wrongState(what, 'it has ended');
    const ending = desired === 'cancelled' || (desired === 'stopped' && what !== 'be cancelled');
    if (ending) throw this.#wrongState(what, 'it is ending already');
  }

  #wrongState(what: string, hint: string): MillraceError {
    const { id, state, desired } = this.#stored;
    const wanted = desired === 'stopped' || desired === 'cancelled';
    const ending = wanted && !isFinal(state) ? ` and is being ${desired}` : '';
    return new MillraceError('JOB_STATE', `job "${id}" is ${state}${ending} and cannot ${what}`, {
      hint,
    });
  }
}
