import type { Clock } from '../clock.ts';
import type { Plan, StepModules } from '../dataflow/plan.ts';
import { type ErrorReport, MillraceError } from '../errors.ts';
import { FORGET_TIMEOUT_MS } from '../limits.ts';
import { buildManifest } from './build-manifest.ts';
import type { CheckpointRecord } from './checkpoint-record.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import { formatDeadLetters } from './dead-letter-lines.ts';
import type { Manifest } from './manifest.ts';
import type { LogEntry, TaskAcknowledged, ToWorker } from './worker-protocol.ts';

export interface CheckpointCoordinatorOptions {
  readonly job: string;
  readonly attempt: number;
  readonly plan: Plan;
  readonly tasks: readonly { readonly chain: number; readonly task: number }[];
  readonly workers: number;
  readonly splitOrder: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly nextCheckpoint: number;
  /** Checkpoints of earlier attempts, in order. */
  readonly completed: readonly number[];
  /** The checkpoint that the job was restored from. */
  readonly restored: CheckpointRecord | undefined;
  readonly store: CheckpointStore;
  /** Throws `ATTEMPT_FENCED` when a later attempt has begun. */
  readonly assertHeld: () => Promise<void>;
  readonly clock: Clock;
  /** Says it to every worker. */
  readonly post: (message: ToWorker) => void;
  /** Some step changes its module at the next barrier: it must not overtake anything. */
  readonly mustAlign: () => boolean;
  /** What runs after the cut of a checkpoint. */
  readonly modulesAt: (checkpoint: number) => StepModules;
  /** Appends the dead letters of a completed checkpoint where people look for them. */
  readonly publishDeadLetters: (lines: string) => Promise<void>;
  /** The sinks do not commit, or may not any more: only another attempt can go on. */
  readonly onStuck: (error: MillraceError) => void;
  readonly onRecord: (record: CheckpointRecord) => void;
  readonly log: (entry: LogEntry) => void;
}

interface RunningCheckpoint {
  readonly checkpoint: number;
  readonly acknowledged: Map<number, TaskAcknowledged>;
  readonly complete: PromiseWithResolvers<readonly TaskAcknowledged[]>;
}

/**
 * Takes checkpoints, one at a time.
 *
 * K1  A checkpoint exists when its manifest is durable, which is the last thing written. Only then sinks commit.
 * K2  The next checkpoint is triggered only after every sink has committed the last: a manifest names the transactions of
 *     its own checkpoint, so none may be left over when an older manifest is no longer the newest.
 * K3  A failed checkpoint costs nothing but itself: the job goes on, and tasks hand over again what it would have held.
 * K4  Numbers are never used twice, not even by later attempts.
 * K5  A checkpoint is told and committed only after a look for later attempts (`attempt-fence.ts`): if there is one, this one is over.
 */
export class CheckpointCoordinator {
  readonly #options: CheckpointCoordinatorOptions;
  #next: number;
  #completed: readonly number[];
  #turn: Promise<unknown> = Promise.resolve();
  #running: RunningCheckpoint | undefined;
  #committing: Answers | undefined;
  #forgetting: (Answers & { readonly checkpoint: number }) | undefined;
  #cancelTimer = () => {};
  /** When the last checkpoint was over. */
  #endedMs = 0;
  #closed: MillraceError | undefined;
  #latest: CheckpointRecord | undefined;
  #counts = { completed: 0, failed: 0 };

  constructor(options: CheckpointCoordinatorOptions) {
    this.#options = options;
    this.#next = options.nextCheckpoint;
    this.#completed = options.completed;
    this.#latest = options.restored;
  }

  /** Latest completed checkpoint; at first the one that the job was restored from. */
  get latest(): CheckpointRecord | undefined {
    return this.#latest;
  }

  get counts(): { readonly completed: number; readonly failed: number } {
    return this.#counts;
  }

  /** Begins the periodic checkpoints: one every interval, later where the one before takes long or a pause was asked for. */
  start(): void {
    const { clock, plan } = this.#options;
    this.#schedule(clock.monotonicMs() + (plan.checkpoint.everyMs ?? 0));
  }

  #schedule(atMs: number): void {
    const { clock, plan } = this.#options;
    const { everyMs, minPauseMs } = plan.checkpoint;
    if (everyMs === undefined || this.#closed !== undefined) return;
    const dueMs = Math.max(atMs, this.#endedMs + minPauseMs);
    this.#cancelTimer = clock.after(Math.max(0, dueMs - clock.monotonicMs()), () => {
      const startedMs = clock.monotonicMs();
      // Others may have been taken since.
      if (startedMs < this.#endedMs + minPauseMs) return this.#schedule(atMs);
      void this.take()
        .catch(() => {})
        .then(() => this.#schedule(startedMs + everyMs));
    });
  }

  /**
   * Takes a checkpoint when its turn has come. `prepare` is called with its number before the barriers set out. Resolves when
   * it is durable and committed; throws `CHECKPOINT_FAILED`.
   */
  take(prepare?: (checkpoint: number) => Promise<void>): Promise<CheckpointRecord> {
    return this.#inTurn(() => this.#take('any', prepare));
  }

  /** Takes an aligned checkpoint and lets `use` have it, committed, before the next one begins: meanwhile it is not removed. */
  takeFor<Result>(use: (record: CheckpointRecord) => Promise<Result>): Promise<Result> {
    return this.#inTurn(async () => use(await this.#take('aligned')));
  }

  /** Takes the checkpoint of a job whose tasks have all finished: what makes their output count, without states. */
  takeLast(): Promise<CheckpointRecord> {
    return this.#inTurn(() => this.#take('last'));
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(work);
    this.#turn = done
      .catch(() => {})
      .then(() => {
        this.#endedMs = this.#options.clock.monotonicMs();
      });
    return done;
  }

  /** Resolves when no checkpoint runs or waits for its turn. */
  async idle(): Promise<void> {
    await this.#turn;
  }

  onAcknowledged(message: TaskAcknowledged): void {
    const running = this.#running;
    if (running?.checkpoint !== message.checkpoint) return;
    running.acknowledged.set(message.index, message);
    if (running.acknowledged.size < this.#options.tasks.length) return;
    running.complete.resolve([...running.acknowledged.values()]);
  }

  onDeclined(checkpoint: number, error: ErrorReport): void {
    if (this.#running?.checkpoint !== checkpoint) return;
    this.#running.complete.reject(MillraceError.fromReport(error));
  }

  onCommitted(worker: number): void {
    this.#committing?.left.delete(worker);
    if (this.#committing?.left.size === 0) this.#committing.done.resolve();
  }

  onForgotten(worker: number, checkpoint: number): void {
    if (this.#forgetting?.checkpoint !== checkpoint) return;
    this.#forgetting.left.delete(worker);
    if (this.#forgetting.left.size === 0) this.#forgetting.done.resolve();
  }

  /** The job is over: what runs fails, what waits never runs. */
  close(): void {
    const error = new MillraceError('CHECKPOINT_FAILED', 'the job has ended');
    this.#closed = error;
    this.#cancelTimer();
    this.#running?.complete.reject(error);
    this.#committing?.done.reject(error);
    this.#forgetting?.done.reject(error);
  }

  async #take(
    kind: 'aligned' | 'any' | 'last',
    prepare?: (checkpoint: number) => Promise<void>,
  ): Promise<CheckpointRecord> {
    if (this.#closed !== undefined) throw this.#closed;
    const { clock, plan, mustAlign } = this.#options;
    const checkpoint = this.#next++;
    const startedMs = clock.monotonicMs();
    const begun = { ...RECORD, checkpoint, triggeredAtMs: clock.nowMs() };
    this.#options.onRecord({ ...begun, state: 'running' });
    let record: CheckpointRecord;
    try {
      await prepare?.(checkpoint);
      // A swap is cut by the barrier: what it overtook would see the new version. A savepoint is for plans with other channels.
      const aligned = kind === 'aligned' || prepare !== undefined || mustAlign();
      const unaligned = plan.checkpoint.unaligned && !aligned;
      const acknowledged = await this.#collect({
        kind: 'trigger',
        checkpoint,
        unaligned,
        last: kind === 'last',
      });
      const manifest = this.#manifest(checkpoint, acknowledged);
      const letters = formatDeadLetters(this.#options, manifest, acknowledged);
      await this.#options.store.complete(manifest, letters);
      await this.#options.assertHeld();
      record = {
        ...begun,
        state: 'completed',
        durationMs: clock.monotonicMs() - startedMs,
        bytes: acknowledged.reduce((sum, one) => sum + one.bytes, 0),
        pauseMs: Math.max(...acknowledged.map((one) => one.pauseMs)),
        final: manifest.final,
      };
      this.#complete(record);
      await this.#commit(checkpoint, letters);
    } catch (thrown) {
      throw await this.#fail(begun, clock.monotonicMs() - startedMs, thrown);
    }
    await this.#retain();
    return record;
  }

  /** Sends the barriers off and waits for every task's answer. */
  async #collect(trigger: ToWorker & { kind: 'trigger' }): Promise<readonly TaskAcknowledged[]> {
    const { clock, plan, tasks } = this.#options;
    const { checkpoint } = trigger;
    const running: RunningCheckpoint = {
      checkpoint,
      acknowledged: new Map(),
      complete: Promise.withResolvers(),
    };
    this.#running = running;
    if (this.#closed !== undefined) throw this.#closed;
    const cancelTimer = clock.after(plan.checkpoint.timeoutMs, () => {
      const missing = tasks.length - running.acknowledged.size;
      const text = `${missing} of ${tasks.length} tasks did not answer within ${plan.checkpoint.timeoutMs} ms`;
      running.complete.reject(new MillraceError('DEADLINE_EXCEEDED', text));
    });
    this.#options.post(trigger);
    try {
      return await running.complete.promise;
    } finally {
      cancelTimer();
      this.#running = undefined;
    }
  }

  #manifest(checkpoint: number, acknowledged: readonly TaskAcknowledged[]): Manifest {
    const { clock, modulesAt, job, attempt, plan, tasks, splitOrder } = this.#options;
    return buildManifest({
      job,
      attempt,
      checkpoint,
      completedAtMs: clock.nowMs(),
      plan,
      modules: modulesAt(checkpoint),
      acknowledged,
      tasks,
      splitOrder,
    });
  }

  #complete(record: CheckpointRecord): void {
    this.#completed = [...this.#completed, record.checkpoint];
    this.#counts = { ...this.#counts, completed: this.#counts.completed + 1 };
    this.#latest = record;
    this.#options.onRecord(record);
  }

  async #commit(checkpoint: number, letters: string): Promise<void> {
    if (letters !== '') await this.#options.publishDeadLetters(letters);
    // Only now: the job may have ended meanwhile, and nobody would answer.
    if (this.#closed !== undefined) throw this.#closed;
    this.#committing = this.#answers();
    const { done } = this.#committing;
    const { clock, plan, onStuck } = this.#options;
    const cancelTimer = clock.after(plan.checkpoint.timeoutMs, () => {
      const text = `sinks did not commit checkpoint ${checkpoint} within ${plan.checkpoint.timeoutMs} ms`;
      onStuck(new MillraceError('DEADLINE_EXCEEDED', text));
    });
    this.#options.post({ kind: 'commit', checkpoint });
    try {
      await done.promise;
    } finally {
      cancelTimer();
      this.#committing = undefined;
    }
  }

  async #fail(
    begun: Omit<CheckpointRecord, 'state'>,
    durationMs: number,
    thrown: unknown,
  ): Promise<MillraceError> {
    const cause = MillraceError.from(thrown);
    const { checkpoint } = begun;
    const failed = new MillraceError(
      'CHECKPOINT_FAILED',
      `checkpoint ${checkpoint} failed: ${cause.message}`,
      {
        hint: cause.hint || 'the job goes on; the next checkpoint covers what this one did not',
        cause,
      },
    );
    // The manifest is durable: the checkpoint stands, and whoever recovers from it commits.
    if (this.#latest?.checkpoint === checkpoint) {
      const text = `checkpoint ${checkpoint} is complete but not committed: ${cause.message}`;
      this.#options.log({ level: 'error', text });
      return failed;
    }
    this.#counts = { ...this.#counts, failed: this.#counts.failed + 1 };
    this.#options.onRecord({ ...begun, state: 'failed', durationMs, reason: cause.message });
    if (this.#closed !== undefined) return failed;
    if (cause.code === 'ATTEMPT_FENCED') {
      this.#options.onStuck(cause);
      return failed;
    }
    this.#options.log({ level: 'error', text: `${failed.message}; the job goes on` });
    await this.#discard(checkpoint);
    return failed;
  }

  /**
   * Removes what a given-up checkpoint left behind, once no task will build on it. Where a worker does not answer the blobs stay until the
   * next checkpoint is complete.
   */
  async #discard(checkpoint: number): Promise<void> {
    const { clock, post, store } = this.#options;
    const forgetting = { ...this.#answers(), checkpoint };
    this.#forgetting = forgetting;
    const cancelTimer = clock.after(FORGET_TIMEOUT_MS, () => {
      forgetting.done.reject(new Error('a worker does not answer'));
    });
    post({ kind: 'forget', checkpoint });
    try {
      await forgetting.done.promise;
      await store.discard(checkpoint);
    } catch (thrown) {
      this.#warn(`checkpoint ${checkpoint} is not removed yet`, thrown);
    } finally {
      cancelTimer();
      this.#forgetting = undefined;
    }
  }

  /** Removes what the checkpoints to keep have no need of. */
  async #retain(): Promise<void> {
    const kept = Math.max(1, this.#options.plan.checkpoint.retained);
    this.#completed = this.#completed.slice(-kept);
    try {
      await this.#options.store.retain(this.#completed);
    } catch (thrown) {
      this.#warn('old checkpoints are not removed yet', thrown);
    }
  }

  #warn(what: string, thrown: unknown): void {
    if (this.#closed !== undefined) return;
    const { message } = MillraceError.from(thrown);
    this.#options.log({ level: 'warn', text: `${what}: ${message}` });
  }

  /** Answers of all workers that are to come. */
  #answers(): Answers {
    const workers = Array.from({ length: this.#options.workers }, (_, worker) => worker);
    return { left: new Set(workers), done: Promise.withResolvers() };
  }
}

/** Workers that still owe an answer. */
interface Answers {
  readonly left: Set<number>;
  readonly done: PromiseWithResolvers<void>;
}

const RECORD = { durationMs: 0, bytes: 0, pauseMs: 0, reason: '', final: false } as const;
