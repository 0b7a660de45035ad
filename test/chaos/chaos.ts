import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ChaosRun } from './chaos-run.ts';
import { compileShim } from './shim.ts';
import { createWorkload } from './workload.ts';

/**
 * Runs jobs whose processes are killed and stopped, until the time is over, and prints kills, records, violations and the rate.
 *
 *     npm run chaos -- --minutes 5
 *     npm run chaos -- --seed 4711 --runs 1 --verbose        one run again; its directory stays
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    runs: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    lines: { type: 'string', default: '400000' },
    harmed: { type: 'string', default: '25' },
    verbose: { type: 'boolean', default: false },
  },
});

const first = Number(values.seed);
const runsMax = values.runs === undefined ? Number.POSITIVE_INFINITY : Number(values.runs);
const endMs = performance.now() + Number(values.minutes) * 60_000;
const root = mkdtempSync(join(tmpdir(), 'millrace-chaos-'));
const print = (text: string) => void process.stdout.write(`${text}\n`);
process.exitCode = await chaos();

async function chaos(): Promise<number> {
  const shim = compileShim(root);
  if (shim === undefined) print('no gcc: processes are killed at moments, not in calls');
  const workload = await createWorkload(join(root, 'input'), Number(values.lines), first);
  const cacheDirectory = join(root, 'cache');
  mkdirSync(cacheDirectory);
  const totals = { runs: 0, kills: 0, zombies: 0, records: 0, slowestMs: 0 };
  const startedMs = performance.now();
  print(`seed ${first}, ${workload.lines} lines a run, ${root}`);
  for (let run = 0; run < runsMax && performance.now() < endMs; run++) {
    const seed = first + run;
    const directory = join(root, `run-${seed}`);
    const harmed = Number(values.harmed);
    const say = values.verbose ? (text: string) => print(`  ${text}`) : undefined;
    const options = { seed, workload, directory, cacheDirectory, shim, harmed, say };
    const result = await new ChaosRun(options).run();
    totals.runs += 1;
    totals.kills += result.kills;
    totals.zombies += result.zombies;
    totals.records += workload.lines * 5;
    totals.slowestMs = Math.max(totals.slowestMs, result.slowestMs);
    const seconds = (performance.now() - startedMs) / 1_000;
    print(
      `seed ${seed}: ${result.attempts} attempts, ${result.kills} kills, ${result.zombies} zombies; in all ${totals.kills} kills, ${(totals.kills / seconds).toFixed(2)} a second`,
    );
    if (result.violations.length > 0) {
      for (const violation of result.violations) print(`VIOLATION ${violation}`);
      print(`again: npm run chaos -- --seed ${seed} --runs 1 --lines ${values.lines} --verbose`);
      print(`its directory stays: ${directory}`);
      return 1;
    }
    rmSync(directory, { recursive: true });
  }
  rmSync(root, { recursive: true });
  const { runs, kills, zombies, records, slowestMs } = totals;
  print(
    `${runs} runs, ${kills} kills (${zombies} of them zombies), ${records} records, 0 violations; slowest recovery ${Math.round(slowestMs)} ms`,
  );
  return 0;
}
