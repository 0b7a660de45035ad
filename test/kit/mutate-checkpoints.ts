/** Damages checkpoints and recovers from them: `node test/kit/mutate-checkpoints.ts [mutations] [seed]`. */
import { createMutationBench, type Outcome } from './checkpoint-mutations.ts';
import { seededNumbers } from './seeded-numbers.ts';

const [mutations = 100_000, seed = 1] = process.argv.slice(2).map(Number);
const bench = await createMutationBench();
const counts: Record<Outcome, number> = { harmless: 0, detected: 0, accepted: 0 };
const startedMs = performance.now();
for (let i = 0; i < mutations; i++) {
  const outcome = await bench.mutate(seededNumbers(seed + i));
  counts[outcome] += 1;
  if (outcome === 'accepted') console.log(`mutation ${seed + i} is accepted`);
}
const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
const { harmless, detected, accepted } = counts;
console.log(
  `${mutations} mutations in ${seconds} s: ${detected} detected, ${harmless} harmless, ${accepted} accepted, 0 crashes`,
);
process.exitCode = accepted === 0 ? 0 : 1;
