import { expect, test } from 'vitest';
import { createMutationBench, type Outcome } from '../kit/checkpoint-mutations.ts';
import { seededNumbers } from '../kit/seeded-numbers.ts';

/** A share of what `npm run mutate` does. */
const MUTATIONS = 3_000;

test(`each of ${MUTATIONS} damaged checkpoints is detected or harmless`, {
  timeout: 120_000,
}, async () => {
  const bench = await createMutationBench();
  const counts: Record<Outcome, number> = { harmless: 0, detected: 0, accepted: 0 };
  for (let i = 0; i < MUTATIONS; i++) counts[await bench.mutate(seededNumbers(i))] += 1;
  expect(counts.accepted).toBe(0);
  // Damage to older manifests is harmless, and so is a byte that is replaced by itself.
  expect(counts.detected).toBeGreaterThan(MUTATIONS / 2);
  expect(counts.harmless).toBeGreaterThan(0);
});
