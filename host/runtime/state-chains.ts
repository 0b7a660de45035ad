import { crc32 } from 'node:zlib';
import { MillraceError } from '../errors.ts';
import { CHANGES_CHAINED_MAX } from '../limits.ts';
import type { CapturedState } from '../state/state-table.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { checkpointPrefix } from './checkpoint-names.ts';
import type { StateBlobRef, TaskSnapshotRef } from './manifest.ts';

import type { CapturedSnapshot } from './task-capture.ts';

export interface SnapshotPlace {
  readonly checkpoint: number;
  readonly attempt: number;
  readonly operator: string;
  readonly task: number;
}

/** One keyed state: a blob with everything, then blobs with what changed since the one before. */
interface Chain {
  readonly refs: readonly StateBlobRef[];
  /** The checkpoints that wrote them. */
  readonly checkpoints: readonly number[];
}

export interface StateChainsOptions {
  readonly storage: BlobStore;
  /** Lets the event loop have a turn between two large pieces of work. */
  readonly yieldTurn: () => Promise<void>;
}

/** Bytes that small parts are gathered to for one write, and those of a part that is worth a write of its own. */
const WRITE_BYTES = 1 << 20;
const PASSED_BYTES = 1 << 15;
/** So many of them between two turns of the event loop. */
const PASSED_A_TURN = 16;
const NOTHING = new Uint8Array(0);

/**
 * The blobs that a task's keyed states are made of, and whether the next capture may be of changes.
 *
 * H1  A chain holds only blobs that were written without an error, each building on the one before, in the order of the captures. What
 *     builds on a blob that could not be written, or whose checkpoint was given up, is not written: it fails, and its
 *     checkpoint with it; the next capture is of everything.
 * H2  A chain begins anew when it has many links, or when its changes are half as large as the whole: reading it back costs no more
 *     than twice what a whole one would.
 */
export class StateChains {
  readonly #options: StateChainsOptions;
  readonly #chains = new Map<string, Map<string, Chain>>();
  /** Checkpoints that were given up, since the last that was written. */
  readonly #forgotten = new Set<number>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: StateChainsOptions) {
    this.#options = options;
  }

  /** Whether the next capture of an operator may be of changes. */
  wantsChanges(operator: string): boolean {
    const chains = this.#chains.get(operator);
    if (chains === undefined) return false;
    return [...chains.values()].every(({ refs }) => {
      const changed = refs.slice(1).reduce((sum, ref) => sum + ref.bytes, 0);
      return refs.length <= CHANGES_CHAINED_MAX && changed * 2 <= refs[0].bytes;
    });
  }

  /**
   * Makes an operator's capture durable, after those before it. `bytes` counts what was written. Names carry the attempt: an earlier one
   * that does not know yet that it is over writes beside, not over it. Throws `CHECKPOINT_FAILED`, `STORAGE_FAILED`.
   */
  write(
    place: SnapshotPlace,
    snapshot: CapturedSnapshot,
  ): Promise<{ readonly ref: TaskSnapshotRef; readonly bytes: number }> {
    const written = this.#turn.then(() => this.#write(place, snapshot));
    this.#turn = written.catch(() => {});
    return written;
  }

  /** A capture of these operators is not written: what comes next cannot build on it. */
  breakOff(operators: readonly string[]): void {
    for (const operator of operators) this.#chains.delete(operator);
  }

  /** The checkpoint was given up and its blobs may be removed: nothing builds on them any more. */
  forget(checkpoint: number): void {
    this.#forgotten.add(checkpoint);
    for (const [operator, chains] of this.#chains) {
      const built = [...chains.values()].some((one) => one.checkpoints.includes(checkpoint));
      if (built) this.#chains.delete(operator);
    }
  }

  async #write(place: SnapshotPlace, snapshot: CapturedSnapshot) {
    const { operator, checkpoint, task } = place;
    const before = this.#chains.get(operator);
    // Until all is written there is no chain to build on.
    this.#chains.delete(operator);
    const chains = new Map<string, Chain>();
    let bytes = 0;
    for (const [state, captured] of Object.entries(snapshot.keyed)) {
      const base = captured.changes ? before?.get(state) : EMPTY;
      if (base === undefined) throw brokenChain(place, state);
      const changed = captured.changes && captured.groups.length === 0;
      const number = chains.size;
      if (changed) {
        chains.set(state, base);
        continue;
      }
      const ref = await this.#put(place, { state, number }, captured);
      bytes += ref.bytes;
      chains.set(state, {
        refs: [...base.refs, ref],
        checkpoints: [...base.checkpoints, checkpoint],
      });
    }
    if (this.#forgotten.has(checkpoint)) throw givenUp(checkpoint);
    for (const old of this.#forgotten) if (old < checkpoint) this.#forgotten.delete(old);
    this.#chains.set(operator, chains);
    const states = [...chains.values()].flatMap(({ refs }) => refs);
    return { ref: { task, values: snapshot.values, states }, bytes };
  }

  async #put(
    place: SnapshotPlace,
    { state, number }: { readonly state: string; readonly number: number },
    captured: CapturedState,
  ): Promise<StateBlobRef> {
    const { checkpoint, operator, task, attempt } = place;
    const blob = `${checkpointPrefix(checkpoint)}${operator}-${task}-${number}-a${attempt}.state`;
    const { parts, sum, bytes } = await this.#gather(captured.parts);
    await this.#options.storage.put(blob, parts);
    const ref = { state, blob, bytes, crc32: sum, groups: captured.groups };
    return captured.changes ? { ...ref, changes: true } : ref;
  }

  /** Puts small parts together to writes of a good size, with their checksum, and never holds the thread up for long. */
  async #gather(small: readonly Uint8Array[]) {
    const parts: Uint8Array[] = [];
    const bytes = small.reduce((total, part) => total + part.length, 0);
    let left = bytes;
    let sum = 0;
    let buffer: Uint8Array = NOTHING;
    let used = 0;
    let passed = 0;
    const close = () => {
      const part = buffer.subarray(0, used);
      sum = crc32(part, sum);
      parts.push(part);
    };
    for (const part of small) {
      left -= part.length;
      if (part.length >= PASSED_BYTES) {
        if (used > 0) close();
        [buffer, used] = [part, part.length];
        close();
        [buffer, used] = [NOTHING, 0];
        if (++passed % PASSED_A_TURN === 0) await this.#options.yieldTurn();
        continue;
      }
      if (used + part.length > buffer.length) {
        if (used > 0) {
          close();
          await this.#options.yieldTurn();
        }
        buffer = new Uint8Array(Math.min(WRITE_BYTES, part.length + left));
        used = 0;
      }
      buffer.set(part, used);
      used += part.length;
    }
    if (used > 0) close();
    return { parts, sum, bytes };
  }
}

const EMPTY: Chain = { refs: [], checkpoints: [] };

function brokenChain({ operator, checkpoint }: SnapshotPlace, state: string): MillraceError {
  return new MillraceError(
    'CHECKPOINT_FAILED',
    `what changed in state "${state}" of "${operator}" by checkpoint ${checkpoint} builds on what was not written`,
    { hint: 'the next checkpoint holds everything' },
  );
}

function givenUp(checkpoint: number): MillraceError {
  return new MillraceError('CHECKPOINT_FAILED', `checkpoint ${checkpoint} was given up`, {
    hint: 'the next checkpoint holds everything',
  });
}
