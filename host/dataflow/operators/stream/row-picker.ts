/** `limit` and `sample`: which of the rows that come by pass. */
import { z } from 'zod';
import { MillraceError } from '../../../errors.ts';
import type { Json } from '../../../model/json.ts';
import type { StreamOperation } from '../../plan.ts';

/** Decides about rows one after the other; what it remembers is in the checkpoint. */
export interface RowPicker {
  /** Whether the next row passes. */
  next(): boolean;
  toJson(): Json;
  /** Adds what a snapshot's values say; parts may come from several tasks. Throws `CHECKPOINT_CORRUPT`. */
  restore(values: Json): void;
}

export function createRowPicker(
  operation: StreamOperation & { kind: 'limit' | 'sample' },
  task: number,
): RowPicker {
  return operation.kind === 'limit'
    ? createLimit(operation.count)
    : createSample(operation.share, operation.seed + task);
}

function createLimit(count: number): RowPicker {
  let passed = 0;
  return {
    next() {
      if (passed >= count) return false;
      passed += 1;
      return true;
    },
    toJson: () => ({ passed }),
    restore(values) {
      passed += read(z.strictObject({ passed: z.int().min(0) }), values).passed;
    },
  };
}

/** Throws dice of xorshift32 (Marsaglia, 2003), which a checkpoint keeps: after a recovery the same rows pass as before. */
function createSample(share: number, seed: number): RowPicker {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  let restored = false;
  return {
    next() {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) / 2 ** 32 < share;
    },
    toJson: () => ({ dice: state }),
    restore(values) {
      const { dice } = read(z.strictObject({ dice: z.int().refine((dice) => dice !== 0) }), values);
      // After rescaling a task may go on from the parts of several: any of their dice will do.
      if (!restored) state = dice | 0;
      restored = true;
    },
  };
}

function read<T>(schema: z.ZodType<T>, values: Json): T {
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  throw new MillraceError('CHECKPOINT_CORRUPT', "a step's values cannot be read", {
    details: parsed.error.issues.map((issue) => issue.message),
  });
}
