import type { Clock } from '../clock.ts';
import type { Operator, OperatorCounters, SwappableOperator } from '../dataflow/operator.ts';
import type { Chain } from '../dataflow/plan.ts';
import { MillraceError } from '../errors.ts';
import { CAPTURE_SLICE_BYTES } from '../limits.ts';
import type { Batch } from '../model/batch.ts';
import type { Element } from '../model/element.ts';
import type { CompiledModule } from '../sandbox/guest.ts';
import { Capturing, type InFlightSource } from './capturing.ts';
import type { DeadLetterBox } from './dead-letter-box.ts';
import type { SinkStage } from './sink-stage.ts';
import type { SourceInput } from './source-input.ts';
import type { StateChains } from './state-chains.ts';
import { linkSteps, type StepLink } from './step-links.ts';
import type { TaskReport } from './task-capture.ts';
import type { TaskInput } from './task-input.ts';
import type { TaskOutput } from './task-output.ts';
import type { TaskSource } from './task-source.ts';
import { TimedSteps } from './timed-steps.ts';
import { WatermarkPath } from './watermark-path.ts';

export interface TaskOptions {
  /** Number among all tasks of the job. */
  readonly index: number;
  readonly chain: Chain;
  /** Number among the tasks of its chain. */
  readonly task: number;
  readonly input: TaskInput & { readonly watermarkMs: number };
  /** The input, when it is a source. */
  readonly source: TaskSource | undefined;
  /** The steps between source and sink. */
  readonly operators: readonly Operator[];
  readonly sink: SinkStage | undefined;
  readonly output: TaskOutput;
  readonly deadLetters: DeadLetterBox;
  readonly clock: Clock;
  readonly report: TaskReport;
  readonly chains: Pick<StateChains, 'wantsChanges' | 'breakOff'>;
  /** Whether barriers may overtake. */
  readonly unaligned: boolean;
  /** The checkpoint that the task was restored from had it finished: its steps have said their last. */
  readonly spent: boolean;
}

interface ArmedSwap {
  readonly step: string;
  readonly update: number;
  readonly checkpoint: number;
}

/**
 * One parallel slice of a chain. Driven by `run`; never waits, never blocks.
 *
 * T1  One element at a time, and none while output waits or the sink is full: a task holds at most what one element gave
 *     rise to.
 * T2  At barrier n: snapshot of all its operators, then the swaps armed for n, then barrier n downstream. So a
 *     checkpoint's states are those of before the swap, and every record after the barrier sees the new version. Keyed state is
 *     fixed at the barrier and copied a piece at a time afterwards.
 * T3  A task that has finished answers every trigger by itself. A trigger that comes while the last of its inputs ends is
 *     answered when it finishes, unless its barrier came first. Each checkpoint is answered at most once.
 */
export class Task {
  readonly index: number;
  readonly chain: Chain;
  readonly task: number;
  readonly #options: TaskOptions;
  readonly #output: TaskOutput;
  /** `#links[i]` is where operator i hands its output. */
  readonly #links: readonly StepLink[];
  /** What the last of the sources or channels gave goes in here. */
  readonly #entry: (batch: Batch) => void;
  readonly #timed: TimedSteps;
  readonly #watermarks: WatermarkPath;
  readonly #armed: ArmedSwap[] = [];
  #capturing: Capturing | undefined;
  /** `waiting`: the input has ended, but not for rows that wait for something outside. */
  #state: 'running' | 'waiting' | 'ending' | 'finished' = 'running';
  #spent: boolean;
  /** Latest checkpoint that this task has taken part in. */
  #captured = 0;
  /** Latest trigger that waits for the task to finish. */
  #triggered = 0;

  constructor(options: TaskOptions) {
    this.index = options.index;
    this.chain = options.chain;
    this.task = options.task;
    this.#options = options;
    this.#output = options.output;
    this.#spent = options.spent;
    const { links, first: next } = linkSteps(options.operators, options.sink ?? options.output);
    this.#links = links;
    const [first] = options.operators;
    const { input } = options;
    this.#entry =
      first === undefined
        ? (batch) => next.batch(batch)
        : (batch) => first.onBatch(batch, this.#links[0], input.input);
    this.#watermarks = new WatermarkPath(options.operators, this.#links, options.output);
    this.#timed = new TimedSteps(options.operators, this.#links, options.clock);
  }

  get finished(): boolean {
    return this.#state === 'finished';
  }

  /** When the task has something to do without any element coming; undefined = never. */
  get dueMs(): number | undefined {
    const { source, clock } = this.#options;
    const stepDueMs = this.#spent ? undefined : this.#timed.dueMs;
    const inMs = stepDueMs === undefined ? undefined : Math.max(0, stepDueMs - clock.nowMs());
    const dueMs = Math.min(
      this.#output.dueMs ?? Number.POSITIVE_INFINITY,
      source?.input.dueMs ?? Number.POSITIVE_INFINITY,
      inMs === undefined ? Number.POSITIVE_INFINITY : clock.monotonicMs() + inMs,
    );
    return Number.isFinite(dueMs) ? dueMs : undefined;
  }

  /** Does one element's worth of work; false = there was nothing to do. */
  run(nowMs: number): boolean {
    try {
      return this.#run(nowMs);
    } catch (thrown) {
      throw this.#named(thrown);
    }
  }

  #run(nowMs: number): boolean {
    if (this.#options.unaligned && this.#state === 'running') {
      const overtaken = this.#options.input.lookAhead();
      if (overtaken > this.#captured) this.#overtake(overtaken);
    }
    const copied = this.#copy(CAPTURE_SLICE_BYTES);
    return this.#work(nowMs) || copied;
  }

  #work(nowMs: number): boolean {
    if (this.#state === 'finished') return false;
    if (this.#output.blocked && !this.#output.drain()) return false;
    if (this.#state === 'ending') {
      this.#finish();
      return true;
    }
    if (this.#options.sink?.full === true) return false;
    if (!this.#spent && this.#timed.run()) {
      this.#watermarks.pass();
      if (this.#state === 'waiting' && !this.#watermarks.busy) this.#end();
      return true;
    }
    if (this.#watermarks.full || this.#state === 'waiting') return this.#output.flushDue(nowMs);
    const element = this.#options.input.next(nowMs);
    if (element === undefined) {
      this.#options.sink?.flush();
      return this.#output.flushDue(nowMs);
    }
    this.#take(element);
    this.#output.flushDue(nowMs);
    return true;
  }

  /**
   * Checkpoint `checkpoint` has begun: a source answers with a barrier, the others wait for theirs. `unaligned`: barriers overtake
   * what is before them, also when the task can do nothing else.
   */
  trigger(checkpoint: number, unaligned = false, last = false): void {
    const running = this.#state === 'running' && this.#options.source !== undefined;
    if (this.#state === 'finished') this.#capture(checkpoint, undefined, last);
    else if (running && unaligned && !this.#options.source?.input.isMidway) {
      this.#overtake(checkpoint);
    } else if (this.#state === 'running' && this.#options.source !== undefined) {
      this.#options.source.input.trigger(checkpoint, unaligned);
      this.#triggered = checkpoint;
    } else this.#triggered = checkpoint;
  }

  /** Checkpoint `checkpoint` was given up: what is not copied yet need not be. */
  forget(checkpoint: number): void {
    if (this.#capturing?.checkpoint === checkpoint) this.#cancelCapture();
  }

  /** Checkpoint `checkpoint` is durable. */
  async commit(checkpoint: number): Promise<void> {
    this.#options.deadLetters.settle(checkpoint);
    await this.#options.sink?.commit(checkpoint);
  }

  /** The source that it begins with. */
  get source(): SourceInput | undefined {
    return this.#options.source?.input;
  }

  /** Prepares a new version of a step beside the one that runs. Throws `UPDATE_REFUSED`. */
  stage(step: string, module: CompiledModule): void {
    this.#swappable(step).stage(module);
  }

  unstage(step: string): void {
    this.#swappable(step).unstage();
  }

  /** The staged version of a step takes over at the barrier of `checkpoint`. */
  arm(step: string, update: number, checkpoint: number): void {
    this.#armed.push({ step, update, checkpoint });
  }

  /** A step of the task, and where it hands its output; undefined = it is in another chain. */
  step(id: string): { readonly operator: Operator; readonly link: StepLink } | undefined {
    const i = this.#options.operators.findIndex((operator) => operator.id === id);
    return i < 0 ? undefined : { operator: this.#options.operators[i], link: this.#links[i] };
  }

  hasStep(step: string): boolean {
    const { operators, source } = this.#options;
    return operators.some((operator) => operator.id === step) || source?.assigner?.id === step;
  }

  /** So many dead letters wait that a checkpoint should come soon. */
  get crowded(): boolean {
    return this.#options.deadLetters.crowded;
  }

  /** One per operator of the chain, in order. */
  counters(): readonly OperatorCounters[] {
    const { source, operators, sink } = this.#options;
    return [
      ...(source === undefined ? [] : [source.counters]),
      ...operators.map((operator) => operator.counters),
      ...(sink === undefined ? [] : [sink.counters]),
    ];
  }

  get watermarkMs(): number {
    return this.#options.input.watermarkMs;
  }

  get lagBytes(): number | undefined {
    return this.#options.source?.input.lagBytes;
  }

  #take(element: Element): void {
    switch (element.kind) {
      case 'batch':
        if (element.batch.count > 0) this.#entry(element.batch);
        return;
      case 'watermark':
        this.#watermarks.advance(element.timeMs, this.#spent);
        return;
      case 'barrier':
        if (element.unaligned === true) {
          if (element.checkpoint > this.#captured) this.#overtake(element.checkpoint);
          return;
        }
        this.#capture(element.checkpoint);
        this.#output.mark(element);
        return;
      case 'end':
        if (!this.#spent && this.#watermarks.busy) this.#state = 'waiting';
        else this.#end();
        return;
      default:
        element satisfies never;
    }
  }

  /** The input has ended, and what came by it has been taken. */
  #end(): void {
    if (!this.#spent) this.#watermarks.end();
    this.#spent = true;
    this.#output.mark({ kind: 'end' });
    this.#state = 'ending';
    if (!this.#output.blocked) this.#finish();
  }

  #finish(): void {
    this.#state = 'finished';
    this.#options.sink?.flush();
    this.#options.report.finished();
    if (this.#triggered > this.#captured) this.#capture(this.#triggered);
  }

  /** Takes part in an unaligned checkpoint: fixes its state now, and with it what is on the way to it and from it. */
  #overtake(checkpoint: number): void {
    const { input, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const log = input.beginOvertaking(checkpoint);
    this.#capture(checkpoint, { log, waiting: this.#output.overtake(checkpoint), startedMs });
  }

  #capture(checkpoint: number, inFlight?: InFlightSource, last = false): void {
    if (checkpoint <= this.#captured) return;
    this.#captured = checkpoint;
    const { source, operators, sink, deadLetters, clock, input, chains } = this.#options;
    // A table does one capture at a time. One that still waits for barriers is of a checkpoint that was given up.
    this.#copy(Number.MAX_SAFE_INTEGER);
    this.#cancelCapture();
    const startedMs = inFlight?.startedMs ?? clock.monotonicMs();
    const splits = source && {
      operator: this.chain.operators[0].id,
      splits: source.input.splits(),
    };
    // Of the last nobody goes on, so it has no states.
    const steps = (last ? [] : operators).map((one) => ({
      operator: one.id,
      capture: one.capture?.(chains.wantsChanges(one.id)) ?? one.snapshot(),
    }));
    const transaction = sink && { operator: sink.id, ready: sink.preCommit(checkpoint) };
    // Awaited when all is copied: until then a rejection that nobody awaits would end the process.
    transaction?.ready.catch(() => {});
    this.#swap(checkpoint);
    const letters = deadLetters.capture(checkpoint);
    const finished = this.#state === 'finished';
    this.#capturing = new Capturing(
      {
        checkpoint,
        splits,
        transaction,
        watermarkMs: input.watermarkMs,
        finished,
        pauseMs: clock.monotonicMs() - startedMs,
        deadLetters: letters,
      },
      steps,
      inFlight,
    );
    this.#copy(finished ? Number.MAX_SAFE_INTEGER : CAPTURE_SLICE_BYTES);
  }

  /** Copies some of what was fixed at the last barrier; true = it did. */
  #copy(bytesMax: number): boolean {
    const capturing = this.#capturing;
    if (capturing === undefined) return false;
    const { report } = this.#options;
    try {
      const captured = capturing.proceed(bytesMax);
      if (captured === undefined) return !capturing.waiting;
      this.#capturing = undefined;
      report.captured(captured);
    } catch (thrown) {
      this.#cancelCapture();
      report.uncaptured(capturing.checkpoint, MillraceError.from(thrown));
    }
    return true;
  }

  #cancelCapture(): void {
    if (this.#capturing === undefined) return;
    this.#capturing.cancel();
    this.#options.chains.breakOff(this.#capturing.operators);
    this.#capturing = undefined;
  }

  #swap(checkpoint: number): void {
    while (this.#armed.length > 0 && this.#armed[0].checkpoint <= checkpoint) {
      const { step, update } = this.#armed.shift() as ArmedSwap;
      const startedMs = this.#options.clock.monotonicMs();
      this.#swappable(step).swap();
      const pauseMs = this.#options.clock.monotonicMs() - startedMs;
      this.#options.report.swapped(step, update, pauseMs);
    }
  }

  /** What is no error of ours is a fault in this task: starting again may help. */
  #named(thrown: unknown): MillraceError {
    if (thrown instanceof MillraceError) return thrown;
    const ids = this.chain.operators.map((spec) => spec.id).join('" → "');
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return new MillraceError('TASK_FAILED', `task ${this.task} of "${ids}" failed: ${reason}`, {
      hint: "the stack is in the job's log",
      cause: thrown,
    });
  }

  #swappable(step: string): SwappableOperator {
    const { operators, source } = this.#options;
    const operator = [...operators, source?.assigner].find((one) => one?.id === step);
    if (operator === undefined || !('swap' in operator)) {
      throw new MillraceError('UPDATE_REFUSED', `step "${step}" runs no function`, {
        hint: 'only steps with a function of a module can be updated',
      });
    }
    return operator as SwappableOperator;
  }

  async close(): Promise<void> {
    this.#capturing?.cancel();
    for (const operator of this.#options.operators) operator.close();
    await this.#options.source?.input.close();
    await this.#options.sink?.close();
  }
}
