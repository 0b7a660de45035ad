import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type JoinHow,
  type JoinSpec,
  type JoinType,
  keepsUnmatched,
} from '../../../host/dataflow/join-spec.ts';
import { createEngineStateTable } from '../../../host/state/engine-state-table.ts';
import { createMapStateTable } from '../../../host/state/map-state-table.ts';
import { createJoinBench, type JoinRow, joinSpec } from '../../kit/join-bench.ts';
import { joinInput } from '../../kit/join-input.ts';
import { checkJoin, type Oracle } from './check-join.ts';
import type { Said } from './join-oracle.ts';

const LIVES = { map: createMapStateTable, engine: createEngineStateTable };
const type = fc.constantFrom<JoinType>('inner', 'left', 'right', 'full', 'semi', 'anti');
type Windowed = Extract<JoinHow, { readonly kind: 'window' }>;
const how: fc.Arbitrary<Windowed> = fc
  .tuple(fc.integer({ min: 1, max: 15 }), fc.integer({ min: 1, max: 15 }), fc.nat())
  .map(([a, b, offset]) => {
    const [everyMs, sizeMs] = [Math.min(a, b), Math.max(a, b)];
    const window = { kind: 'aligned', sizeMs, everyMs, offsetMs: offset % everyMs, time: 'event' };
    return { kind: 'window', window } as Windowed;
  });

/** Every window on its own: the rows that came before it fired. */
function windowOracle({ type, how }: JoinSpec): Oracle {
  const { sizeMs, everyMs, offsetMs } = (how as Windowed).window;
  const windows = new Map<number, { readonly left: JoinRow[]; readonly right: JoinRow[] }>();
  let watermarkMs = Number.NEGATIVE_INFINITY;

  function startsOf(timeMs: number): number[] {
    const starts: number[] = [];
    for (let start = offsetMs - 100 * everyMs; start <= timeMs; start += everyMs) {
      if (start + sizeMs > timeMs) starts.push(start);
    }
    return starts;
  }

  function fire(start: number): Said[] {
    const { left, right } = windows.get(start)!;
    windows.delete(start);
    const time = start + sizeMs - 1;
    const partners = (row: JoinRow, of: readonly JoinRow[]) =>
      of.filter((one) => one.key === row.key);
    const lefts = left.flatMap((row): Said[] => {
      const met = partners(row, right);
      const alone = { side: '', left: row.id, time };
      if (type === 'semi') return met.length > 0 ? [alone] : [];
      if (met.length === 0) return keepsUnmatched(type, 0) ? [alone] : [];
      return type === 'anti' ? [] : met.map((one) => ({ ...alone, right: one.id }));
    });
    const rights = right.flatMap((row): Said[] =>
      keepsUnmatched(type, 1) && partners(row, left).length === 0
        ? [{ side: '', right: row.id, time }]
        : [],
    );
    return [...lefts, ...rights];
  }

  const advance = (timeMs: number) => {
    watermarkMs = timeMs;
    const due = [...windows.keys()].filter((start) => start + sizeMs - 1 <= timeMs);
    return due.flatMap(fire);
  };
  return {
    rows: (side, rows) =>
      rows.flatMap((row): Said[] => {
        const { time } = row;
        const open = (time === undefined ? [] : startsOf(time)).filter(
          (start) => start + sizeMs - 1 > watermarkMs,
        );
        for (const start of open) {
          const window = windows.get(start) ?? { left: [], right: [] };
          windows.set(start, window);
          (side === 0 ? window.left : window.right).push(row);
        }
        if (open.length > 0) return [];
        return [
          side === 0
            ? { side: 'lateLeft', left: row.id, time }
            : { side: 'lateRight', right: row.id, time },
        ];
      }),
    watermark: advance,
    end: () => advance(Number.POSITIVE_INFINITY),
  };
}

for (const [life, createStateTable] of Object.entries(LIVES)) {
  describe(`with state in the ${life}, at parallelism 1 and 3, with kills and rescales`, () => {
    test('joins of every type in tumbling and sliding windows equal their definition', () => {
      fc.assert(
        fc.property(type, how, joinInput, (type, how, input) => {
          const spec = joinSpec(type, how);
          checkJoin(spec, windowOracle(spec), input, createStateTable);
        }),
        { numRuns: 2_000 },
      );
    }, 300_000);
  });
}

test('a window that has fired leaves nothing behind', () => {
  const window = { kind: 'aligned', sizeMs: 10, everyMs: 5, offsetMs: 0, time: 'event' } as const;
  const spec = joinSpec('inner', { kind: 'window', window });
  const bench = createJoinBench({ spec, parallelism: 1, createStateTable: createEngineStateTable });
  for (let time = 0; time < 100; time += 1) {
    bench.rows(0, [{ key: `k${time % 7}`, id: time, time }]);
    bench.rows(1, [{ key: `k${time % 5}`, id: time, time }]);
  }
  const [{ counters }] = bench.operators;
  expect(counters.stateBytes).toBeGreaterThan(0);
  bench.watermark(103);
  expect([counters.stateEntries, counters.stateBytes]).not.toEqual([0, 0]);
  bench.watermark(104);
  expect([counters.stateEntries, counters.stateBytes]).toEqual([0, 0]);
  expect(counters).toMatchObject({ recordsIn: 200, windowedRecords: 200, droppedRecords: 0 });
});
