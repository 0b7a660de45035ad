import type { Clock } from '../clock.ts';
import { runsFunction } from '../dataflow/operator-facts.ts';
import type { FunctionSpec, ModuleVersion, Plan, StepModules } from '../dataflow/plan.ts';
import { MillraceError } from '../errors.ts';
import { CHECKPOINT_RETRY_MS } from '../limits.ts';
import type { CompiledModule, Sandbox } from '../sandbox/guest.ts';
import type { CheckpointRecord } from './checkpoint-record.ts';
import { findMisfits } from './fits-step.ts';
import type { UpdateRequest } from './running-job.ts';
import type { UpdateLog } from './update-log.ts';
import type { UpdateRecord } from './update-record.ts';
import type { FromWorker, LogEntry, ToWorker } from './worker-protocol.ts';

export interface SwapCoordinatorOptions {
  readonly plan: Plan;
  /** What runs at the start. */
  readonly modules: StepModules;
  readonly workers: number;
  readonly sandbox: Sandbox;
  readonly readModule: (path: string) => Promise<Uint8Array>;
  readonly updates: UpdateLog;
  readonly clock: Clock;
  readonly post: (message: ToWorker) => void;
  readonly takeCheckpoint: (
    prepare?: (checkpoint: number) => Promise<void>,
  ) => Promise<CheckpointRecord>;
  readonly onUpdate: (update: UpdateRecord) => void;
  readonly log: (entry: LogEntry) => void;
}

interface Swap {
  record: UpdateRecord;
  readonly spec: FunctionSpec;
  readonly pauses: { readonly task: number; readonly pauseMs: number }[];
  /** Workers that still owe an answer, and what to do when none does. */
  left: Set<number>;
  answered: PromiseWithResolvers<void>;
  /** Why workers refused it. */
  refused: string;
}

/**
 * Changes the module of a step while it runs: compiled and staged in every task beside the old one, then armed on a
 * checkpoint, at whose barrier every task changes over.
 *
 * U1  One update per step at a time.
 * U2  Every worker has confirmed `arm` before the checkpoint's barriers set out, so all tasks cut at the same barrier.
 * U3  Once the barriers are out the swap happens, whatever becomes of the checkpoint. If that checkpoint fails, the next one
 *     that completes carries the new version; a restart before that brings the old one back.
 */
export class SwapCoordinator {
  readonly #options: SwapCoordinatorOptions;
  /** By step. */
  readonly #swaps = new Map<string, Swap>();
  #modules: StepModules;
  #closed = false;

  constructor(options: SwapCoordinatorOptions) {
    this.#options = options;
    this.#modules = options.modules;
  }

  /** What the latest completed checkpoint says. */
  get modules(): StepModules {
    return this.#modules;
  }

  /** What runs after the cut of a checkpoint. */
  modulesAt(checkpoint: number): StepModules {
    const modules: Record<string, ModuleVersion> = { ...this.#modules };
    for (const [step, { record }] of this.#swaps) {
      if (record.checkpoint !== undefined && record.checkpoint <= checkpoint)
        modules[step] = record.to;
    }
    return modules;
  }

  /** Resolves when the update is armed or refused. Throws `STEP_NOT_FOUND`, `UPDATE_CONFLICT`. */
  async update(request: UpdateRequest): Promise<UpdateRecord> {
    const spec = this.#findStep(request.step);
    const other = this.#swaps.get(request.step);
    if (other !== undefined) throw conflict(request.step, other.record);
    const { updates } = this.#options;
    const record = updates.create({
      step: request.step,
      from: this.#modules[request.step],
      to: request.module,
      strategy: request.strategy,
    });
    const swap: Swap = { record, spec, pauses: [], refused: '', ...noAnswers() };
    this.#swaps.set(request.step, swap);
    await updates.replace(record);
    this.#options.onUpdate(record);
    try {
      const module = await this.#admit(swap, request);
      await this.#stage(swap, module);
      return await this.#arm(swap);
    } catch (thrown) {
      return await this.#refuse(swap, MillraceError.from(thrown));
    }
  }

  onMessage(message: FromWorker & { kind: 'staged' | 'armed' | 'swapped' }): void {
    const swap = [...this.#swaps.values()].find((one) => one.record.update === message.update);
    if (swap === undefined) return;
    if (message.kind === 'swapped') {
      swap.pauses.push({ task: message.task, pauseMs: message.pauseMs });
      return;
    }
    if (message.kind === 'staged' && message.refused !== '') swap.refused = message.refused;
    swap.left.delete(message.worker);
    if (swap.left.size === 0) swap.answered.resolve();
  }

  /** A checkpoint's manifest is durable: what was cut at or before it is what recovery would start with. */
  async onCompleted(checkpoint: number): Promise<void> {
    this.#modules = this.modulesAt(checkpoint);
    for (const [step, swap] of [...this.#swaps]) {
      const cut = swap.record.checkpoint;
      if (cut === undefined || cut > checkpoint) continue;
      const reason =
        cut === checkpoint
          ? ''
          : `checkpoint ${cut} failed after the swap; checkpoint ${checkpoint} carries the new version`;
      this.#swaps.delete(step);
      const pauses = swap.pauses.toSorted((a, b) => a.task - b.task);
      await this.#enter(swap, 'swapped', { pauses, reason });
      await this.#enter(swap, 'settled');
    }
  }

  /** The job is over: nobody answers any more. */
  abort(): void {
    this.#closed = true;
    for (const swap of this.#swaps.values()) {
      swap.answered.promise.catch(() => {});
      swap.answered.reject(endedBefore());
    }
  }

  /** The last checkpoint is decided: what is not part of it has not happened. */
  async close(): Promise<void> {
    for (const swap of [...this.#swaps.values()]) {
      if (swap.record.state === 'armed') await this.#refuse(swap, endedBefore());
    }
  }

  #findStep(step: string): FunctionSpec {
    const specs = this.#options.plan.chains.flatMap((chain) => chain.operators);
    const spec = specs.find((one) => one.id === step);
    if (spec !== undefined && runsFunction(spec)) return spec;
    const steps = specs.filter(runsFunction);
    const what = spec === undefined ? 'there is no step' : 'no function runs at';
    throw new MillraceError('STEP_NOT_FOUND', `${what} "${step}"`, {
      hint: `steps with a function: ${steps.map((one) => one.id).join(', ') || 'none'}`,
    });
  }

  async #admit(swap: Swap, request: UpdateRequest): Promise<CompiledModule> {
    const bytes = await this.#options.readModule(request.path);
    const module = await this.#options.sandbox.compile(bytes);
    const { step, module: version } = request;
    if (module.digest !== version.digest) {
      throw new MillraceError(
        'UPDATE_REFUSED',
        `the bytes of module "${version.ref}" have digest ${module.digest}, not ${version.digest}`,
      );
    }
    const details = findMisfits(module.description, swap.spec);
    if (details.length > 0) {
      const text = `module "${version.ref}" does not fit step "${step}": ${details.join('; ')}`;
      throw new MillraceError('UPDATE_REFUSED', text, { details });
    }
    await this.#options.updates.rememberModule(version.digest, request.path);
    await this.#enter(swap, 'admitted');
    return module;
  }

  async #stage(swap: Swap, module: CompiledModule): Promise<void> {
    const { step, update } = swap.record;
    await this.#ask(swap, { kind: 'stage', update, step, module });
    if (swap.refused !== '') {
      this.#options.post({ kind: 'unstage', step });
      throw new MillraceError('UPDATE_REFUSED', swap.refused);
    }
    await this.#enter(swap, 'staged');
  }

  /** Arms it on the next checkpoint and has that taken; resolves when it is armed. */
  async #arm(swap: Swap): Promise<UpdateRecord> {
    const armed = Promise.withResolvers<UpdateRecord>();
    const { step, update } = swap.record;
    const taken = this.#options.takeCheckpoint(async (checkpoint) => {
      await this.#ask(swap, { kind: 'arm', update, step, checkpoint });
      await this.#enter(swap, 'armed', { checkpoint });
      armed.resolve(swap.record);
    });
    taken.catch((thrown) => {
      armed.reject(thrown);
      this.#retry();
    });
    return await armed.promise;
  }

  /** A step changes its module at the next barrier. */
  get armed(): boolean {
    return [...this.#swaps.values()].some((swap) => swap.record.state === 'armed');
  }

  /** The checkpoint of a swap failed: another one is wanted soon, whatever the interval. */
  #retry(): void {
    this.#options.clock.after(CHECKPOINT_RETRY_MS, () => {
      if (this.armed && !this.#closed) this.#options.takeCheckpoint().catch(() => this.#retry());
    });
  }

  /** Says it to every worker and waits until all have answered. */
  async #ask(swap: Swap, message: ToWorker): Promise<void> {
    Object.assign(swap, noAnswers());
    for (let worker = 0; worker < this.#options.workers; worker += 1) swap.left.add(worker);
    if (this.#closed) throw new MillraceError('UPDATE_REFUSED', 'the job has ended');
    this.#options.post(message);
    await swap.answered.promise;
  }

  async #refuse(swap: Swap, error: MillraceError): Promise<UpdateRecord> {
    this.#swaps.delete(swap.record.step);
    const { step, update } = swap.record;
    if (swap.record.state === 'staged') this.#options.post({ kind: 'unstage', step });
    const reason = [
      error.message,
      ...error.details.filter((one) => !error.message.includes(one)),
    ].join('; ');
    await this.#enter(swap, 'refused', { reason });
    this.#options.log({ level: 'warn', step, text: `update ${update} is refused: ${reason}` });
    return swap.record;
  }

  async #enter(
    swap: Swap,
    state: UpdateRecord['state'],
    fields: Partial<Pick<UpdateRecord, 'checkpoint' | 'pauses' | 'reason'>> = {},
  ): Promise<void> {
    swap.record = await this.#options.updates.enter(swap.record, state, fields);
    this.#options.onUpdate(swap.record);
  }
}

function endedBefore(): MillraceError {
  return new MillraceError('UPDATE_REFUSED', 'the job ended before the update took effect');
}

function noAnswers(): Pick<Swap, 'left' | 'answered'> {
  return { left: new Set(), answered: Promise.withResolvers<void>() };
}

function conflict(step: string, record: UpdateRecord): MillraceError {
  return new MillraceError(
    'UPDATE_CONFLICT',
    `update ${record.update} of step "${step}" is ${record.state}`,
    { hint: 'wait until it is settled or refused' },
  );
}
