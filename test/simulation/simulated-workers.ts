import { MillraceError } from '../../host/errors.ts';
import { WORKER_STOP_MS } from '../../host/limits.ts';
import type { Idle } from '../../host/runtime/idle.ts';
import { createLocalIdle } from '../../host/runtime/local-idle.ts';
import type { TaskParts } from '../../host/runtime/task-parts.ts';
import { createSharedIdle, type WaitAsync } from '../../host/runtime/wake-words.ts';
import { Worker } from '../../host/runtime/worker.ts';
import type { StartWorkers } from '../../host/runtime/worker-host.ts';
import type {
  CoordinatorLink,
  FromWorker,
  ToWorker,
  WorkerLink,
  WorkerStart,
} from '../../host/runtime/worker-protocol.ts';
import type { LinkTampering } from './planted-bugs.ts';
import type { Random } from './random.ts';
import { Actor, type World } from './world.ts';

export interface SimulatedWorkersOptions {
  readonly world: World;
  /** The process. */
  readonly process: Actor;
  readonly random: Random;
  readonly sleepers: Sleepers;
  readonly partsOf: (actor: Actor) => TaskParts;
  readonly tampering: LinkTampering | undefined;
  readonly changeStart: (start: WorkerStart) => WorkerStart;
}

/** Workers of a running attempt, for faults to choose among. */
export interface SimulatedWorker {
  readonly actor: Actor;
  /** Ends the thread without a word; the coordinator is told a little later. */
  kill(): void;
}

/**
 * The workers of a job as threads of a simulated process: the real `Worker` each, with time and disk of its own, and messages
 * that take their time. Messages of one direction stay in order, those of different workers do not.
 */
export function createSimulatedWorkers(
  options: SimulatedWorkersOptions,
  onStarted: (workers: readonly SimulatedWorker[]) => void,
): StartWorkers {
  const { world, process, random, sleepers, partsOf } = options;
  return (starts, onDeath) => {
    let stopping = false;
    const running = starts.map((given) => {
      const start = options.changeStart(given);
      const actor = new Actor(`${process.name}.w${start.worker}`, process);
      const links = createLinks(options, actor, start.worker);
      const parts = partsOf(actor);
      const idle: Idle =
        start.wakeWords === undefined
          ? createLocalIdle(parts.clock)
          : createSharedIdle(start.wakeWords, start.worker, sleepers.waitOf(actor));
      const done = new Worker(start, parts, idle, links.worker).run();
      return { actor, link: links.coordinator, done };
    });
    onStarted(
      running.map(({ actor }) => ({
        actor,
        kill() {
          actor.die(() => random.chance(0.5));
          world.schedule(process, random.delay(0.5), () => {
            if (!stopping) onDeath(new MillraceError('TASK_FAILED', `${actor.name} died`));
          });
        },
      })),
    );
    return {
      links: running.map((one) => one.link),
      async stop() {
        stopping = true;
        for (const { link } of running) link.post({ kind: 'stop' });
        await Promise.race([
          Promise.all(running.map((one) => one.done)),
          world.elapsed(process, WORKER_STOP_MS),
        ]);
        for (const { actor } of running) actor.die(() => random.chance(0.5));
      },
      kill() {
        for (const { actor } of running) actor.die(() => random.chance(0.5));
      },
    };
  };
}

function createLinks(
  { world, process, random, tampering }: SimulatedWorkersOptions,
  actor: Actor,
  worker: number,
): { readonly coordinator: CoordinatorLink; readonly worker: WorkerLink } {
  let toWorker: (message: ToWorker) => void = () => {};
  let toCoordinator: (message: FromWorker) => void = () => {};
  const down = createLine(world, random, actor, (message: ToWorker) => {
    world.trace(`${actor.name} ← ${describe(message)}`);
    toWorker(message);
  });
  const up = createLine(world, random, process, (message: FromWorker) => {
    world.trace(`${actor.name} → ${describe(message)}`);
    toCoordinator(message);
  });
  const post = (message: ToWorker) => {
    if (process.alive) down(message);
  };
  const answer = (message: FromWorker) => {
    if (actor.alive) up(message);
  };
  return {
    coordinator: {
      post: (message) =>
        tampering === undefined ? post(message) : tampering.down(worker, message, post, answer),
      onMessage(listener) {
        toCoordinator = listener;
        tampering?.connected(worker, post);
      },
      close() {},
    },
    worker: {
      post: (message) =>
        tampering === undefined ? answer(message) : tampering.up(worker, message, answer),
      onMessage(listener) {
        toWorker = listener;
      },
      close() {},
    },
  };
}

/** First in, first out, each message after a while of its own. */
function createLine<T>(
  world: World,
  random: Random,
  receiver: Actor,
  deliver: (message: T) => void,
): (message: T) => void {
  let latestMs = 0;
  return (message) => {
    const atMs = world.nowMs + random.delay(0.1) * world.messageSlowness;
    latestMs = Math.max(latestMs, atMs);
    world.schedule(receiver, latestMs - world.nowMs, () => deliver(message));
  };
}

function describe(message: ToWorker | FromWorker): string {
  const { checkpoint, update, step } = message as {
    readonly checkpoint?: number;
    readonly update?: number;
    readonly step?: string;
  };
  const about = [checkpoint, update, step].filter((part) => part !== undefined).join(' ');
  return `${message.kind} ${about}`.trim();
}

interface Sleeper {
  readonly words: Int32Array;
  readonly index: number;
  readonly noted: number;
  wake(): void;
}

/** Loops that sleep on a word of shared memory, as `Atomics.waitAsync` lets them, in simulated time. */
export class Sleepers {
  readonly #world: World;
  readonly #random: Random;
  #sleepers: Sleeper[] = [];

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  waitOf(actor: Actor): WaitAsync {
    return (words, index, noted, timeoutMs) => {
      if (Atomics.load(words, index) !== noted) return { async: false, value: 'not-equal' };
      const value = new Promise<'ok' | 'timed-out'>((resolve) => {
        const cancel = this.#world.schedule(actor, timeoutMs, () => {
          this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
          resolve('timed-out');
        });
        const sleeper: Sleeper = {
          words,
          index,
          noted,
          wake: () => {
            cancel();
            this.#world.schedule(actor, this.#random.delay(0.05), () => resolve('ok'));
          },
        };
        this.#sleepers.push(sleeper);
      });
      return { async: true, value };
    };
  }

  /** Wakes those whose word has changed. Called after every step. */
  look(): void {
    for (const sleeper of this.#sleepers) {
      if (Atomics.load(sleeper.words, sleeper.index) === sleeper.noted) continue;
      this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
      sleeper.wake();
    }
  }
}
