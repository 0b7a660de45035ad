import type { Batch } from '../../../model/batch.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { KeyedSnapshot, StateCapture } from '../../../state/state-table.ts';
import type { Output } from '../../operator.ts';

/** 0 = left, 1 = right. */
export type Side = 0 | 1;

/**
 * What one way of joining does; the operator around it counts, gives late rows away and keeps the watermark. Pairs go to the
 * `JoinOutput` that the core was made with, which is flushed for it.
 */
export interface JoinCore {
  /** Whether a row that comes now comes too late for this kind of join; `WATERMARK_MIN_MS` = it has no event time. */
  isLate(side: Side, timeMs: number): boolean;
  /** Rows of one side, tags as they came over the edge; the core may overwrite them. */
  onRows(rows: Batch, side: Side, out: Output): void;
  /** The watermark has risen. `WATERMARK_MAX_MS` = the input ends. */
  onWatermark(timeMs: number, out: Output): void;
  /** The watermark that a snapshot was taken at. Before any `restore`. */
  restoreWatermark(timeMs: number): void;
  snapshot(): { readonly [state: string]: KeyedSnapshot };
  capture(changes: boolean): { readonly [state: string]: KeyedSnapshot | StateCapture };
  restore(keyed: { readonly [state: string]: KeyedSnapshot }, range: KeyGroupRange): void;
  readonly entries: number;
  readonly bytes: number;
  close(): void;
}
