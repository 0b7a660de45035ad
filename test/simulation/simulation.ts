import { createRowKernel } from '../../host/abi/create-row-kernel.ts';
import { decodeObject } from '../../host/abi/row-object.ts';
import { createFileConnector } from '../../host/connectors/file/file-connector.ts';
import { createOperator } from '../../host/dataflow/create-operator.ts';
import type { JobFiles } from '../../host/runtime/job-files.ts';
import type { JobParts } from '../../host/runtime/job-parts.ts';
import type { RunningJob } from '../../host/runtime/running-job.ts';
import type { TaskParts } from '../../host/runtime/task-parts.ts';
import { createStateTable } from '../../host/state/create-state-table.ts';
import { createMapStateTable } from '../../host/state/map-state-table.ts';
import { createLocalBlobStore } from '../../host/storage/local-blob-store.ts';
import { Disk } from './disk.ts';
import { type DiskCall, DiskCalls, type Fate } from './disk-calls.ts';
import type { Fault } from './faults.ts';
import type { PlantedBug } from './planted-bugs.ts';
import type { Random } from './random.ts';
import { simulatedSource } from './simulated-source.ts';
import { simulatedTables } from './simulated-tables.ts';
import { createSimulatedWorkers, type SimulatedWorker, Sleepers } from './simulated-workers.ts';
import { Watch } from './watch.ts';
import {
  createVersions,
  createWorkload,
  EVENT_SCHEMA,
  type Event,
  JOB_DIRECTORY,
  type Workload,
} from './workload.ts';
import { Actor, World } from './world.ts';
import { type Zombie, Zombies } from './zombies.ts';

const kernel = createRowKernel();
const sandbox = createVersions();
const source = simulatedSource(EVENT_SCHEMA);

/** A process of the simulated machine, in which attempts run. */
export interface SimulatedProcess {
  readonly actor: Actor;
  readonly startedAtMs: number;
  /** What all code of its main thread shares. */
  readonly parts: TaskParts;
  readonly died: Promise<'died'>;
}

interface DeadlyCall {
  readonly fault: Fault & { readonly kind: 'die in call' };
  left: number;
}

/** One seed's machine: disk, processes, faults. What runs on it is decided by `supervise.ts`. */
export class Simulation {
  readonly world: World;
  readonly disk = new Disk();
  readonly watch: Watch;
  readonly workload: Workload;
  readonly bug: PlantedBug | undefined;
  /** Chance for everything that takes time, and for everything that is decided. */
  readonly timing: Random;
  readonly decisions: Random;
  /** Outlives every machine. */
  readonly outside = new Actor('outside');
  /** The job that runs, the workers it has, and the process it is in. */
  job: RunningJob | undefined;
  workers: readonly SimulatedWorker[] = [];
  process: SimulatedProcess | undefined;
  /** Lines of dead letters on the disk, by attempt. */
  readonly deadLetters = new Map<number, readonly string[]>();
  /** Of all attempts, where it may not change. */
  fixedParallelism: number | undefined;
  /** Calls that failed since the attempt began. */
  failures = 0;
  #processes = 0;
  readonly zombies: Zombies;
  #lost = Promise.withResolvers<Zombie | undefined>();
  readonly #deadly: DeadlyCall[] = [];
  readonly #failing: { readonly call: DiskCall; left: number }[] = [];
  readonly #deaths = new Map<Actor, () => void>();
  readonly #sleepers: Sleepers;
  readonly #storageOf: ReturnType<NonNullable<PlantedBug['storage']>>;

  constructor(seed: number, bug: PlantedBug | undefined, traced?: string[]) {
    this.world = new World(seed, traced);
    this.watch = new Watch(this.world, this.disk);
    this.bug = bug;
    this.timing = this.world.random('timing');
    this.decisions = this.world.random('decisions');
    this.workload = createWorkload(this.world.random('workload'));
    this.zombies = new Zombies(this);
    this.#sleepers = new Sleepers(this.world, this.timing);
    this.world.afterStep = () => this.#sleepers.look();
    this.#storageOf = bug?.storage?.() ?? ((real) => real);
    for (const path of ['/data', '/data/job', '/data/out']) {
      this.disk.makeDirectory(path);
      this.disk.syncDirectory(path.slice(0, path.lastIndexOf('/')) || '/');
    }
  }

  startProcess(): SimulatedProcess {
    this.#processes += 1;
    const actor = new Actor(`p${this.#processes}`);
    const died = new Promise<'died'>((resolve) => {
      this.#deaths.set(actor, () => resolve('died'));
    });
    const startedAtMs = this.world.clockOf(actor).nowMs();
    const process = { actor, startedAtMs, died, parts: this.#partsOf(actor, startedAtMs, 0) };
    this.world.trace(`${actor.name} starts`);
    this.process = process;
    return process;
  }

  /** Ends a process as SIGKILL does: what it had asked the disk for may still happen. */
  kill(actor: Actor): void {
    if (!actor.alive) return;
    this.world.trace(`${actor.name} is killed`);
    actor.die(() => this.timing.chance(0.5));
    this.#deaths.get(actor)?.();
  }

  /** Nothing survives, zombies no more than others. */
  crash(): void {
    for (const actor of this.#deaths.keys()) this.kill(actor);
    this.world.trace('the machine crashes');
    this.disk.crash(this.timing);
  }

  /** Resolves when the supervisor believes the runner lost. */
  get lost(): Promise<Zombie | undefined> {
    return this.#lost.promise;
  }

  /** It goes on as a zombie, or is killed. */
  lose(zombie: Zombie | undefined): void {
    this.#lost.resolve(zombie);
    this.#lost = Promise.withResolvers<Zombie | undefined>();
  }

  armDeadlyCall(fault: DeadlyCall['fault']): void {
    this.#deadly.push({ fault, left: fault.after });
  }

  failCalls(call: DiskCall, times: number): void {
    this.#failing.push({ call, left: times });
  }

  /** What an attempt in this process is started with. */
  jobParts(process: SimulatedProcess, attempt: number): Partial<JobParts> {
    const { actor, parts } = process;
    const start = createSimulatedWorkers(
      {
        world: this.world,
        process: actor,
        random: this.timing,
        sleepers: this.#sleepers,
        partsOf: (worker) => this.#partsOf(worker, process.startedAtMs, this.#drawCost()),
        tampering: this.bug?.links?.(),
        changeStart: this.bug?.changeStart ?? ((given) => given),
      },
      (workers) => {
        this.workers = workers;
      },
    );
    return {
      ...parts,
      files: this.#jobFiles(actor, attempt),
      readModule: async (path) => {
        await this.world.elapsed(actor, this.timing.delay(0.3));
        return new TextEncoder().encode(path);
      },
      startWorkers: start,
      usage: () => ({ rssBytes: 0, cpuMs: 0 }),
      keepAlive: () => () => {},
    };
  }

  /** What work costs a worker. With a slow one, channels fill: barriers have something to overtake. */
  #drawCost(): number {
    const { unaligned, timeoutMs } = this.workload.checkpoint;
    const slow = unaligned && this.timing.chance(0.3);
    if (!slow) return 0.05 + 0.3 * this.timing.unit();
    // A worker that is too slow for the timeout never completes a checkpoint, and the job never ends: nobody's fault but the document's.
    return Math.min(this.timing.between(3, 12), timeoutMs / 200);
  }

  /** Records that became dead letters. */
  readDeadLetters(): readonly Event[] {
    const latest = Math.max(...this.deadLetters.keys());
    return (this.deadLetters.get(latest) ?? []).map((line) => {
      const { row } = JSON.parse(line) as { readonly row: string };
      const bytes = new Uint8Array(Buffer.from(row, 'base64'));
      return decodeObject(EVENT_SCHEMA, bytes, 0) as unknown as Event;
    });
  }

  #partsOf(actor: Actor, startedAtMs: number, costMs: number): TaskParts {
    const { world, bug, timing } = this;
    const clock = world.clockOf(actor, costMs);
    const calls = new DiskCalls(
      {
        world,
        disk: this.disk,
        random: timing,
        fate: (call, path, caller) => this.#fate(call, path, caller),
        kill: (caller) => this.#dieInCall(caller),
        onRename: (from, to, replaced) => this.watch.renamed(from, to, replaced),
      },
      actor,
    );
    const fileSystem = calls.fileSystem();
    const files = calls.sinkFiles();
    const storage = createLocalBlobStore(JOB_DIRECTORY, {
      fileSystem: bug?.fileSystem?.(fileSystem) ?? fileSystem,
      writers: { pid: process.pid, startedAtMs, isAlive: () => false },
    });
    const { input } = this.workload;
    const position = bug?.position ?? ((next: number) => next);
    const create = timing.chance(0.05) ? createStateTable : createMapStateTable;
    const events = source.connector({ world, actor, random: timing, input, position });
    const file = createFileConnector({ files: bug?.sinkFiles?.(files) ?? files, clock });
    return {
      clock,
      connectors: new Map([
        ['events', events],
        ['file', file],
      ]),
      sandbox,
      kernel,
      createStateTable: simulatedTables(bug?.createStateTable?.(create) ?? create, timing, {
        removes: !this.workload.process,
      }),
      createOperator: bug?.createOperator?.(createOperator) ?? createOperator,
      storage: this.#storageOf(storage),
      yieldTurn: () => world.elapsed(actor, timing.delay(0.05)),
    };
  }

  #fate(call: DiskCall, path: string, caller: Actor): Fate {
    for (const deadly of this.#deadly) {
      if (deadly.fault.call !== call || deadly.left <= 0) continue;
      deadly.left -= 1;
      if (deadly.left === 0) return { dies: deadly.fault.dies };
    }
    const failing = this.#failing.find((one) => one.call === call && one.left > 0);
    if (failing === undefined) return undefined;
    failing.left -= 1;
    this.failures += 1;
    this.world.trace(`${caller.name} fails in ${call} ${path}`);
    return { errno: 'EIO' };
  }

  #dieInCall(caller: Actor): void {
    const deadly = this.#deadly.find((one) => one.left === 0);
    if (deadly !== undefined) this.#deadly.splice(this.#deadly.indexOf(deadly), 1);
    let actor = caller;
    while (actor.parent !== undefined) actor = actor.parent;
    if (deadly?.fault.whole) this.crash();
    this.kill(actor);
  }

  /** The job's log goes nowhere; its dead letters are on the disk, a file for each attempt. */
  #jobFiles(actor: Actor, attempt: number): JobFiles {
    const { deadLetters } = this;
    const change = async (effect: () => void) => {
      await this.world.elapsed(actor, this.timing.delay(0.3));
      effect();
    };
    return {
      log: (line) => this.world.trace(`${actor.name} log ${line}`),
      appendDeadLetters: (lines) =>
        change(() => {
          deadLetters.set(attempt, [...(deadLetters.get(attempt) ?? []), ...split(lines)]);
        }),
      restoreDeadLetters: (checkpoint, lines) =>
        change(() => {
          const earlier = [...deadLetters.keys()].filter((one) => one < attempt);
          const kept = (deadLetters.get(Math.max(...earlier)) ?? []).filter(
            (line) => (JSON.parse(line) as { readonly checkpoint: number }).checkpoint < checkpoint,
          );
          deadLetters.set(attempt, [...kept, ...split(lines)]);
          for (const one of earlier) deadLetters.delete(one);
        }),
    };
  }
}

function split(lines: string): readonly string[] {
  return lines.split('\n').filter((line) => line !== '');
}
