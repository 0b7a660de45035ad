import { MillraceError } from '../errors.ts';
import { METRICS_INTERVAL_MS, WORKER_STOP_MS } from '../limits.ts';
import type { Batch } from '../model/batch.ts';
import type { CompiledModule } from '../sandbox/guest.ts';
import { connectTasks } from './connect-tasks.ts';
import { createHeartbeat } from './heartbeat.ts';
import type { Idle } from './idle.ts';
import { LogLimiter } from './log-limiter.ts';
import { openTask, type TaskSurroundings } from './open-task.ts';
import { peekTasks } from './peek-tasks.ts';
import { persistCapture } from './persist-capture.ts';
import { StateChains } from './state-chains.ts';
import type { Task } from './task.ts';
import type { TaskReport } from './task-capture.ts';
import type { TaskParts } from './task-parts.ts';
import { runWorkerLoop } from './worker-loop.ts';
import type {
  FromWorker,
  LogEntry,
  TaskStart,
  ToWorker,
  WorkerLink,
  WorkerStart,
} from './worker-protocol.ts';

/**
 * Runs the tasks of one thread, from first to last: opens them, obeys the coordinator, closes them.
 *
 * A task that throws ends the work of all of them: the coordinator is told, and decides.
 */
export class Worker {
  readonly #start: WorkerStart;
  readonly #parts: TaskParts;
  readonly #idle: Idle;
  readonly #link: WorkerLink;
  readonly #tasks: Task[] = [];
  /** One for each task. */
  readonly #chains: StateChains[] = [];
  readonly #begun = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  #state: 'working' | 'failed' | 'stopped' = 'working';
  #measuredMs = 0;
  /** The counters as last sent. */
  #measured = '';
  #crowded = false;
  readonly #background = new Set<Promise<void>>();
  readonly #limiter = new LogLimiter();

  constructor(start: WorkerStart, parts: TaskParts, idle: Idle, link: WorkerLink) {
    this.#start = start;
    this.#parts = parts;
    this.#idle = idle;
    this.#link = link;
  }

  /** Resolves when the coordinator has said `stop` and all tasks are closed. Never rejects. */
  async run(): Promise<void> {
    this.#link.onMessage((message) => {
      try {
        this.#obey(message);
      } catch (thrown) {
        this.#fail(thrown);
      }
      this.#idle.wake();
    });
    try {
      await this.#open();
      this.#post({ kind: 'opened', worker: this.#start.worker });
      await this.#begun.promise;
      await this.#loop();
    } catch (thrown) {
      this.#fail(thrown);
    }
    await this.#stopped.promise;
    await this.#backgroundDone();
    for (const task of this.#tasks) await task.close().catch(() => {});
    this.#link.close();
  }

  /** Opens all tasks, then throws the first error: what has opened must be closed. */
  async #open(): Promise<void> {
    const connections = connectTasks(this.#start, this.#parts.kernel);
    const opened = await Promise.allSettled(
      this.#start.tasks.map(async (task) => {
        const open = await openTask(task, {
          start: this.#start,
          parts: this.#parts,
          ...connections(task),
          ...this.#capturing(task),
          wake: () => this.#idle.wake(),
          log: (entry) => this.#log(entry),
          deliver: (sink, key, rows) => this.#deliver(sink, key, rows),
        });
        this.#tasks.push(open);
      }),
    );
    this.#tasks.sort((a, b) => a.index - b.index);
    for (const result of opened) if (result.status === 'rejected') throw result.reason;
  }

  #loop(): Promise<void> {
    return runWorkerLoop({
      runnables: this.#tasks,
      clock: this.#parts.clock,
      idle: this.#idle,
      yieldTurn: this.#parts.yieldTurn,
      stopped: () => this.#state !== 'working',
      onTurn: (nowMs) => this.#onTurn(nowMs),
      heartbeat:
        this.#start.wakeWords && createHeartbeat(this.#start.wakeWords, this.#start.worker),
    });
  }

  #onTurn(nowMs: number): void {
    if (nowMs - this.#measuredMs < METRICS_INTERVAL_MS) return;
    this.#measuredMs = nowMs;
    this.#measure(0);
    const crowded = this.#tasks.some((task) => task.crowded);
    if (crowded && !this.#crowded) this.#post({ kind: 'crowded' });
    this.#crowded = crowded;
  }

  #obey(message: ToWorker): void {
    if (message.kind === 'stop') {
      this.#state = 'stopped';
      this.#begun.resolve();
      this.#stopped.resolve();
      return;
    }
    if (this.#state !== 'working') return;
    switch (message.kind) {
      case 'run':
        this.#begun.resolve();
        return;
      case 'trigger':
        for (const task of this.#tasks) {
          task.trigger(message.checkpoint, message.unaligned, message.last);
        }
        return;
      case 'forget':
        for (const task of this.#tasks) task.forget(message.checkpoint);
        for (const chains of this.#chains) chains.forget(message.checkpoint);
        this.#post({
          kind: 'forgotten',
          worker: this.#start.worker,
          checkpoint: message.checkpoint,
        });
        return;
      case 'commit':
        this.#inBackground(() => this.#commit(message.checkpoint));
        return;
      case 'stage':
        this.#stage(message.update, message.step, message.module);
        return;
      case 'unstage':
        for (const task of this.#tasksOf(message.step)) task.unstage(message.step);
        return;
      case 'arm': {
        const { step, update, checkpoint } = message;
        for (const task of this.#tasksOf(step)) task.arm(step, update, checkpoint);
        this.#post({ kind: 'armed', worker: this.#start.worker, update });
        return;
      }
      case 'pause':
        for (const { source } of this.#tasks) source?.pause();
        return;
      case 'resume':
        for (const { source } of this.#tasks) source?.resume();
        return;
      case 'align':
        for (const { source } of this.#tasks) source?.align(message.limits);
        return;
      case 'measure':
        this.#measure(message.request);
        return;
      case 'peek': {
        const { request, peek } = message;
        const answer = (rows: Batch) => this.#post({ kind: 'peeked', request, ...rows });
        peekTasks(this.#tasks, peek, this.#parts.clock, answer);
        return;
      }
      default:
        message satisfies never;
    }
  }

  async #commit(checkpoint: number): Promise<void> {
    try {
      await Promise.all(this.#tasks.map((task) => task.commit(checkpoint)));
      this.#post({ kind: 'committed', worker: this.#start.worker, checkpoint });
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** Work that goes on while tasks run. It is waited for at the end: who has left writes nothing any more. */
  #inBackground(work: () => Promise<void>): void {
    const done = work().finally(() => this.#background.delete(done));
    this.#background.add(done);
  }

  /** A sink that hangs in its commit must not keep the job from ending: its attempt is over either way. */
  async #backgroundDone(): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancelTimer = this.#parts.clock.after(WORKER_STOP_MS, resolve);
      void Promise.all(this.#background).then(() => {
        cancelTimer();
        resolve();
      });
    });
  }

  /** All tasks of the step or none: a refusal takes the others back. */
  #stage(update: number, step: string, module: CompiledModule): void {
    let refused = '';
    const staged: Task[] = [];
    for (const task of this.#tasksOf(step)) {
      try {
        task.stage(step, module);
        staged.push(task);
      } catch (thrown) {
        refused = MillraceError.from(thrown).message;
        break;
      }
    }
    if (refused !== '') for (const task of staged) task.unstage(step);
    this.#post({ kind: 'staged', worker: this.#start.worker, update, refused });
  }

  #tasksOf(step: string): readonly Task[] {
    return this.#tasks.filter((task) => task.hasStep(step));
  }

  #capturing(task: TaskStart): Pick<TaskSurroundings, 'chains' | 'report'> {
    const { storage, yieldTurn } = this.#parts;
    const chains = new StateChains({ storage, yieldTurn });
    this.#chains.push(chains);
    return { chains, report: this.#report(task, chains) };
  }

  #report(task: TaskStart, chains: StateChains): TaskReport {
    return {
      captured: (capture) => {
        const { attempt, plan } = this.#start;
        const chain = plan.chains[task.chain].operators[0].id;
        const place = { attempt, chain, task: task.task, index: task.index };
        const { storage } = this.#parts;
        this.#inBackground(async () => {
          this.#post(await persistCapture({ storage, chains }, place, capture));
        });
      },
      uncaptured: (checkpoint, error) =>
        this.#post({ kind: 'declined', checkpoint, index: task.index, error: error.report() }),
      swapped: (_step, update, pauseMs) =>
        this.#post({ kind: 'swapped', update, task: task.task, pauseMs }),
      finished: () => this.#post({ kind: 'finished', index: task.index }),
    };
  }

  /** Sends the counters if asked or if they have changed. */
  #measure(request: number): void {
    const tasks = this.#tasks.map((task) => ({
      index: task.index,
      watermarkMs: task.watermarkMs,
      lagBytes: task.lagBytes,
      ...(task.source?.isIdle ? { idle: true } : {}),
      operators: task.counters(),
    }));
    const measured = JSON.stringify(tasks);
    if (request === 0 && measured === this.#measured) return;
    this.#measured = measured;
    this.#post({
      kind: 'counters',
      worker: this.#start.worker,
      request,
      tasks: JSON.parse(measured),
    });
  }

  /** Limited here as well: lines that the log drops anyway must not crowd the line to the coordinator. */
  #log(entry: LogEntry): void {
    if (!this.#limiter.allow(this.#parts.clock.nowMs())) return;
    const dropped = this.#limiter.takeDropped();
    if (dropped > 0) {
      this.#post({ kind: 'log', level: 'warn', text: `${dropped} log lines were dropped` });
    }
    this.#post({ kind: 'log', ...entry });
  }

  /** Copies: the rows are the sink's. */
  #deliver(sink: string, key: string, rows: Batch): void {
    this.#post({ kind: 'delivered', sink, key, bytes: rows.bytes.slice(), count: rows.count });
  }

  #fail(thrown: unknown): void {
    if (this.#state !== 'working') return;
    this.#state = 'failed';
    this.#idle.wake();
    const error = taskError(thrown);
    const cause = error.cause instanceof Error ? error.cause : thrown;
    const detail = cause instanceof Error ? (cause.stack ?? '') : '';
    this.#post({ kind: 'failed', error: error.report(), detail });
  }

  #post(message: FromWorker): void {
    this.#link.post(message);
  }
}

/** What is no error of ours is a fault in a task: starting again may help. */
function taskError(thrown: unknown): MillraceError {
  if (thrown instanceof MillraceError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new MillraceError('TASK_FAILED', message, {
    hint: "the stack is in the job's log",
    cause: thrown,
  });
}
