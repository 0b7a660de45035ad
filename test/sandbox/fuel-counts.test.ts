import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { fuelCounts } from '../kit/fuel-counts.ts';
import { nextNode } from '../kit/next-node.ts';

const PROGRAM = join(import.meta.dirname, '../kit/fuel-counts.ts');
const next = nextNode();

const countsOf = (node: string, ...flags: string[]): unknown =>
  JSON.parse(execFileSync(node, [...flags, PROGRAM], { encoding: 'utf8' }));

describe('the same work on the same input uses the same fuel', () => {
  let counts: Record<string, number>;
  beforeAll(async () => {
    counts = await fuelCounts();
  });

  test('in every call, however the engine has compiled it by then', () => {
    expect(Object.keys(counts)).toHaveLength(7);
    for (const fuel of Object.values(counts)) expect(fuel).toBeGreaterThan(100);
  });

  test.each([
    ['the engine’s first compiler', '--liftoff-only'],
    ['its optimising compiler', '--no-liftoff'],
  ])('in a process of %s alone', (_what, flag) => {
    expect(countsOf(process.execPath, flag)).toEqual(counts);
  });

  const reason = 'missing' in next ? ` (skipped: ${next.missing})` : '';
  test.skipIf('missing' in next)(`in the next release of Node${reason}`, () => {
    if ('missing' in next) return;
    expect(execFileSync(next.path, ['--version'], { encoding: 'utf8' })).toMatch(/^v26\./);
    expect(countsOf(next.path)).toEqual(counts);
  });
});
