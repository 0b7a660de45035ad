import fc from 'fast-check';
import { expect } from 'vitest';
import type { WindowedSpec } from '../../host/dataflow/window-spec.ts';
import { createStateTable } from '../../host/state/create-state-table.ts';
import { createMapStateTable } from '../../host/state/map-state-table.ts';
import { type TimedFields, WindowTasks } from '../kit/window-tasks.ts';
import { type OracleResult, WindowOracle } from './window-oracle.ts';

/** What happens to a windowed step, one after the other. */
export type WindowEvent =
  | { readonly kind: 'feed'; readonly records: readonly TimedFields[] }
  /** The watermark is this much later than before. */
  | { readonly kind: 'watermark'; readonly byMs: number }
  | { readonly kind: 'clock'; readonly byMs: number }
  /** A kill and a restore, at another parallelism. */
  | { readonly kind: 'kill'; readonly parallelism: number };

export interface Course {
  readonly events: readonly WindowEvent[];
  readonly parallelism: number;
  readonly table: 'engine' | 'map';
}

const reading = (timeMaxMs: number) =>
  fc.record({
    record: fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'é', ''),
      value: fc.bigInt({ min: -9n, max: 9n }),
    }),
    time: fc.option(fc.integer({ min: -timeMaxMs / 4, max: timeMaxMs }), {
      nil: undefined,
      freq: 20,
    }),
  });

/** Random courses of a step whose records lie within `timeMaxMs`: out of order, late, with idle times and kills. */
export function courses(timeMaxMs: number): fc.Arbitrary<Course> {
  const event: fc.Arbitrary<WindowEvent> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('feed' as const),
        records: fc.array(reading(timeMaxMs), { maxLength: 8 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('watermark' as const),
        byMs: fc.integer({ min: -2, max: Math.ceil(timeMaxMs / 3) }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('clock' as const), byMs: fc.nat(12) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('kill' as const),
        parallelism: fc.constantFrom(1, 3),
      }),
    },
  );
  return fc.record({
    events: fc.array(event, { maxLength: 14 }),
    parallelism: fc.constantFrom(1, 3),
    table: fc.constantFrom('engine' as const, 'map' as const),
  });
}

/** Lets the step and the oracle go through a course and compares after each event what came out, then what was counted. */
export function checkCourse(spec: WindowedSpec, course: Course): void {
  const tasks = new WindowTasks({
    spec,
    parallelism: course.parallelism,
    createStateTable: course.table === 'map' ? createMapStateTable : createStateTable,
  });
  const oracle = new WindowOracle(spec);
  let watermark = -50;
  let clock = 1_000;
  tasks.now(clock);
  oracle.now(clock);
  let fed = 0;
  for (const event of [...course.events, 'last' as const]) {
    if (event === 'last') {
      const last = Number.MAX_SAFE_INTEGER;
      if (isClocked(spec)) compare(spec, tasks.end(), oracle.now(last));
      else compare(spec, tasks.watermark(last), oracle.watermark(last));
    } else if (event.kind === 'feed') {
      fed += event.records.length;
      compare(spec, tasks.feed(event.records), oracle.feed(event.records));
    } else if (event.kind === 'watermark') {
      if (isClocked(spec)) continue;
      watermark += event.byMs;
      compare(spec, tasks.watermark(watermark), oracle.watermark(watermark));
    } else if (event.kind === 'clock') {
      clock += event.byMs;
      compare(spec, tasks.now(clock), oracle.now(clock));
    } else {
      tasks.restore(event.parallelism);
      tasks.now(clock);
    }
  }
  const late = (records: readonly TimedFields[]) =>
    records.map(({ record, time }) => `${record.key} ${record.value} ${time}`).sort();
  expect(late(tasks.late)).toEqual(spec.lateRead ? late(oracle.late) : []);
  const counts = {
    windowed: tasks.total('windowedRecords'),
    late: tasks.total('lateRecords'),
    dropped: tasks.total('droppedRecords'),
  };
  const missed = oracle.late.length;
  expect(counts).toEqual({
    windowed: oracle.windowed,
    late: spec.lateRead ? missed : 0,
    dropped: spec.lateRead ? 0 : missed,
  });
  expect(tasks.total('recordsIn')).toBe(fed);
  expect(counts.windowed + counts.late + counts.dropped).toBe(fed);
  if (spec.window.kind === 'aligned' || spec.window.kind === 'session') {
    // Every window has closed: nothing is kept.
    expect([tasks.total('stateEntries'), tasks.total('stateBytes')]).toEqual([0, 0]);
  }
  tasks.close();
}

function isClocked({ window }: WindowedSpec): boolean {
  return window.kind === 'aligned' && window.time === 'processing';
}

/** Results come window by window, the windows in the order of their ends, keys within one in any order. */
function compare(
  spec: WindowedSpec,
  actual: readonly TimedFields[],
  expected: readonly OracleResult[],
): void {
  const got = actual.map(({ record, time }) => {
    const bounded = spec.window.kind === 'aligned' || spec.window.kind === 'session';
    const start = bounded ? Number(record.windowStart) : undefined;
    const end = bounded ? Number(record.windowEnd) : undefined;
    if (bounded) expect(time).toBe(end! - 1);
    if (spec.function.kind === 'apply' && bounded) {
      expect([record.start, record.end]).toEqual([start, end]);
    }
    const result = record.value ?? record.mean ?? record.values;
    return `${record.key} ${start} ${end} ${result}`;
  });
  const wanted = expected.map(({ key, start, end, values }) => {
    const sum = values.reduce((a, b) => a + b, 0n);
    const kind = spec.function.kind;
    const result =
      kind === 'reduce' ? sum : kind === 'apply' ? values.join(' ') : Number(sum) / values.length;
    return `${key} ${start} ${end} ${result}`;
  });
  expect(got.toSorted()).toEqual(wanted.toSorted());
}
