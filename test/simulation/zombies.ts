import type { BlobStore } from '../../host/storage/blob-store.ts';
import type { Random } from './random.ts';
import type { SimulatedProcess, Simulation } from './simulation.ts';

/**
 * Processes that are taken for lost and are not: each stands still for a while, as under SIGSTOP or behind a cut line, and goes on
 * in the middle of whatever it was doing, while another attempt runs.
 */
export interface Zombie {
  /** How long it stands still from the moment it is given up. */
  readonly frozenMs: number;
  /** How long it goes on after that, until somebody ends it. */
  readonly livesMs: number;
}

/** Most processes that are taken for lost are not. */
export function drawZombie(random: Random): Zombie | undefined {
  if (random.chance(0.25)) return undefined;
  const frozenMs = random.chance(0.4) ? 0 : random.between(1, 300);
  return { frozenMs, livesMs: random.between(20, 1_500) };
}

/** The zombies of a seed. */
export class Zombies {
  readonly #simulation: Simulation;
  readonly #gone = new Set<Promise<void>>();

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  get any(): boolean {
    return this.#gone.size > 0;
  }

  /** Gives a process up, which goes on. */
  release({ actor }: SimulatedProcess, { frozenMs, livesMs }: Zombie): void {
    const { world, outside } = this.#simulation;
    world.trace(`${actor.name} is a zombie`);
    actor.frozenUntilMs = world.nowMs + frozenMs;
    const gone = world.elapsed(outside, frozenMs + livesMs).then(() => {
      this.#simulation.kill(actor);
      this.#gone.delete(gone);
    });
    this.#gone.add(gone);
  }

  /** Resolves when there are none any more: what they still do must do no harm. */
  async gone(): Promise<void> {
    await Promise.all(this.#gone);
  }
}

/** An attempt sees its own fence and the earlier ones only. */
export function overlooksFences(store: BlobStore): BlobStore {
  let own = 0;
  return {
    put: (name, bytes) => store.put(name, bytes),
    create(name, bytes) {
      own = Math.max(own, attemptOf(name) ?? 0);
      return store.create(name, bytes);
    },
    get: (name) => store.get(name),
    list: async (prefix) =>
      (await store.list(prefix)).filter((name) => (attemptOf(name) ?? 0) <= own),
    delete: (name) => store.delete(name),
  };
}

/** An attempt takes every manifest that it finds for one of the job's. */
export function overlooksNotes(store: BlobStore): BlobStore {
  return {
    put: (name, bytes) => store.put(name, bytes),
    create: (name, bytes) => store.create(name, bytes),
    get: (name) => store.get(name),
    list: async (prefix) =>
      (await store.list(prefix)).filter((name) => !/^attempts\/\d+\.json$/.test(name)),
    delete: (name) => store.delete(name),
  };
}

function attemptOf(name: string): number | undefined {
  const match = /^attempts\/(\d+)\./.exec(name);
  return match === null ? undefined : Number(match[1]);
}
