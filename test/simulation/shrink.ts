import type { Fault } from './faults.ts';
import type { PlantedBug } from './planted-bugs.ts';
import { runSeed } from './run-seed.ts';

/** The fewest of a seed's faults, found by leaving them out one after the other, that still make it fail. */
export async function shrink(
  seed: number,
  faults: readonly Fault[],
  bug?: PlantedBug,
): Promise<readonly Fault[]> {
  let needed = faults;
  for (let i = faults.length - 1; i >= 0; i -= 1) {
    const fewer = needed.filter((fault) => fault !== faults[i]);
    const { violations } = await runSeed(seed, { bug, faults: fewer });
    if (violations.length > 0) needed = fewer;
  }
  return needed;
}
