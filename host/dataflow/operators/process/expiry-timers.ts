import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { STATE_BYTES_MAX } from '../../../limits.ts';
import { createTimerTable } from '../../../state/create-timer-table.ts';
import { appendTimer, type HashedKey } from '../../../state/timer-entry.ts';
import type { TimerTable } from '../../../state/timer-table.ts';

/** Timers of one key and one time to live fall on so many places of it: writing a key again and again sets few. */
const STEPS_PER_TTL = 16;
/** Keys looked at in one turn. */
const KEYS_AT_ONCE = 1024;

/**
 * When keys are to be looked at because something of theirs may be over. Timers follow from the states, so they are in no
 * snapshot; who restores states sets them again.
 */
export class ExpiryTimers {
  readonly #timers: TimerTable;
  readonly #stepMs: number;
  readonly #set = new BatchBuilder(1024);

  /** `ttlMs`: the shortest time to live of what is watched. */
  constructor(ttlMs: number, keyGroups: number) {
    this.#timers = createTimerTable({ keyGroups, bytesMax: STATE_BYTES_MAX });
    this.#stepMs = Math.max(1, Math.floor(ttlMs / STEPS_PER_TTL));
  }

  get nextMs(): number | undefined {
    return this.#timers.nextMs;
  }

  /** Looks at the key at `timeMs` or a little later; it counts when `commit` is called. */
  add(timeMs: number, key: HashedKey): void {
    const rounded = Math.ceil(timeMs / this.#stepMs) * this.#stepMs;
    // A time that a guest made up may be any.
    if (Number.isSafeInteger(rounded)) appendTimer(this.#set, rounded, key);
  }

  commit(): void {
    if (this.#set.length === 0) return;
    this.#timers.update(this.#set.batch().bytes);
    this.#set.clear();
  }

  /** Entries of keys whose time has come, not too many at a time. */
  pop(nowMs: number, out: BatchBuilder): number {
    return this.#timers.pop(nowMs, KEYS_AT_ONCE, out);
  }

  close(): void {
    this.#timers.close();
  }
}
