import { describe, expect, test } from 'vitest';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { runSeed } from './run-seed.ts';
import { shrink } from './shrink.ts';

/** As many seeds as there is time for, but so many at least. */
const BOX_MS = 40_000;
const SEEDS_MIN = 300;
const SEEDS_MAX = 5_000;
const BUG_SEEDS_MAX = 1_000;

/** Temporary files have names that nobody chooses. */
function withoutTemporaryNames(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.replaceAll(/\.tmp-\d+-[0-9a-f]+/g, '.tmp'));
}

describe('the simulation', () => {
  test('finds no violation in any seed', { timeout: 240_000 }, async () => {
    const endMs = performance.now() + BOX_MS;
    let seed = 0;
    while (seed < SEEDS_MIN || (seed < SEEDS_MAX && performance.now() < endMs)) {
      seed += 1;
      const { violations } = await runSeed(seed);
      expect({ seed, violations }).toEqual({ seed, violations: [] });
    }
  });

  test('does exactly the same again for the same seed', async () => {
    for (const seed of [3, 11, 129, 468]) {
      const traces: string[][] = [[], []];
      for (const trace of traces) await runSeed(seed, { trace });
      expect(traces[0].length).toBeGreaterThan(50);
      expect(withoutTemporaryNames(traces[0])).toEqual(withoutTemporaryNames(traces[1]));
    }
  });

  test('does something else for another seed', async () => {
    const one = await runSeed(1);
    const other = await runSeed(2);
    expect(one.virtualMs).not.toBe(other.virtualMs);
  });

  test('shrinks a failure to the faults that it needs', { timeout: 120_000 }, async () => {
    const bug = PLANTED_BUGS.find((one) => one.name.startsWith('recovery takes'));
    for (let seed = 1; seed <= BUG_SEEDS_MAX; seed += 1) {
      const { violations, faults } = await runSeed(seed, { bug });
      if (violations.length === 0 || faults.length < 3) continue;
      const needed = await shrink(seed, faults, bug);
      expect(needed.length).toBeLessThan(faults.length);
      expect((await runSeed(seed, { bug, faults: needed })).violations).not.toEqual([]);
      return;
    }
    expect.unreachable('no seed with three faults fails');
  });
});

describe('a planted bug is caught', () => {
  test.each(PLANTED_BUGS)('$name', { timeout: 240_000 }, async (bug) => {
    for (let seed = 1; seed <= BUG_SEEDS_MAX; seed += 1) {
      const { violations } = await runSeed(seed, { bug });
      if (violations.length > 0) return;
    }
    expect.unreachable(`${BUG_SEEDS_MAX} seeds pass with it`);
  });
});
