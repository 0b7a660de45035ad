import type { Batch } from '../../../model/batch.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { KeyedSnapshot } from '../../../state/state-table.ts';
import type { Output } from '../../operator.ts';

/**
 * The states of a step over aligned windows, by pane. Two lives: panes as they are, merged anew for every window (`plain-panes.ts`),
 * and panes merged ahead, so that a window costs as much as three panes however many it has (`sliding-panes.ts`).
 */
export interface PaneStore {
  /** Ends of the panes that hold anything, ascending; of panes that were merged ahead the end of the oldest. */
  readonly ends: readonly number[];

  /** Folds rows, whose tags are key hashes, into a pane of which no window has fired yet. */
  fold(paneEnd: number, rows: Batch, out: Output): void;

  /** Folds one row into a pane of which windows have fired, but not all. */
  foldLate(paneEnd: number, row: Batch, out: Output): void;

  /** Emits the results of a window. Windows come in the order of their ends, and rows of before its end come late from now on. */
  fire(windowEnd: number, out: Output): void;

  /** Emits the result of the row's key in a window that has fired. */
  refire(windowEnd: number, row: Batch, out: Output): void;

  /** Every window that ends at or before `timeMs` has fired. */
  settle(timeMs: number, out: Output): void;

  /** Drops what only windows that end at or before `timeMs` need. */
  dropUntil(timeMs: number): void;

  snapshot(): { readonly [state: string]: KeyedSnapshot };
  /** Once per part of a checkpoint. */
  restore(keyed: { readonly [state: string]: KeyedSnapshot }, range: KeyGroupRange): void;
  /** After `restore`: the parts are of a step that had settled at `timeMs`. */
  resume(timeMs: number): void;
}
