import type { Batch } from '../../../model/batch.ts';
import type { WindowTimes } from './window-times.ts';

/**
 * What a windowed step does with the records of a key and window: keeps *states* that stand for them, and makes results of those. Two
 * lives: guest functions that fold (`guest-fold.ts`), and the records themselves in a list (`collected-fold.ts`). Rows and states carry
 * ordinals of a key and window in their tags. Answers are good until the next call; a call that throws has changed nothing.
 */
export interface WindowFunction {
  /** Folds each row into the state of its ordinal, if it has one. Returns the states of the ordinals that had a row. */
  fold(rows: Batch, states: Batch, keys: number): Batch;

  /** Merges `newer` states into `older` ones. Returns the states of the ordinals that `newer` has. */
  merge(newer: Batch, older: Batch, keys: number): Batch;

  /** Results of what a merge gives, which is dropped; older states without a newer one included. A result's tag is unspecified. */
  mergedResults(newer: Batch, older: Batch, keys: number, times: WindowTimes): Batch;

  /** Results of states, whose tags are overwritten by 0, 1, … in order; the tag of a result is that of its state. */
  results(states: Batch, times: WindowTimes): Batch;
}
