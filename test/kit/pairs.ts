import { PairFrames, placeIn } from '../../host/dataflow/operators/join/pair-frames.ts';
import type { Batch } from '../../host/model/batch.ts';
import { WATERMARK_MIN_MS } from '../../host/model/element.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { copyOf } from './keyed-rows.ts';
import { type Timed, timedBatch } from './timed-rows.ts';

/** A pair of records; at least one is there. */
export interface Pair {
  readonly left: Timed | undefined;
  readonly right: Timed | undefined;
  /** Event time of its results; undefined = none. */
  readonly time: number | undefined;
}

/** Pairs in the form in which a `join` gets them. */
export function pairBatch(left: RecordSchema, right: RecordSchema, pairs: readonly Pair[]): Batch {
  const frames = new PairFrames();
  for (const pair of pairs) {
    const place = (schema: RecordSchema, row: Timed | undefined) =>
      row === undefined ? undefined : placeIn(copyOf(timedBatch(schema, [row])));
    frames.append(place(left, pair.left), place(right, pair.right), pair.time ?? WATERMARK_MIN_MS);
  }
  return copyOf(frames.batch());
}
