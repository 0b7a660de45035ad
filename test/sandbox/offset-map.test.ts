import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeRewriteNote,
  encodeRewriteNote,
  OffsetMap,
} from '../../host/sandbox/rewrite/offset-map.ts';

/** Gaps of added code, gaps of dropped code, and lengths of what was copied. */
const runs = fc.array(fc.tuple(fc.nat(50), fc.nat(50), fc.integer({ min: 1, max: 300 })), {
  minLength: 1,
});

test('a map of offsets survives the custom section, shifted to where the code came to lie', () => {
  fc.assert(
    fc.property(runs, fc.nat(100_000), (list, shift) => {
      const offsets = new OffsetMap();
      const expected = new Map<number, number>();
      let rewritten = 0;
      let original = 0;
      for (const [added, dropped, length] of list) {
        rewritten += added;
        original += dropped;
        offsets.add(original, rewritten, length);
        for (let i = 0; i < length; i++) expected.set(rewritten + i + shift, original + i);
        rewritten += length;
        original += length;
      }
      const note = { memoryMinimum: 3, memoryMaximum: 900, offsets };
      const decoded = decodeRewriteNote(encodeRewriteNote(note, shift));
      expect([decoded.memoryMinimum, decoded.memoryMaximum]).toEqual([3, 900]);
      for (const [from, to] of expected) expect(decoded.offsets.originalOf(from)).toBe(to);
    }),
    { numRuns: 200 },
  );
});

test('added code maps to the place it was put at, and what lies before the code to nothing', () => {
  const offsets = new OffsetMap();
  offsets.add(100, 200, 10);
  offsets.add(110, 250, 5);
  expect(offsets.originalOf(199)).toBeUndefined();
  expect(offsets.originalOf(209)).toBe(109);
  expect(offsets.originalOf(240)).toBe(110);
  expect(offsets.originalOf(250)).toBe(110);
});
