/**
 * The watermarks of a task's splits: each has its own, and the task's is the lowest of those that are being read.
 *
 * W1  The task's watermark only rises. A split that is read from now on with older records makes it stand still, not fall.
 * W2  A split that has ended holds nothing back, nor does one that has had no record for as long as `idleMs`, until it has one again.
 * W3  A reader that tells nothing of splits has one, which never ends.
 */
import type { SplitProgress } from '../connectors/source.ts';
import { WATERMARK_MIN_MS } from '../model/element.ts';

export interface SplitClock {
  watermarkMs: number;
  /** When it had its last record, monotonic; undefined = it was opened since time was told last. */
  activeAtMs: number | undefined;
  idle: boolean;
}

/** Rows of a poll from byte `at` on are of a split. */
export interface SplitRun {
  readonly split: SplitClock;
  readonly at: number;
}

/** The split of a reader that tells of none. */
const WHOLE = -1;

export class SplitWatermarks implements SplitProgress {
  readonly #idleMs: number | undefined;
  readonly #live = new Map<number, SplitClock>([[WHOLE, newClock()]]);
  /** Splits that have ended, with rows of theirs on the way: they hold the watermark back until time is told again. */
  readonly #ending = new Set<number>();
  #runs: SplitRun[] = [];
  #watermarkMs: number;
  #nowMs = 0;
  /** When any split had its last record. */
  #activeAtMs: number | undefined;

  /** `watermarkMs` is that of the checkpoint the task was restored from. */
  constructor(idleMs: number | undefined, watermarkMs: number | undefined) {
    this.#idleMs = idleMs;
    this.#watermarkMs = watermarkMs ?? WATERMARK_MIN_MS;
  }

  opened(split: number): void {
    this.#live.delete(WHOLE);
    this.#ending.delete(split);
    if (!this.#live.has(split)) this.#live.set(split, newClock());
  }

  ended(split: number): void {
    this.opened(split);
    this.#ending.add(split);
  }

  rows(split: number, at: number): void {
    this.opened(split);
    this.#runs.push({ split: this.#live.get(split) as SplitClock, at });
  }

  /** Of the rows polled since it was called last, in order; at least one. */
  takeRuns(): readonly SplitRun[] {
    const runs = this.#runs;
    this.#runs = [];
    if (runs[0]?.at === 0) return runs;
    const whole = this.#live.get(WHOLE) ?? newClock();
    return [{ split: whole, at: 0 }, ...runs];
  }

  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** The lowest watermark of the splits besides `split`. */
  lowestBeside(split: SplitClock): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const other of this.#live.values()) {
      if (other !== split && !other.idle) lowest = Math.min(lowest, other.watermarkMs);
    }
    return lowest;
  }

  /** A split has had records until now. */
  touch(split: SplitClock): void {
    split.activeAtMs = this.#nowMs;
    split.idle = false;
    this.#activeAtMs = this.#nowMs;
  }

  /** Raises the task's watermark to what its splits allow. */
  raise(): void {
    let lowest = Number.POSITIVE_INFINITY;
    for (const split of this.#live.values()) {
      if (!split.idle) lowest = Math.min(lowest, split.watermarkMs);
    }
    if (Number.isFinite(lowest)) this.raiseTo(lowest);
  }

  raiseTo(timeMs: number): void {
    this.#watermarkMs = Math.max(this.#watermarkMs, timeMs);
  }

  /** Time goes on: splits without records become idle. `held` = the source is not read now, which is not their fault. */
  tick(nowMs: number, held: boolean): void {
    this.#nowMs = nowMs;
    if (this.#ending.size > 0) {
      for (const split of this.#ending) this.#live.delete(split);
      this.#ending.clear();
      this.raise();
    }
    if (this.#idleMs === undefined) return;
    this.#activeAtMs ??= nowMs;
    if (held) this.#activeAtMs = nowMs;
    let changed = false;
    for (const split of this.#live.values()) {
      if (held) split.activeAtMs = nowMs;
      split.activeAtMs ??= nowMs;
      if (split.idle || nowMs - split.activeAtMs < this.#idleMs) continue;
      split.idle = true;
      changed = true;
    }
    if (changed) this.raise();
  }

  /** Every split is idle. */
  get isIdle(): boolean {
    if (this.#idleMs === undefined || this.#activeAtMs === undefined) return false;
    if (this.#nowMs - this.#activeAtMs < this.#idleMs) return false;
    for (const split of this.#live.values()) if (!split.idle) return false;
    return true;
  }

  /** When the next split becomes idle; undefined = none does. */
  get idleAtMs(): number | undefined {
    if (this.#idleMs === undefined) return undefined;
    let first = Number.POSITIVE_INFINITY;
    for (const { idle, activeAtMs } of this.#live.values()) {
      if (!idle) first = Math.min(first, activeAtMs ?? this.#nowMs);
    }
    if (this.#live.size === 0 && !this.isIdle) first = this.#activeAtMs ?? this.#nowMs;
    return Number.isFinite(first) ? first + this.#idleMs : undefined;
  }
}

function newClock(): SplitClock {
  return { watermarkMs: WATERMARK_MIN_MS, activeAtMs: undefined, idle: false };
}
