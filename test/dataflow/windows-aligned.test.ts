import fc from 'fast-check';
import { describe, test } from 'vitest';
import type { WindowShape } from '../../host/dataflow/window-spec.ts';
import { type WindowFunctionName, windowStep } from '../kit/window-functions.ts';
import { checkCourse, courses } from './window-checks.ts';

const names = fc.constantFrom<WindowFunctionName>('sum', 'mean', 'list');

function aligned(sizeMs: number, everyMs: number, offsetMs: number): WindowShape {
  return { kind: 'aligned', sizeMs, everyMs, offsetMs, time: 'event' };
}

const lateness = fc.constantFrom(0, 0, 1, 7, 40);

describe('windows at fixed times equal the oracle, at parallelism 1 and 3, with kills', () => {
  test('tumbling', () => {
    const window = fc.record({ size: fc.integer({ min: 1, max: 15 }), offset: fc.nat(20) });
    fc.assert(
      fc.property(courses(60), names, window, lateness, fc.boolean(), (course, name, w, l, r) => {
        const shape = aligned(w.size, w.size, w.offset % w.size);
        checkCourse(windowStep(name, shape, { allowedLatenessMs: l, lateRead: r }), course);
      }),
      { numRuns: 2_000 },
    );
  }, 240_000);

  test('sliding', () => {
    const window = fc
      .record({ every: fc.integer({ min: 1, max: 8 }), more: fc.nat(24), offset: fc.nat(20) })
      .map(({ every, more, offset }) => aligned(every + more, every, offset % every));
    fc.assert(
      fc.property(courses(60), names, window, lateness, fc.boolean(), (course, name, w, l, r) => {
        checkCourse(windowStep(name, w, { allowedLatenessMs: l, lateRead: r }), course);
      }),
      { numRuns: 2_000 },
    );
  }, 240_000);

  test('by the clock', () => {
    const window = fc
      .record({ every: fc.integer({ min: 1, max: 12 }), more: fc.nat(24), offset: fc.nat(20) })
      .map(({ every, more, offset }): WindowShape => {
        const shape = { sizeMs: every + more, everyMs: every, offsetMs: offset % every };
        return { kind: 'aligned', ...shape, time: 'processing' };
      });
    fc.assert(
      fc.property(courses(60), names, window, (course, name, w) => {
        checkCourse(windowStep(name, w), course);
      }),
      { numRuns: 2_000 },
    );
  }, 240_000);
});
