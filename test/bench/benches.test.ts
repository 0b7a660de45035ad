import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const RUN = join(import.meta.dirname, '../../bench/run.ts');
const BENCH_TIMEOUT_MS = 180_000;

async function run(...args: string[]): Promise<string> {
  return (await promisify(execFile)(process.execPath, [RUN, ...args])).stdout;
}

const listing = (await run()).trim().split('\n');
const names = listing.map((line) => line.split(' ')[0]);

test('the list of benches has the question of each', () => {
  expect(names).toContain('word-count');
  for (const line of listing) expect(line).toMatch(/^[a-z-]+ +[A-Z].*\?$/);
});

test('a bench that does not exist is refused with the names of those that do', async () => {
  await expect(run('no-such')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('word-count'),
  });
});

describe('with tiny counts runs the bench', () => {
  test.for(names)('%s', { timeout: BENCH_TIMEOUT_MS }, async (name) => {
    const output = await run(name, '--quick', '--json');
    const reports = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(reports.length).toBeGreaterThan(0);
    for (const { quick, machine, lines } of reports) {
      expect(quick).toBe(true);
      expect(machine.node).toBe(process.version);
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) {
        const numbers = Object.values(line).filter((value) => typeof value === 'number');
        expect(numbers.length).toBeGreaterThan(0);
        for (const number of numbers) expect(number).toSatisfy(Number.isFinite);
      }
    }
  });
});
