import type { Batch } from '../../model/batch.ts';
import { newCounters, type Operator, type Output } from '../operator.ts';
import type { PassSpec } from '../plan.ts';

/** `union` and `keyBy`: rows pass as they are. What they mean is in the edges around them. */
export function createPassOperator(spec: PassSpec): Operator {
  const counters = newCounters();
  return {
    id: spec.id,
    counters,
    onBatch(batch: Batch, out: Output) {
      if (batch.count === 0) return;
      counters.batches += 1;
      counters.recordsIn += batch.count;
      counters.bytesIn += batch.bytes.length;
      counters.recordsOut += batch.count;
      counters.bytesOut += batch.bytes.length;
      out.batch(batch);
    },
    onWatermark() {},
    onEnd() {},
    snapshot: () => ({ keyed: {}, values: null }),
    restore() {},
    close() {},
  };
}
