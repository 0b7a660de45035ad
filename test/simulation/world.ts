import type { Clock } from '../../host/clock.ts';
import { Random } from './random.ts';

/**
 * Somebody who can die: the machine, a process on it, a worker thread of that. Whoever is dead does nothing more: what he had
 * scheduled never happens.
 */
export class Actor {
  readonly name: string;
  readonly parent: Actor | undefined;
  /** Calls to the disk that were made and not answered yet: a death may come before or after they take effect. */
  readonly calls = new Set<() => void>();
  readonly #children: Actor[] = [];
  /** It does nothing before. */
  frozenUntilMs = 0;
  #alive = true;

  constructor(name: string, parent?: Actor) {
    this.name = name;
    this.parent = parent;
    if (parent !== undefined) parent.#children.push(this);
  }

  get alive(): boolean {
    return this.#alive && (this.parent === undefined || this.parent.alive);
  }

  /** When it does something again: now, unless it or what it belongs to stands still. */
  get awakeAtMs(): number {
    return Math.max(this.frozenUntilMs, this.parent?.awakeAtMs ?? 0);
  }

  /** `takesEffect` is asked for every call under way. */
  die(takesEffect: () => boolean): void {
    if (!this.#alive) return;
    for (const child of this.#children) child.die(takesEffect);
    for (const call of this.calls) if (takesEffect()) call();
    this.calls.clear();
    this.#alive = false;
  }
}

interface Entry {
  atMs: number;
  readonly number: number;
  readonly actor: Actor;
  readonly run: () => void;
  cancelled: boolean;
}

/** Wall-clock time at the beginning, ms since the epoch. */
const EPOCH_MS = 1_700_000_000_000;

/**
 * Time and order of everything. One thing happens at a time; whatever follows from it at once (promises) happens before the
 * next. The seed decides how long everything takes, and with it the order.
 */
export class World {
  readonly seed: number;
  readonly traced: string[] | undefined;
  nowMs = 0;
  /** Things that have happened. */
  steps = 0;
  /** Added to wall-clock time: clocks jump. */
  wallOffsetMs = 0;
  /** Delays of messages and of calls to the disk are multiplied by these. */
  messageSlowness = 1;
  diskSlowness = 1;
  /** Called after every step. */
  afterStep: () => void = () => {};
  readonly violations: string[] = [];
  readonly #heap: Entry[] = [];
  #numbers = 0;

  constructor(seed: number, traced?: string[]) {
    this.seed = seed;
    this.traced = traced;
  }

  random(stream: string): Random {
    return new Random(this.seed, stream);
  }

  trace(text: string): void {
    this.traced?.push(`${this.nowMs.toFixed(3)} ${text}`);
  }

  /** Something that must never happen has happened. */
  violate(text: string): void {
    this.trace(`VIOLATION ${text}`);
    this.violations.push(text);
  }

  /** Does something later unless the actor dies before; the returned function cancels. */
  schedule(actor: Actor, delayMs: number, run: () => void): () => void {
    const entry = {
      atMs: this.nowMs + Math.max(0, delayMs),
      number: this.#numbers,
      actor,
      run,
      cancelled: false,
    };
    this.#numbers += 1;
    this.#push(entry);
    return () => {
      entry.cancelled = true;
    };
  }

  /** Resolves after a while, or never if the actor dies. */
  elapsed(actor: Actor, delayMs: number): Promise<void> {
    return new Promise((resolve) => this.schedule(actor, delayMs, resolve));
  }

  /** The time as an actor sees it. Each look at monotonic time takes `costMs`: that is how work takes time here. */
  clockOf(actor: Actor, costMs = 0): Clock {
    return {
      nowMs: () => Math.floor(EPOCH_MS + this.nowMs + this.wallOffsetMs),
      monotonicMs: () => {
        this.nowMs += costMs;
        return this.nowMs;
      },
      after: (delayMs, callback) => this.schedule(actor, delayMs, callback),
    };
  }

  /** Does the next thing; false = there is nothing left to do. */
  step(): boolean {
    for (;;) {
      const entry = this.#pop();
      if (entry === undefined) return false;
      if (entry.cancelled || !entry.actor.alive) continue;
      const { awakeAtMs } = entry.actor;
      if (awakeAtMs > Math.max(this.nowMs, entry.atMs)) {
        entry.atMs = awakeAtMs;
        this.#push(entry);
        continue;
      }
      this.nowMs = Math.max(this.nowMs, entry.atMs);
      this.steps += 1;
      entry.run();
      return true;
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (before(heap[parent], entry)) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child += 1;
      if (before(last, heap[child])) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);
}
