/**
 * Sliding windows over panes that are merged ahead (van Herk, Gil and Werman's scheme). Time is cut into *epochs* as long as a window, so
 * that a window lies in one epoch or across the end of one:
 *
 *        epoch before              this epoch                     a window = what is merged of it on
 *     ├────┬────┬────┬────┼────┬────┬────┬────┤                   both sides of the cut
 *               ╰─ suffix ┼ prefix ─╯
 *
 * S1  Of the epoch before there is a *suffix* per pane: the pane merged with all behind it up to the cut. A pane without records has
 *     none, the next one's stands for it.
 * S2  Of this epoch there are its panes and a *prefix*: all of its panes that are complete, merged.
 * S3  At the end of an epoch its panes become suffixes, from the last to the first, in place.
 * S4  What is merged depends on the time settled at and on nothing else, so parts of a checkpoint fit together: their tables of a
 *     name are put together, and suffixes that one part did not need take over from the next (S1).
 *
 * So a slide costs per key one merge into the prefix, one of suffix and prefix, and one at the end of the epoch.
 */
import type { Batch } from '../../../model/batch.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { KeyedSnapshot, StateTable } from '../../../state/state-table.ts';
import type { Output } from '../../operator.ts';
import { rowOffsets, rowsBetween } from '../row-walk.ts';
import { copyEntries } from './copy-entries.ts';
import type { PaneStore } from './pane-store.ts';
import { PaneTables, type TableMaker } from './pane-tables.ts';
import type { WindowBounds } from './window-bounds.ts';
import type { WindowCalls } from './window-calls.ts';

export interface SlidingParts {
  readonly bounds: WindowBounds;
  readonly calls: WindowCalls;
  readonly maker: TableMaker;
  /** Key groups of the task. */
  readonly range: KeyGroupRange;
  /** Counts records that a fold gave up. */
  readonly givenUp: () => number;
}

export class SlidingPanes implements PaneStore {
  readonly #parts: SlidingParts;
  readonly #panes: PaneTables;
  readonly #suffixes: PaneTables;
  /** At most one, under the start of its epoch. */
  readonly #prefix: PaneTables;
  /** Where this epoch begins, and up to where its panes are in the prefix. */
  #epochMs = Number.NEGATIVE_INFINITY;
  #mergedMs = Number.NEGATIVE_INFINITY;
  /** Parts of a checkpoint were put together, and suffixes may lack keys (S4). */
  #isPatched = false;

  constructor(parts: SlidingParts) {
    this.#parts = parts;
    this.#panes = new PaneTables(parts.maker, 'pane');
    this.#suffixes = new PaneTables(parts.maker, 'suffix');
    this.#prefix = new PaneTables(parts.maker, 'prefix');
  }

  get ends(): readonly number[] {
    return [...this.#suffixes.ends, ...this.#panes.ends];
  }

  fold(paneEnd: number, rows: Batch, out: Output): void {
    if (paneEnd > this.#mergedMs) {
      this.#parts.calls.foldInto(this.#panes.at(paneEnd), rows, out);
      return;
    }
    // The pane was complete, though none of its windows is.
    const offsets = rowOffsets(rows);
    for (let i = 0; i < rows.count; i++) {
      this.foldLate(paneEnd, rowsBetween(rows, offsets, i, i + 1), out);
    }
  }

  foldLate(paneEnd: number, row: Batch, out: Output): void {
    const { calls, givenUp } = this.#parts;
    const before = givenUp();
    for (const table of this.#tablesWith(paneEnd)) {
      calls.hash(row);
      calls.foldInto(table, row, out);
      // Once is enough.
      if (givenUp() !== before) return;
    }
  }

  fire(windowEnd: number, out: Output): void {
    const { bounds, calls } = this.#parts;
    const startMs = windowEnd - bounds.sizeMs;
    this.#proceed(windowEnd, out);
    const older = this.#suffixBehind(startMs);
    const newer = this.#prefix.get(this.#epochMs);
    if (older !== undefined && newer !== undefined) {
      calls.emitMerged({ older, newer }, startMs, windowEnd, out);
      return;
    }
    const only = older ?? newer;
    if (only !== undefined) calls.emitAll(only, startMs, windowEnd, out);
  }

  refire(): void {
    throw new Error('windows that are merged ahead fire once');
  }

  settle(timeMs: number, out: Output): void {
    this.#proceed(timeMs, out);
  }

  dropUntil(timeMs: number): void {
    const { bounds } = this.#parts;
    for (const end of [...this.#suffixes.ends]) {
      if (bounds.lastWindow(end) <= timeMs) this.#suffixes.drop(end);
    }
    for (const end of [...this.#panes.ends]) {
      if (bounds.lastWindow(end) > timeMs) break;
      this.#panes.drop(end);
    }
    if (this.#panes.ends.length === 0) this.#dropPrefix();
  }

  snapshot(): { readonly [state: string]: KeyedSnapshot } {
    return {
      ...this.#panes.snapshot(),
      ...this.#suffixes.snapshot(),
      ...this.#prefix.snapshot(),
    };
  }

  restore(keyed: { readonly [state: string]: KeyedSnapshot }, range: KeyGroupRange): void {
    this.#panes.restore(keyed, range);
    this.#suffixes.restore(keyed, range);
    this.#prefix.restore(keyed, range);
    this.#isPatched = true;
  }

  resume(timeMs: number): void {
    this.#epochMs = this.#parts.bounds.epochOf(timeMs - 1);
    this.#mergedMs = timeMs;
  }

  /** Windows up to `timeMs` are to be seen: begins its epoch, and merges what is complete into the prefix. */
  #proceed(timeMs: number, out: Output): void {
    this.#patch();
    const epochMs = this.#parts.bounds.epochOf(timeMs - 1);
    if (epochMs > this.#epochMs) this.#beginEpoch(epochMs, out);
    const { calls } = this.#parts;
    for (const end of this.#panes.ends) {
      if (end <= this.#mergedMs || end <= this.#epochMs) continue;
      if (end > timeMs) break;
      const pane = this.#panes.get(end) as StateTable;
      calls.mergeInto(this.#prefix.at(this.#epochMs), pane, out);
    }
    this.#mergedMs = Math.max(this.#mergedMs, timeMs);
  }

  /** S3. Panes of before the epoch that just ended are in no window to come. */
  #beginEpoch(epochMs: number, out: Output): void {
    const { bounds, calls } = this.#parts;
    this.#dropPrefix();
    for (const end of [...this.#suffixes.ends]) this.#suffixes.drop(end);
    this.#epochMs = epochMs;
    let behind: StateTable | undefined;
    for (const end of this.#panes.ends.toReversed()) {
      if (end > epochMs) continue;
      if (end <= epochMs - bounds.sizeMs) {
        this.#panes.drop(end);
        continue;
      }
      const pane = this.#panes.take(end) as StateTable;
      if (behind !== undefined) calls.mergeInto(pane, behind, out);
      this.#suffixes.put(end, pane);
      behind = pane;
    }
  }

  /** S1: the suffix of the first pane that begins at `startMs` or later and holds anything. */
  #suffixBehind(startMs: number): StateTable | undefined {
    const end = this.#suffixes.ends.find((one) => one > startMs);
    return end === undefined ? undefined : this.#suffixes.get(end);
  }

  /** The tables that a row of a complete pane belongs to. */
  #tablesWith(paneEnd: number): StateTable[] {
    this.#patch();
    if (paneEnd > this.#epochMs) {
      const pane = this.#panes.at(paneEnd);
      return paneEnd <= this.#mergedMs ? [pane, this.#prefix.at(this.#epochMs)] : [pane];
    }
    if (this.#suffixes.get(paneEnd) === undefined) {
      const made = this.#suffixes.at(paneEnd);
      const next = this.#suffixBehind(paneEnd);
      if (next !== undefined) copyEntries(next, made, this.#parts.range);
    }
    const ends = this.#suffixes.ends.filter((end) => end <= paneEnd);
    return ends.flatMap((end) => this.#suffixes.get(end) ?? []);
  }

  /** S4 */
  #patch(): void {
    if (!this.#isPatched) return;
    this.#isPatched = false;
    let behind: StateTable | undefined;
    for (const end of this.#suffixes.ends.toReversed()) {
      const suffix = this.#suffixes.get(end) as StateTable;
      if (behind !== undefined) copyEntries(behind, suffix, this.#parts.range);
      behind = suffix;
    }
  }

  #dropPrefix(): void {
    for (const epoch of [...this.#prefix.ends]) this.#prefix.drop(epoch);
  }
}
