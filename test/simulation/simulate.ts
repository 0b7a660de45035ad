import { parseArgs } from 'node:util';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { runSeed, type SeedResult } from './run-seed.ts';
import { shrink } from './shrink.ts';

/**
 * Runs seeds and prints how many a second; on a failure the seed, the faults that it needs, and what happened.
 *
 *     npm run simulate -- --seeds 10000 --from 1
 *     npm run simulate -- --seeds 500000 --from 500001    any part of many, beside another
 *     npm run simulate -- --seeds 1 --from 4711 --trace
 *     npm run simulate -- --bugs                          seeds until each planted bug is caught
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    bugs: { type: 'boolean', default: false },
  },
});
const seeds = Number(values.seeds);
const from = Number(values.from);
/** Lines of a failing seed's trace that are shown: the end tells most. */
const TRACE_LINES = 120;
const BUG_SEEDS_MAX = 1000;
const PROGRESS_MS = 10_000;

const print = (text: string) => void process.stdout.write(`${text}\n`);

process.exitCode = values.bugs ? await catchBugs() : await simulate();

async function simulate(): Promise<number> {
  const startedMs = performance.now();
  const totals = { attempts: 0, steps: 0, virtualMs: 0 };
  let toldMs = startedMs;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const trace: string[] | undefined = values.trace ? [] : undefined;
    const result = await runSeed(seed, { trace });
    if (trace !== undefined) print(trace.join('\n'));
    totals.attempts += result.attempts;
    totals.steps += result.steps;
    totals.virtualMs += result.virtualMs;
    if (result.violations.length === 0) {
      if (performance.now() - toldMs < PROGRESS_MS) continue;
      toldMs = performance.now();
      const done = seed - from + 1;
      print(`${done} of ${seeds}, ${((done / (toldMs - startedMs)) * 1000).toFixed(0)} seeds/s`);
      continue;
    }
    await explain(result);
    return 1;
  }
  const seconds = (performance.now() - startedMs) / 1000;
  print(`${seeds} seeds from ${from}, 0 violations, ${(seeds / seconds).toFixed(0)} seeds/s`);
  print(
    `${totals.attempts} attempts, ${totals.steps} steps, ${(totals.virtualMs / 1000).toFixed(0)} s of virtual time in ${seconds.toFixed(1)} s`,
  );
  return 0;
}

async function explain({ seed, faults, violations }: SeedResult): Promise<void> {
  print(`seed ${seed} fails: ${violations[0]}`);
  const needed = await shrink(seed, faults);
  const trace: string[] = [];
  const again = await runSeed(seed, { faults: needed, trace });
  print(`with ${needed.length} of its ${faults.length} faults:`);
  for (const fault of needed) print(`  ${JSON.stringify(fault)}`);
  print(`${again.violations[0]}; the end of the trace:`);
  print(trace.slice(-TRACE_LINES).join('\n'));
  print(`again: npm run simulate -- --seeds 1 --from ${seed} --trace`);
}

async function catchBugs(): Promise<number> {
  let missed = 0;
  print('| planted bug | seeds to catch | by |\n|---|---|---|');
  for (const bug of PLANTED_BUGS) {
    let caught = '';
    let seed = from;
    for (; seed < from + BUG_SEEDS_MAX && caught === ''; seed += 1) {
      caught = (await runSeed(seed, { bug })).violations[0] ?? '';
    }
    if (caught === '') missed += 1;
    const reason = caught.replace(/^.*?\b([IO]\d):.*$/s, '$1').slice(0, 60);
    print(`| ${bug.name} | ${caught === '' ? 'not caught' : seed - from} | ${reason} |`);
  }
  return missed === 0 ? 0 : 1;
}
