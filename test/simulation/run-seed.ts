import { checkOutput } from './check-output.ts';
import { drawFaults, type Fault } from './faults.ts';
import type { PlantedBug } from './planted-bugs.ts';
import { Simulation } from './simulation.ts';
import { Supervisor } from './supervise.ts';
import { leftCheckpoints, pendingFiles } from './watch.ts';

export interface SeedOptions {
  readonly bug?: PlantedBug;
  /** Instead of those that the seed draws. */
  readonly faults?: readonly Fault[];
  /** Receives a line for everything that happens. */
  readonly trace?: string[];
}

export interface SeedResult {
  readonly seed: number;
  readonly faults: readonly Fault[];
  /** Empty when all went as it must. */
  readonly violations: readonly string[];
  readonly attempts: number;
  readonly steps: number;
  readonly virtualMs: number;
}

/** Virtual time after the last fault in which the job must finish. */
const PROGRESS_MS = 30_000;
const STEPS_MAX = 400_000;
/**
 * Loading a module is the one thing that takes real time, above all under the test runner: the first time it may still be
 * under way when everything else has come to rest.
 */
const PATIENCE_TURNS = 100;
const PATIENCE_MS = 10;

/** Runs one seed to its end and checks everything. The same seed and faults do exactly the same again. */
export async function runSeed(seed: number, options: SeedOptions = {}): Promise<SeedResult> {
  const unpatch = options.bug?.patch?.();
  const simulation = new Simulation(seed, options.bug, options.trace);
  const { world } = simulation;
  const faults = options.faults ?? drawFaults(world.random('faults'));
  const supervisor = new Supervisor(simulation);
  const uncaught = (thrown: unknown) => world.violate(`nobody caught ${describe(thrown)}`);
  process.on('unhandledRejection', uncaught);
  try {
    for (const fault of faults) schedule(simulation, fault);
    const deadlineMs =
      faults.reduce((latest, one) => Math.max(latest, endOf(one)), 0) + PROGRESS_MS;
    if (await runUntilDone(simulation, supervisor, deadlineMs))
      await checkEnd(simulation, supervisor);
  } finally {
    process.off('unhandledRejection', uncaught);
    unpatch?.();
  }
  const { violations, steps, nowMs } = world;
  return { seed, faults, violations, attempts: supervisor.attempt, steps, virtualMs: nowMs };
}

/** Does one thing after the other until the job has finished; false = it never will. */
async function runUntilDone(
  simulation: Simulation,
  supervisor: Supervisor,
  deadlineMs: number,
): Promise<boolean> {
  const { world } = simulation;
  let done = false;
  supervisor.run().then(
    () => {
      done = true;
    },
    (thrown) => world.violate(`the supervisor failed: ${describe(thrown)}`),
  );
  for (;;) {
    await followUps();
    if (done) return true;
    if (world.violations.length > 0) return false;
    let went = stepOnce(simulation);
    for (let patience = PATIENCE_TURNS; !went && patience > 0 && !done; patience -= 1) {
      await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
      went = stepOnce(simulation);
    }
    if (done) return true;
    const late = world.nowMs > deadlineMs || world.steps > STEPS_MAX;
    if (went && !late) continue;
    const text = went ? 'the job does not finish in time' : 'nothing is left to do';
    world.violate(`${text}; last attempt: ${supervisor.trouble || 'still runs'}`);
    return false;
  }
}

function stepOnce({ world }: Simulation): boolean {
  let went = false;
  try {
    went = world.step();
  } catch (thrown) {
    world.violate(`nobody caught ${describe(thrown)}`);
  }
  world.afterStep();
  return went;
}

/** Everything that follows at once from what was just done: promises, and theirs. */
function followUps(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The job has finished: its output is whole, stays whole in a crash, and another start changes nothing. */
async function checkEnd(simulation: Simulation, supervisor: Supervisor): Promise<void> {
  const { world, disk, decisions, workload } = simulation;
  const check = (when: string) => {
    const dead = simulation.readDeadLetters();
    for (const wrong of checkOutput(disk, workload, simulation.watch, dead)) {
      world.violate(`${when}: ${wrong}`);
    }
  };
  check('at the end');
  // What a zombie still writes is removed by the next attempt.
  const { alone, attempt } = supervisor;
  if (alone && simulation.failures === 0 && simulation.watch.tidied.has(attempt)) {
    checkTidiness(simulation);
  }
  simulation.crash();
  check('after a crash at the end');
  if (world.violations.length > 0 || !decisions.chance(0.3)) return;
  const again = new Supervisor(simulation);
  again.attempt = supervisor.attempt;
  if (await runUntilDone(simulation, again, world.nowMs + PROGRESS_MS))
    check('after another start');
}

function checkTidiness({ world, disk, workload }: Simulation): void {
  for (const sink of workload.raw ? ['out', 'raw'] : ['out']) {
    const left = pendingFiles(disk, sink);
    if (left.length > 0) world.violate(`left behind at the end: ${left}`);
  }
  const checkpoints = leftCheckpoints(disk);
  // One may have been under way.
  if (checkpoints.length > workload.checkpoint.retained + 1) {
    world.violate(`checkpoints pile up: ${checkpoints}`);
  }
}

function endOf(fault: Fault): number {
  const zombie = fault.kind === 'lost' ? fault.zombie : undefined;
  const goesOnMs = zombie === undefined ? 0 : zombie.frozenMs + zombie.livesMs;
  return fault.atMs + ('forMs' in fault ? fault.forMs : goesOnMs);
}

function schedule(simulation: Simulation, fault: Fault): void {
  const { world, outside } = simulation;
  world.schedule(outside, fault.atMs, () => {
    world.trace(`fault ${JSON.stringify(fault)}`);
    apply(simulation, fault);
  });
}

function apply(simulation: Simulation, fault: Fault): void {
  const { world, disk, outside, job, workers, timing } = simulation;
  const during = (forMs: number, begin: () => void, end: () => void) => {
    begin();
    world.schedule(outside, forMs, end);
  };
  switch (fault.kind) {
    case 'kill process':
      if (simulation.process !== undefined) simulation.kill(simulation.process.actor);
      return;
    case 'crash machine':
      simulation.crash();
      return;
    case 'kill worker':
      if (job !== undefined && workers.length > 0) timing.pick(workers).kill();
      return;
    case 'die in call':
      simulation.armDeadlyCall(fault);
      return;
    case 'i/o error':
      simulation.failCalls(fault.call, fault.times);
      return;
    case 'disk full':
      during(
        fault.forMs,
        () => {
          disk.full = true;
          simulation.watch.sinksDeclined = true;
        },
        () => {
          disk.full = false;
        },
      );
      return;
    case 'slow disk':
      during(
        fault.forMs,
        () => {
          world.diskSlowness = 30;
        },
        () => {
          world.diskSlowness = 1;
        },
      );
      return;
    case 'slow messages':
      during(
        fault.forMs,
        () => {
          world.messageSlowness = 50;
        },
        () => {
          world.messageSlowness = 1;
        },
      );
      return;
    case 'clock jump':
      world.wallOffsetMs += fault.byMs;
      return;
    case 'lost':
      simulation.lose(fault.zombie);
      return;
    default:
      ask(simulation, fault);
  }
}

/** What people ask of a running job; it may refuse. */
function ask(
  { world, job, outside }: Simulation,
  fault: Fault & { readonly kind: 'swap' | 'checkpoint' | 'stop' | 'cancel' | 'pause' },
): void {
  if (job === undefined) return;
  const ignore = () => {};
  switch (fault.kind) {
    case 'swap': {
      const { step, version } = fault;
      const module = { ref: `text@${version}`, digest: version };
      job.update({ step, module, path: version, strategy: 'barrier' }).catch(ignore);
      return;
    }
    case 'checkpoint':
      job.checkpoint().catch(ignore);
      return;
    case 'stop':
      job.stop().catch(ignore);
      return;
    case 'cancel':
      job.cancel().catch(ignore);
      return;
    case 'pause':
      job.pause().catch(ignore);
      world.schedule(outside, fault.forMs, () => void job.resume().catch(ignore));
      return;
    default:
      fault satisfies never;
  }
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
