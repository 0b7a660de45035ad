import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ChaosRun } from './chaos-run.ts';
import { compileShim } from './shim.ts';
import { createWorkload, type Workload } from './workload.ts';

/** Kills that must do no harm. More of them: `npm run chaos -- --minutes 30`. */
const KILLS_MIN = 60;
const LINES = 300_000;
const HARMED = 22;
/** Runs in which a planted mistake must be caught. */
const BUG_RUNS_MAX = 6;

const root = mkdtempSync(join(tmpdir(), 'millrace-chaos-test-'));
const shim = compileShim(root);
const cacheDirectory = join(root, 'cache');
let workload: Workload;

beforeAll(async () => {
  mkdirSync(cacheDirectory);
  workload = await createWorkload(join(root, 'input'), LINES, 1);
}, 120_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

function runOf(seed: number, bug?: string): ChaosRun {
  const directory = join(root, `${bug === undefined ? 'run' : 'bug'}-${seed}`);
  const url = bug === undefined ? undefined : new URL(`./bugs/${bug}.ts`, import.meta.url).href;
  const options = { seed, workload, directory, cacheDirectory, shim, harmed: HARMED, bug: url };
  return new ChaosRun(options);
}

describe('processes that are killed and stopped in the middle of anything', () => {
  test('lose, repeat and invent nothing', { timeout: 600_000 }, async () => {
    let kills = 0;
    for (let seed = 1; kills < KILLS_MIN; seed++) {
      const result = await runOf(seed).run();
      expect({ seed, violations: result.violations }).toEqual({ seed, violations: [] });
      kills += result.kills;
    }
  });

  const bugs = ['copying-rename', 'kept-dead-letters'];

  test.each(shim === undefined ? [] : bugs)('a runner with the mistake "%s" is caught', {
    timeout: 600_000,
  }, async (bug) => {
    for (let seed = 1; seed <= BUG_RUNS_MAX; seed++) {
      const { violations } = await runOf(seed, bug).run();
      if (violations.length > 0) return;
    }
    expect.unreachable(`${BUG_RUNS_MAX} runs pass with it`);
  });

  test.runIf(shim === undefined)('are killed at moments only: there is no gcc', () => {
    expect(shim).toBeUndefined();
  });
});
