import type { KeySpec } from '../model/key-spec.ts';
import type { RecordSchema } from '../model/schema.ts';
import type { GuestLimits } from '../sandbox/guest.ts';
import type { ErrorPolicy, FunctionRef } from './plan.ts';
import type { WindowShape, WindowStamps } from './window-spec.ts';

/**
 * Which rows a join yields: pairs (`inner`), pairs and rows without a partner (`left`, `right`, `full`), or left rows alone, those
 * with a partner (`semi`) or those without (`anti`).
 */
export type JoinType = 'inner' | 'left' | 'right' | 'full' | 'semi' | 'anti';

/** Two inputs as one, by key. Input 0 is the left, input 1 the right. */
export interface JoinSpec {
  readonly kind: 'join';
  readonly id: string;
  readonly type: JoinType;
  readonly how: JoinHow;
  /** The left record. */
  readonly input: RecordSchema;
  readonly right: RecordSchema;
  readonly output: RecordSchema;
  /** Fields of the left record, and those of the right that they must equal, in the same order. */
  readonly key: KeySpec;
  readonly rightKey: KeySpec;
  /** Makes a result of a pair; `semi` and `anti` have none, they pass left rows on. */
  readonly function?: FunctionRef;
  /** Whether somebody reads `step:lateLeft`, `step:lateRight`. */
  readonly lateRead: { readonly left: boolean; readonly right: boolean };
  /** Fields of a result that hold the bounds of its window. */
  readonly stamps: WindowStamps;
  readonly onError: ErrorPolicy;
  readonly limits: GuestLimits;
}

/** Which rows of the same key are partners, and how long a row waits for one. All times are event time. */
export type JoinHow =
  /** left + lower ≤ right ≤ left + upper, ms. */
  | { readonly kind: 'interval'; readonly lowerMs: number; readonly upperMs: number }
  /** All in the same window; a pair comes out once for each window that both are in. */
  | {
      readonly kind: 'window';
      readonly window: Extract<WindowShape, { readonly kind: 'aligned' }>;
    }
  /** All, as long as both are kept; without `ttlMs` for ever. */
  | { readonly kind: 'regular'; readonly ttlMs: number | undefined }
  /** The last right row that is not later than the left. */
  | { readonly kind: 'temporal' }
  /** Right rows that came before, all or the last; every task has them for all keys. */
  | { readonly kind: 'broadcast'; readonly keep: 'latest' | 'all' };

/** Whether rows of this side that find no partner are put out. */
export function keepsUnmatched(type: JoinType, side: 0 | 1): boolean {
  if (type === 'full') return true;
  return side === 0 ? type === 'left' || type === 'anti' : type === 'right';
}
