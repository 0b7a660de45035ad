import type { Clock } from '../clock.ts';
import { type ErrorReport, MillraceError } from '../errors.ts';
import { CHECKPOINT_RETRY_MS, FINAL_CHECKPOINT_ATTEMPTS, MEASURE_TIMEOUT_MS } from '../limits.ts';
import {
  CheckpointCoordinator,
  type CheckpointCoordinatorOptions,
} from './checkpoint-coordinator.ts';
import type { CheckpointRecord } from './checkpoint-record.ts';
import type { JobMetrics } from './job-metrics.ts';
import type { JobSpec } from './job-spec.ts';
import { MetricsBoard } from './metrics-board.ts';
import type { PeekedRows, PeekRequest } from './peek.ts';
import { PeekBoard } from './peek-board.ts';
import type { JobEvent, JobOutcome, JobReport, RunningJob, UpdateRequest } from './running-job.ts';
import type { SavepointRecord, SavepointRequest } from './savepoint.ts';
import { SwapCoordinator, type SwapCoordinatorOptions } from './swap-coordinator.ts';
import type { UpdateRecord } from './update-record.ts';
import { WatermarkAlignment } from './watermark-alignment.ts';
import type { WorkerHost } from './worker-host.ts';
import type { FromWorker, LogEntry, ToWorker } from './worker-protocol.ts';

export interface CoordinatorOptions {
  readonly spec: JobSpec;
  readonly workers: number;
  readonly clock: Clock;
  readonly log: (entry: LogEntry) => void;
  readonly pid: number;
  /** What its start met that people should look at. */
  readonly warnings: readonly string[];
  readonly usage: () => JobMetrics['process'];
  readonly deliver: (sink: string, rows: DeliveredRows, key: string) => void;
  readonly checkpoints: Pick<
    CheckpointCoordinatorOptions,
    | 'tasks'
    | 'splitOrder'
    | 'nextCheckpoint'
    | 'completed'
    | 'restored'
    | 'store'
    | 'assertHeld'
    | 'publishDeadLetters'
  >;
  readonly swaps: Pick<SwapCoordinatorOptions, 'modules' | 'sandbox' | 'readModule' | 'updates'>;
  /** Makes a savepoint of a checkpoint that is completed and committed. */
  readonly save: (request: SavepointRequest, checkpoint: number) => Promise<SavepointRecord>;
  /** Called once, when the job has ended and its workers have left. */
  readonly onEnded: () => void;
}

export interface DeliveredRows {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/**
 * Decides what happens to a running job, and is what the outside sees of it.
 *
 * J1  The job ends once: whatever comes after the first reason to end changes nothing.
 * J2  `ended` resolves after the workers have left: nobody writes any more.
 * J3  A job whose tasks have all finished ends when its final checkpoint is committed, not before.
 */
export class Coordinator implements RunningJob {
  readonly #options: CoordinatorOptions;
  readonly #checkpoints: CheckpointCoordinator;
  readonly #swaps: SwapCoordinator;
  readonly #metrics: MetricsBoard;
  readonly #peeks: PeekBoard;
  readonly #alignment: WatermarkAlignment;
  readonly #outcome = Promise.withResolvers<JobOutcome>();
  readonly #opened = Promise.withResolvers<void>();
  readonly #listeners = new Set<(event: JobEvent) => void>();
  readonly #finished = new Set<number>();
  /** Requests for counters: workers that still owe theirs, and what follows. */
  readonly #measuring = new Map<number, { left: number; readonly done: () => void }>();
  #state: JobReport['state'] = 'starting';
  #host: WorkerHost | undefined;
  #openWorkers = 0;
  #requests = 0;
  /** What follows from completed checkpoints and may not be written down yet. */
  #settling: Promise<void> = Promise.resolve();

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    const { spec, workers, clock, log } = options;
    const shared = {
      plan: spec.plan,
      workers,
      clock,
      log,
      post: (message: ToWorker) => this.#post(message),
    };
    this.#checkpoints = new CheckpointCoordinator({
      ...shared,
      ...options.checkpoints,
      job: spec.id,
      attempt: spec.attempt,
      mustAlign: () => this.#swaps.armed,
      modulesAt: (checkpoint) => this.#swaps.modulesAt(checkpoint),
      onRecord: (record) => this.#onCheckpoint(record),
      onStuck: (error) => this.#fail(error.report(), ''),
    });
    this.#swaps = new SwapCoordinator({
      ...shared,
      ...options.swaps,
      takeCheckpoint: (prepare) => this.#checkpoints.take(prepare),
      onUpdate: (update) => this.#emit({ kind: 'update', update }),
    });
    this.#peeks = new PeekBoard(shared);
    this.#metrics = new MetricsBoard(spec.plan, options.checkpoints.tasks);
    this.#alignment = new WatermarkAlignment(spec.plan, options.checkpoints.tasks);
    this.#opened.promise.catch(() => {});
  }

  get ended(): Promise<JobOutcome> {
    return this.#outcome.promise;
  }

  /** Takes the workers, waits until all their tasks are open, and lets them run. Throws what a task threw at opening. */
  async start(createHost: (onDeath: (error: Error) => void) => WorkerHost): Promise<void> {
    this.#host = createHost((error) => this.#onDeath(error));
    for (const link of this.#host.links) link.onMessage((message) => this.#onMessage(message));
    await this.#opened.promise;
    this.#state = 'running';
    this.#post({ kind: 'run' });
    this.#checkpoints.start();
    this.#emit({ kind: 'running' });
  }

  /** Ends a job that had finished before: its last checkpoint says that nothing is left to do. */
  finishAtOnce(): Promise<void> {
    return this.#end({ kind: 'finished' });
  }

  async status(): Promise<JobReport> {
    const { spec, pid, warnings } = this.#options;
    return {
      id: spec.id,
      attempt: spec.attempt,
      state: this.#state,
      modules: this.#swaps.modules,
      checkpoint: this.#checkpoints.latest,
      ...(warnings.length > 0 ? { warnings } : {}),
      pid,
    };
  }

  async checkpoint(): Promise<CheckpointRecord> {
    this.#assertState('take a checkpoint of', ['running', 'paused', 'stopping']);
    return await this.#checkpoints.take();
  }

  async savepoint(request: SavepointRequest): Promise<SavepointRecord> {
    this.#assertState('take a savepoint of', ['running', 'paused']);
    return await this.#checkpoints.takeFor((record) =>
      this.#options.save(request, record.checkpoint),
    );
  }

  async stop(savepoint?: SavepointRequest): Promise<CheckpointRecord> {
    this.#assertState('stop', ['running', 'paused']);
    const before = this.#state;
    this.#state = 'stopping';
    this.#post({ kind: 'pause' });
    try {
      const record = await this.#checkpoints.takeFor(async (taken) => {
        if (savepoint !== undefined) await this.#options.save(savepoint, taken.checkpoint);
        return taken;
      });
      await this.#end({ kind: 'stopped', checkpoint: record.checkpoint });
      return record;
    } catch (thrown) {
      if (this.#state === 'stopping') {
        this.#state = before;
        if (before === 'running') this.#post({ kind: 'resume' });
      }
      throw thrown;
    }
  }

  async cancel(): Promise<void> {
    await this.#end({ kind: 'cancelled' });
  }

  async update(request: UpdateRequest): Promise<UpdateRecord> {
    this.#assertState('update', ['running', 'paused']);
    return await this.#swaps.update(request);
  }

  async pause(): Promise<void> {
    if (this.#state === 'paused') return;
    this.#assertState('pause', ['running']);
    this.#state = 'paused';
    this.#post({ kind: 'pause' });
  }

  async resume(): Promise<void> {
    if (this.#state === 'running') return;
    this.#assertState('resume', ['paused']);
    this.#state = 'running';
    this.#post({ kind: 'resume' });
  }

  async peek(request: PeekRequest): Promise<PeekedRows> {
    this.#assertState('look into', ['running', 'paused']);
    return this.#peeks.ask(request);
  }

  async metrics(): Promise<JobMetrics> {
    if (this.#state !== 'ended') await this.#measure();
    return {
      atMs: this.#options.clock.nowMs(),
      operators: this.#metrics.operators(this.#swaps.modules),
      checkpoints: this.#checkpoints.counts,
      process: this.#options.usage(),
    };
  }

  subscribe(listener: (event: JobEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #onMessage(message: FromWorker): void {
    switch (message.kind) {
      case 'opened':
        this.#openWorkers += 1;
        if (this.#openWorkers === this.#options.workers) this.#opened.resolve();
        return;
      case 'failed':
        this.#fail(message.error, message.detail);
        return;
      case 'acknowledged':
        this.#checkpoints.onAcknowledged(message);
        return;
      case 'declined':
        this.#checkpoints.onDeclined(message.checkpoint, message.error);
        return;
      case 'committed':
        this.#checkpoints.onCommitted(message.worker);
        return;
      case 'forgotten':
        this.#checkpoints.onForgotten(message.worker, message.checkpoint);
        return;
      case 'staged':
      case 'armed':
      case 'swapped':
        this.#swaps.onMessage(message);
        return;
      case 'finished':
        this.#finished.add(message.index);
        if (this.#finished.size === this.#options.checkpoints.tasks.length) void this.#finish();
        return;
      case 'counters':
        this.#onCounters(message);
        return;
      case 'crowded':
        this.#checkpoints.take().catch(() => {});
        return;
      case 'log':
        this.#log(message);
        return;
      case 'peeked':
        this.#peeks.onPeeked(message);
        return;
      case 'delivered':
        this.#deliver(message);
        return;
      default:
        message satisfies never;
    }
  }

  /** Before the commit is acknowledged: what cannot be kept ends the attempt, and the next one commits again. */
  #deliver(message: FromWorker & { kind: 'delivered' }): void {
    try {
      this.#options.deliver(message.sink, message, message.key);
    } catch (thrown) {
      this.#fail(MillraceError.from(thrown).report(), '');
    }
  }

  #onCounters(message: FromWorker & { kind: 'counters' }): void {
    this.#metrics.update(message.tasks);
    const limits = this.#alignment.update(message.tasks);
    if (limits !== undefined) this.#post({ kind: 'align', limits });
    const request = this.#measuring.get(message.request);
    if (request === undefined) return;
    request.left -= 1;
    if (request.left === 0) request.done();
  }

  /** Asks all workers for their counters; what has not come in time stays as it was. */
  async #measure(): Promise<void> {
    if (this.#host === undefined) return;
    this.#requests += 1;
    const request = this.#requests;
    await new Promise<void>((resolve) => {
      const cancelTimer = this.#options.clock.after(MEASURE_TIMEOUT_MS, resolve);
      const done = () => {
        cancelTimer();
        resolve();
      };
      this.#measuring.set(request, { left: this.#options.workers, done });
      this.#post({ kind: 'measure', request });
    });
    this.#measuring.delete(request);
  }

  #onCheckpoint(record: CheckpointRecord): void {
    this.#emit({ kind: 'checkpoint', checkpoint: record });
    if (record.state !== 'completed') return;
    const settled = this.#swaps.onCompleted(record.checkpoint);
    this.#settling = Promise.all([this.#settling, settled]).then(() => {});
  }

  /** All tasks have finished: commits their last output. A disk that is full may have room again in a while. */
  async #finish(): Promise<void> {
    for (let attempt = 1; this.#state !== 'ended'; attempt += 1) {
      try {
        await this.#checkpoints.idle();
        if (this.#checkpoints.latest?.final !== true) await this.#checkpoints.takeLast();
        await this.#end({ kind: 'finished' });
      } catch (thrown) {
        if (attempt === FINAL_CHECKPOINT_ATTEMPTS) {
          const { code, message, hint } = MillraceError.from(thrown);
          this.#fail({ code, message, details: [], hint }, '');
          return;
        }
        await new Promise<void>((resolve) => {
          this.#options.clock.after(CHECKPOINT_RETRY_MS, resolve);
        });
      }
    }
  }

  #onDeath(error: Error): void {
    const cause = error.cause instanceof Error ? error.cause : error;
    this.#fail(MillraceError.from(error).report(), cause.stack ?? cause.message);
  }

  #fail(error: ErrorReport, detail: string): void {
    if (this.#state === 'ended') return;
    this.#log({ level: 'error', text: `${error.code}: ${error.message}` });
    if (detail !== '') this.#log({ level: 'debug', text: detail });
    this.#opened.reject(MillraceError.fromReport(error));
    void this.#end({ kind: 'failed', error });
  }

  async #end(outcome: JobOutcome): Promise<void> {
    if (this.#state !== 'ended') {
      // Before anything is closed: what fails from here on is a consequence, not a reason.
      this.#state = 'ended';
      if (outcome.kind === 'finished' || outcome.kind === 'stopped') await this.#measure();
      this.#checkpoints.close();
      this.#swaps.abort();
      await this.#host?.stop();
      // A manifest that is being written is waited for: it decides what a restart begins with.
      await this.#checkpoints.idle();
      await this.#settling;
      await this.#swaps.close();
      this.#log({ level: 'info', text: `the job has ${outcome.kind}` });
      this.#options.onEnded();
      this.#outcome.resolve(outcome);
      this.#emit({ kind: 'ended', outcome });
    }
    await this.#outcome.promise;
  }

  #assertState(verb: string, allowed: readonly JobReport['state'][]): void {
    if (allowed.includes(this.#state)) return;
    throw new MillraceError('JOB_STATE', `cannot ${verb} a job that is ${this.#state}`, {
      hint: `it must be ${allowed.join(' or ')}`,
    });
  }

  #post(message: ToWorker): void {
    for (const link of this.#host?.links ?? []) link.post(message);
  }

  #emit(event: JobEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (thrown) {
        // A listener's fault is not the job's: a checkpoint must not fail because somebody could not hear of it.
        const { message } = MillraceError.from(thrown);
        this.#log({ level: 'error', text: `a listener failed on "${event.kind}": ${message}` });
      }
    }
  }

  #log(entry: LogEntry): void {
    const { step } = entry;
    const { modules } = this.#swaps;
    const known = step !== undefined && Object.hasOwn(modules, step);
    this.#options.log(known ? { ...entry, version: modules[step].ref } : entry);
  }
}
