import type { KeySpec } from '../model/key-spec.ts';
import type { RecordSchema } from '../model/schema.ts';
import type { GuestLimits } from '../sandbox/guest.ts';
import type { ErrorPolicy, FunctionRef } from './plan.ts';

/** `reduce`, `aggregate` or `apply` over the windows of a key. */
export interface WindowedSpec {
  readonly kind: 'windowed';
  readonly id: string;
  readonly function: FunctionRef;
  readonly input: RecordSchema;
  /** What is kept per key and window: of `reduce` the record, of `aggregate` the accumulator, of `apply` the records themselves. */
  readonly state: RecordSchema;
  readonly output: RecordSchema;
  readonly key: KeySpec;
  readonly window: WindowShape;
  readonly trigger: WindowTrigger | undefined;
  readonly allowedLatenessMs: number;
  /** Somebody reads `step:late`. */
  readonly lateRead: boolean;
  readonly stamps: WindowStamps;
  readonly onError: ErrorPolicy;
  readonly limits: GuestLimits;
}

/** Which windows a record is in. Windows hold their start and not their end. */
export type WindowShape =
  /** Windows of `sizeMs` that start every `everyMs`, one of them at `offsetMs`; tumbling when both are equal. */
  | {
      readonly kind: 'aligned';
      readonly sizeMs: number;
      readonly everyMs: number;
      readonly offsetMs: number;
      /** Whether a record is in the windows of its event time or of the time at which it comes. */
      readonly time: 'event' | 'processing';
    }
  /** Records of a key that are less than `gapMs` apart. */
  | { readonly kind: 'session'; readonly gapMs: number }
  /** The last `size` records of a key, after every `every` of them. */
  | { readonly kind: 'count'; readonly size: number; readonly every: number }
  /** All records of a key. */
  | { readonly kind: 'global' };

/** When results leave other than at the end of a window. */
export interface WindowTrigger {
  /** After this many records of the key in the window. */
  readonly count: number | undefined;
  /** After so many milliseconds by the clock. */
  readonly everyMs: number | undefined;
  /** A result takes the records behind it out of the window. */
  readonly purge: boolean;
}

/** Fields of the output that the host fills with the bounds of the window; undefined = it has no such field. */
export interface WindowStamps {
  readonly startIndex: number | undefined;
  readonly endIndex: number | undefined;
}
