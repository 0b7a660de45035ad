import { MillraceError } from '../../host/errors.ts';
import type { JobOutcome, RunningJob } from '../../host/runtime/running-job.ts';
import { startJob } from '../../host/runtime/start-job.ts';
import type { SimulatedProcess, Simulation } from './simulation.ts';
import { JOB, JOB_DIRECTORY, planOf } from './workload.ts';
import type { Zombie } from './zombies.ts';

/** How an attempt went. */
type Went =
  | { readonly kind: 'died' }
  | { readonly kind: 'lost'; readonly zombie: Zombie | undefined }
  | { readonly kind: 'not started'; readonly error: MillraceError }
  | { readonly kind: 'ended'; readonly outcome: JobOutcome };

/** Attempts of one process in a row at most; then it is given up, as a supervisor would. */
const ATTEMPTS_A_PROCESS = 3;

/**
 * Starts the job again and again until it has finished: in a new process, or in the same one when that lives; at the same
 * parallelism or another. The process of an earlier attempt is dead before a new one starts, or is a zombie.
 */
export class Supervisor {
  readonly #simulation: Simulation;
  /** Why the last attempt did not finish. */
  trouble = '';
  attempt = 0;
  /** No zombie was about when the last attempt began. */
  alone = true;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  async run(): Promise<void> {
    const { world, decisions, outside, timing } = this.#simulation;
    let process = this.#simulation.startProcess();
    let attempts = 0;
    for (;;) {
      attempts += 1;
      const went = await this.#attempt(process);
      if (went.kind === 'ended' && went.outcome.kind === 'finished') {
        return await this.#simulation.zombies.gone();
      }
      await world.elapsed(outside, timing.delay(decisions.chance(0.4) ? 0.05 : 10));
      const stays = went.kind !== 'lost' && process.actor.alive && attempts < ATTEMPTS_A_PROCESS;
      if (stays && decisions.chance(0.4)) continue;
      this.#leave(process, went.kind === 'lost' ? went.zombie : undefined);
      process = this.#simulation.startProcess();
      attempts = 0;
    }
  }

  /** Kills the process of the earlier attempts, as far as anybody can tell. */
  #leave(process: SimulatedProcess, zombie: Zombie | undefined): void {
    const { zombies } = this.#simulation;
    if (zombie === undefined || !process.actor.alive) this.#simulation.kill(process.actor);
    else zombies.release(process, zombie);
  }

  async #attempt(process: SimulatedProcess): Promise<Went> {
    const { world } = this.#simulation;
    this.attempt += 1;
    this.alone = !this.#simulation.zombies.any;
    this.#simulation.watch.begins(this.attempt);
    world.trace(`attempt ${this.attempt} in ${process.actor.name}`);
    const went = await Promise.race([
      this.#runOnce(process, this.attempt),
      process.died.then((): Went => ({ kind: 'died' })),
      this.#simulation.lost.then((zombie): Went => ({ kind: 'lost', zombie })),
    ]);
    this.#simulation.job = undefined;
    this.trouble = describe(went);
    world.trace(`attempt ${this.attempt} ${this.trouble}`);
    return went;
  }

  async #runOnce(process: SimulatedProcess, attempt: number): Promise<Went> {
    const { decisions, workload, watch } = this.#simulation;
    const drawn = decisions.between(1, Math.min(3, workload.keyGroups));
    // Rows in flight belong to tasks with numbers.
    this.#simulation.fixedParallelism ??= workload.checkpoint.unaligned ? drawn : undefined;
    const parallelism = this.#simulation.fixedParallelism ?? drawn;
    const threads = decisions.between(0, 3);
    const { plan, modules } = planOf(workload, parallelism);
    const spec = {
      id: JOB,
      directory: JOB_DIRECTORY,
      plan,
      modules,
      modulePaths: { v1: 'v1' },
      attempt,
      threads,
    };
    let job: RunningJob;
    try {
      job = await startJob(spec, this.#simulation.jobParts(process, attempt));
    } catch (thrown) {
      return { kind: 'not started', error: MillraceError.from(thrown) };
    }
    job.subscribe((event) => watch.event(attempt, event));
    watch.started(attempt, await job.status());
    this.#simulation.job = job;
    return { kind: 'ended', outcome: await job.ended };
  }
}

function describe(went: Went): string {
  switch (went.kind) {
    case 'died':
    case 'lost':
      return went.kind;
    case 'not started':
      return `did not start: ${went.error.code}: ${went.error.message}`;
    case 'ended':
      return went.outcome.kind === 'failed'
        ? `failed: ${went.outcome.error.code}: ${went.outcome.error.message}`
        : went.outcome.kind;
    default:
      return went satisfies never;
  }
}
