import { z } from 'zod';
import { MillraceError } from '../../errors.ts';
import type { Json } from '../../model/json.ts';
import type { KeyGroupRange } from '../../model/key-group.ts';

const emittedSchema = z.union([
  z.null(),
  z.strictObject({
    emitted: z.array(z.strictObject({ start: z.int().min(0), end: z.int().min(0) })),
  }),
]);

/** Key groups whose results have left at the end of the input, so that a task restored from behind that point does not repeat them. */
export class EmittedGroups {
  #ranges: KeyGroupRange[] = [];

  /** Rows came after all: every result is due again. */
  clear(): void {
    if (this.#ranges.length > 0) this.#ranges = [];
  }

  /** All groups of the task have been emitted. */
  complete(range: KeyGroupRange): void {
    this.#ranges = [range];
  }

  /** The parts of `range` that are not in yet, in order. */
  missing(range: KeyGroupRange): KeyGroupRange[] {
    let left = [range];
    for (const done of this.#ranges) {
      left = left.flatMap(({ start, end }) => [
        { start, end: Math.min(end, done.start) },
        { start: Math.max(start, done.end), end },
      ]);
      left = left.filter(({ start, end }) => start < end);
    }
    return left;
  }

  toJson(): Json {
    if (this.#ranges.length === 0) return null;
    return { emitted: this.#ranges.map(({ start, end }) => ({ start, end })) };
  }

  /** Adds what a snapshot's values say. Throws `CHECKPOINT_CORRUPT`. */
  restore(values: Json): void {
    const parsed = emittedSchema.safeParse(values);
    if (!parsed.success) {
      throw new MillraceError('CHECKPOINT_CORRUPT', "a keyed step's values cannot be read", {
        details: parsed.error.issues.map((issue) => issue.message),
      });
    }
    this.#ranges.push(...(parsed.data?.emitted ?? []));
  }
}
