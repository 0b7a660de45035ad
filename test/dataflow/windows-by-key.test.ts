import fc from 'fast-check';
import { describe, test } from 'vitest';
import type { WindowShape, WindowTrigger } from '../../host/dataflow/window-spec.ts';
import { type WindowFunctionName, windowStep } from '../kit/window-functions.ts';
import { checkCourse, courses } from './window-checks.ts';

const names = fc.constantFrom<WindowFunctionName>('sum', 'mean', 'list');
const lateness = fc.constantFrom(0, 0, 1, 7, 40);
const trigger: fc.Arbitrary<WindowTrigger> = fc
  .record({
    count: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    everyMs: fc.option(fc.integer({ min: 1, max: 15 }), { nil: undefined }),
    purge: fc.boolean(),
  })
  .filter(({ count, everyMs }) => count !== undefined || everyMs !== undefined);
const RUNS = { numRuns: 2_000 };

describe('windows of each key equal the oracle, at parallelism 1 and 3, with kills', () => {
  test('sessions', () => {
    const gap = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(courses(60), names, gap, lateness, fc.boolean(), (course, name, gapMs, l, r) => {
        const part = { allowedLatenessMs: l, lateRead: r };
        checkCourse(windowStep(name, { kind: 'session', gapMs }, part), course);
      }),
      RUNS,
    );
  }, 240_000);

  test('counts', () => {
    const counts = fc
      .record({ every: fc.integer({ min: 1, max: 5 }), more: fc.nat(7) })
      .map(({ every, more }): WindowShape => ({ kind: 'count', size: every + more, every }));
    fc.assert(
      fc.property(courses(60), names, counts, (course, name, window) => {
        checkCourse(windowStep(name, window), course);
      }),
      RUNS,
    );
  }, 240_000);

  test('global windows with a trigger', () => {
    fc.assert(
      fc.property(courses(60), names, trigger, (course, name, how) => {
        checkCourse(windowStep(name, { kind: 'global' }, { trigger: how }), course);
      }),
      RUNS,
    );
  }, 240_000);

  test('tumbling, sliding and session windows with a trigger', () => {
    const aligned = fc
      .record({ every: fc.integer({ min: 2, max: 8 }), more: fc.nat(12), offset: fc.nat(9) })
      .map(
        ({ every, more, offset }): WindowShape => ({
          kind: 'aligned',
          sizeMs: every + more,
          everyMs: every,
          offsetMs: offset % every,
          time: 'event',
        }),
      );
    const session = fc
      .integer({ min: 1, max: 20 })
      .map((gapMs): WindowShape => ({ kind: 'session', gapMs }));
    fc.assert(
      fc.property(
        courses(60),
        names,
        fc.oneof(aligned, session),
        fc.record({ trigger, allowedLatenessMs: lateness, lateRead: fc.boolean() }),
        (course, name, window, part) => checkCourse(windowStep(name, window, part), course),
      ),
      RUNS,
    );
  }, 240_000);
});
