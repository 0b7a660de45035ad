/**
 * A program: prints the fuel of the bench's kernels and of the word count guest, as JSON. Each is called until the engine has
 * compiled it anew, and says so when two calls differ.
 *
 *     node fuel-counts.ts KERNELS.wasm WORD-COUNT.wasm
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { createInstance } from '../../host/sandbox/instance.ts';
import { AMPLE_LIMITS, startGuest } from './guest-runs.ts';
import { batchOf } from './keyed-rows.ts';
import { meteredInstance } from './metered-run.ts';

const CALLS = 60;
const KERNELS = ['rowWalk', 'rowCopy', 'sha256', 'nBody', 'recursion', 'json'];

/** Fuel by what used it. Throws when a call used other fuel than the same call before. */
export async function fuelCounts(
  kernels: Uint8Array<ArrayBuffer>,
  wordCount: Uint8Array<ArrayBuffer>,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const note = (name: string, fuel: number) => {
    counts[name] ??= fuel;
    if (counts[name] !== fuel) throw new Error(`${name} used ${counts[name]}, then ${fuel}`);
  };
  const metered = meteredInstance(kernels);
  metered.run('prepare', [1_000], 2 ** 31 - 1);
  const { instance } = await startGuest(wordCount);
  const { module } = instance;
  const [{ input }] = module.description.functions;
  const lines = batchOf(
    input,
    Array.from({ length: 200 }, (_, i) => ({ text: `line ${i} of ${'words '.repeat(i % 17)}` })),
  );
  for (let i = 0; i < CALLS; i++) {
    for (const name of KERNELS) note(name, metered.run(name, [20]).fuel);
    // A new instance each time: the first call of one also pays for the memory that later calls find.
    const fresh = createInstance(module, AMPLE_LIMITS, () => {});
    fresh.run('words', lines);
    note('words', fresh.lastFuel);
  }
  return counts;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [kernels, wordCount] = process.argv
    .slice(2)
    .map((path) => Uint8Array.from(readFileSync(path)));
  console.log(JSON.stringify(await fuelCounts(kernels, wordCount)));
}
