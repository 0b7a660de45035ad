import type { BatchBuilder } from '../abi/batch-builder.ts';
import type { Batch } from '../model/batch.ts';
import type { KeyGroupRange } from '../model/key-group.ts';
import type { KeySpec } from '../model/key-spec.ts';

/**
 * Keyed state of one step in one task: key bytes → one row. Synchronous; one owner.
 *
 * Used as a transaction per batch: `resolve`, hand the states to the guest, then either `apply` what it handed
 * back or drop it. Between `resolve` and `apply` nothing is visible to `snapshot`, and a `resolve`
 * without `apply` changes nothing that any method can observe.
 */
export interface StateTable {
  /** Keys that have a state. */
  readonly entries: number;
  /** Bytes of keys and states. */
  readonly bytes: number;

  /**
   * Finds the key of each row. Rows carry their key hash in the tag (`RowKernel.hashKeys`); it is replaced, in place, by
   * the key's ordinal in this batch: distinct keys are numbered 0, 1, … in order of first appearance.
   * Appends the states of the keys that have one to `states`, ordinal in the tag. Returns the number of distinct keys.
   */
  resolve(rows: Batch, key: KeySpec, states: BatchBuilder): number;

  /**
   * As `resolve`, without the copies: `rows` stay as they are, and the answer is views. Unless `hashed`, the tags of the rows mean nothing
   * and keys are hashed here; throws `RECORD_TOO_LARGE` for one that is.
   */
  view(rows: Batch, key: KeySpec, hashed: boolean): ResolvedView;

  /**
   * Stores states, each row's tag an ordinal of the last `resolve`, at most once per call. A tombstone (`appendTombstone`)
   * removes the state of its key; removing what is not there is no error. A key that was removed may be given a state again
   * by a later call. Throws `STATE_LIMIT`.
   */
  apply(states: Batch): void;

  /**
   * Appends the state rows (tag 0) of a key-group range to `out` until at least `bytesMax` are in; starts at cursor 0, resumes
   * at `cursor`, returns the next cursor or -1. A cursor is good until the next `apply`, `remove` or `restore`.
   */
  scan(range: KeyGroupRange, cursor: number, bytesMax: number, out: BatchBuilder): number;

  /** As `scan`, but whole entries in the layout of `KeyedSnapshot.bytes` in place of the state rows alone. */
  scanEntries(range: KeyGroupRange, cursor: number, bytesMax: number, out: BatchBuilder): number;

  /**
   * As `resolve`, for keys given by their bytes: `entries` are in the layout of `KeyedSnapshot.bytes`, `count` of them; states may
   * have no bytes and are not looked at. The ordinal of each replaces the last word of its header, in place. `apply` follows as after
   * `resolve`. So entries of one table can be looked up in another (`scanEntries`), and keys can be made of more than fields of a row
   * (`StateTableOptions.composite`).
   */
  resolveEntries(entries: Batch, states: BatchBuilder): number;

  /** The state of one key (its bytes as in `KeySpec`), a copy, or undefined. */
  get(hash: number, key: Uint8Array): Uint8Array | undefined;

  /** Removes the state of one key; false = it had none. Ends the transaction: ordinals mean nothing until the next `resolve`. */
  remove(hash: number, key: Uint8Array): boolean;

  /**
   * Fixes the entries as they are now and begins to copy them: `StateCapture.proceed` does that a piece at a time, and whatever is
   * applied or removed meanwhile shows in no piece. Constant time. With `changes` only what was stored or removed since the
   * capture before, if the table still knows that; else, and always in a table's first capture, everything. One at a time:
   * the one before has been completed or cancelled.
   */
  capture(changes: boolean): StateCapture;

  /** A capture of everything, completed at once. Takes time in proportion to the bytes, and no other thread's. */
  snapshot(): KeyedSnapshot;

  /**
   * Adds the entries of the groups in `range` from a snapshot of everything, or takes over those from a snapshot of changes, which comes after
   * those that it builds on. Throws `CHECKPOINT_CORRUPT`, `STATE_LIMIT`; the table is then only good to be closed.
   */
  restore(snapshot: KeyedSnapshot, range: KeyGroupRange): void;

  close(): void;
}

/** The keys of a batch. Rows and states are the table's memory, good until its next call. */
export interface ResolvedView {
  /** The rows, each with the ordinal of its key in the tag. */
  readonly rows: Batch;
  /** The states of the keys that have one, in order, each with the ordinal of its key in the tag. */
  readonly states: Batch;
  /** Number of distinct keys. */
  readonly keys: number;
}

/**
 * Entries by key group. `bytes` holds, for each group in order, its entries one after the other:
 *
 *     u32 hash · u32 key length · u32 state length · u32 0 · key, padded to 8 · state row (tag 0)
 *
 * In a snapshot of changes an entry without a state, of length 0, tells that the key was removed; it comes before the entry of the
 * same key if that was added anew.
 */
export interface KeyedSnapshot {
  readonly bytes: Uint8Array;
  readonly groups: readonly KeyGroupPiece[];
  /** Only what changed since the capture before. */
  readonly changes?: boolean;
}

/** A capture that is under way. Its table's owner drives it, between two batches. */
export interface StateCapture {
  /** It is of what changed since the capture before. */
  readonly changes: boolean;
  /**
   * Copies about `bytesMax` bytes more, at least one entry. The captured state when that was all; undefined = there is more to do. Throws
   * `STATE_LIMIT` when there was no memory to keep what changed meanwhile; the table goes on, and its next capture is of everything.
   */
  proceed(bytesMax: number): CapturedState | undefined;
  /** Gives up: the table's next capture is of everything. Nothing happens when it is completed. */
  cancel(): void;
}

/** A `KeyedSnapshot` whose bytes are in parts, one after the other. */
export interface CapturedState {
  readonly parts: readonly Uint8Array[];
  readonly groups: readonly KeyGroupPiece[];
  readonly changes: boolean;
}

export interface KeyGroupPiece {
  readonly group: number;
  /** Offset in `bytes`. */
  readonly offset: number;
  readonly length: number;
  readonly entries: number;
}

export interface StateTableOptions {
  readonly keyGroups: number;
  /** The groups this task owns. */
  readonly range: KeyGroupRange;
  /** Bound of `bytes`, what keys and states take themselves. */
  readonly bytesMax: number;
  /**
   * Keys are more than the bytes that are hashed (a window or a map's key stands behind them), so a hash is any number whose key group is
   * the key's, the same for the same key: restoring checks its group only.
   */
  readonly composite?: boolean;
}

export type CreateStateTable = (options: StateTableOptions) => StateTable;
