import fc from 'fast-check';
import type { JoinRow } from './join-bench.ts';

/** What happens to a join, in turn. */
export type JoinEvent =
  | { readonly kind: 'rows'; readonly side: 0 | 1; readonly rows: readonly JoinRow[] }
  | { readonly kind: 'watermark'; readonly timeMs: number }
  /** Its tasks are killed and come back from a snapshot, so many of them. */
  | { readonly kind: 'restore'; readonly parallelism: number };

export interface JoinInput {
  readonly parallelism: number;
  readonly events: readonly JoinEvent[];
}

const row = fc.record({
  key: fc.constantFrom('a', 'b', 'cc', ''),
  time: fc.integer({ min: 0, max: 40 }),
  timeless: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
});
const rows = fc.record({
  kind: fc.constant('rows' as const),
  side: fc.constantFrom<0 | 1>(0, 1),
  rows: fc.array(row, { maxLength: 6 }),
});
const watermark = fc.record({
  kind: fc.constant('watermark' as const),
  timeMs: fc.integer({ min: -3, max: 45 }),
});
const tasks = fc.constantFrom(1, 3);
const restore = fc.record({ kind: fc.constant('restore' as const), parallelism: tasks });

/** Rows out of order, some late, some without event time, with ids of their own; watermarks that rise or stay; kills and rescales. */
export const joinInput: fc.Arbitrary<JoinInput> = fc
  .record({
    parallelism: tasks,
    events: fc.array(
      fc.oneof(
        { weight: 6, arbitrary: rows },
        { weight: 3, arbitrary: watermark },
        { weight: 1, arbitrary: restore },
      ),
      { maxLength: 14 },
    ),
  })
  .map(({ parallelism, events }) => {
    let id = 0;
    let highest = Number.NEGATIVE_INFINITY;
    const numbered = events.flatMap((event): JoinEvent[] => {
      if (event.kind === 'rows') {
        const made = event.rows.map(({ key, time, timeless }) => {
          id += 1;
          return { key, id, time: timeless ? undefined : time };
        });
        return [{ ...event, rows: made }];
      }
      if (event.kind === 'restore') return [event];
      if (event.timeMs <= highest) return [];
      highest = event.timeMs;
      return [event];
    });
    return { parallelism, events: numbered };
  });
