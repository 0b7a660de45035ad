import type { BatchBuilder } from '../abi/batch-builder.ts';
import type { KeyGroupRange } from '../model/key-group.ts';
import type { KeyedSnapshot } from './state-table.ts';

/**
 * The timers of one step in one task, of one kind of time: a set of (time, key). Synchronous; one owner.
 *
 * Timers travel as *entries*, in the layout of `KeyedSnapshot.bytes`; the state row is a header alone, whose event time is the
 * timer's. So what `pop` yields can be given to `StateTable.resolveEntries` as it is (`timer-entry.ts` writes and reads entries):
 *
 *     u32 hash · u32 key length · u32 16 · u32 operation · key, padded to 8 · u32 16 · u32 0 · i64 time, ms
 *
 * The operation is `SET_TIMER` (0, and so in a snapshot) or `DELETE_TIMER` (1). Times are safe integers. The hash decides the
 * key group; the same key always comes with the same hash.
 */
export interface TimerTable {
  /** Timers that are set. */
  readonly entries: number;
  /** Bytes of keys and times. */
  readonly bytes: number;
  /** The earliest timer's time; undefined when there is none. */
  readonly nextMs: number | undefined;

  /**
   * Sets and deletes timers, in order: the same time and key again, or the deletion of what is not there, changes nothing.
   * Throws `STATE_LIMIT`; the operations before the one that did not fit are done then.
   */
  update(entries: Uint8Array): void;

  /**
   * Removes timers at or before `untilMs` and appends their entries to `out`, at most `entriesMax`: the earliest first, then by
   * hash, then by key bytes. Returns how many.
   */
  pop(untilMs: number, entriesMax: number, out: BatchBuilder): number;

  /** A copy of all timers, by key group. */
  snapshot(): KeyedSnapshot;

  /** Adds the timers of the groups in `range` from a snapshot. Throws `CHECKPOINT_CORRUPT`, `STATE_LIMIT`; the table is then only good to be closed. */
  restore(snapshot: KeyedSnapshot, range: KeyGroupRange): void;

  close(): void;
}

export interface TimerTableOptions {
  readonly keyGroups: number;
  /** Bound of `bytes`. */
  readonly bytesMax: number;
}

export type CreateTimerTable = (options: TimerTableOptions) => TimerTable;
