/**
 * How long does the gate take for a module of a MiB?
 *
 * Parsing, validating and rewriting of modules of just under 1 MiB, made of the functions of real ones that npm packages
 * carry, so many times over. Median, 99th percentile and most of all turns; the processor time of the thread beside the wall.
 *
 * Not measured here: the checks of description and exports, the digest, the way to the gate's thread and back, compiling.
 */
import { carriedModules } from '../test/kit/carried-modules.ts';
import { enlargedModule } from '../test/kit/enlarged-module.ts';
import { rewritten } from '../test/kit/parse-and-rewrite.ts';
import { type Line, readOptions, report } from './kit.ts';

const MIB = 2 ** 20;
/** Smaller ones are hardly more than their first function. */
const ORIGINAL_BYTES_MIN = 10_000;
const WARM_TURNS = 6;
const TURNS = 60;

const options = readOptions();
const size = options.quick ? MIB / 8 : MIB;
const modules = carriedModules()
  .filter(({ bytes }) => bytes.length > ORIGINAL_BYTES_MIN)
  .map(({ bytes }) => enlargedModule(bytes, Math.floor(size / bytes.length)));
const times = modules.map((): { readonly wall: number[]; readonly processor: number[] } => ({
  wall: [],
  processor: [],
}));
const turns = options.quick ? 5 : TURNS;
for (let turn = -WARM_TURNS; turn < turns; turn++) {
  for (const [i, module] of modules.entries()) {
    const before = process.threadCpuUsage();
    const start = performance.now();
    if (rewritten(module) === undefined) throw new Error('the gate refuses a real module');
    const wall = performance.now() - start;
    const { user, system } = process.threadCpuUsage(before);
    if (turn < 0) continue;
    times[i].wall.push(wall);
    times[i].processor.push((user + system) / 1_000);
  }
}
const lines = modules.map(
  (module, i): Line => ({
    module: `${(module.length / MIB).toFixed(2)} MiB`,
    ...figures(times[i]),
  }),
);
const all = {
  wall: times.flatMap(({ wall }) => wall),
  processor: times.flatMap(({ processor }) => processor),
};
report('gate: ms a module', [...lines, { module: 'all', ...figures(all) }], options);

function figures({ wall, processor }: (typeof times)[number]): Line {
  return {
    median: percentile(wall, 0.5),
    p99: percentile(wall, 0.99),
    most: percentile(wall, 1),
    processorMedian: percentile(processor, 0.5),
    processorP99: percentile(processor, 0.99),
  };
}

function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}
