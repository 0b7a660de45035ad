import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileAssembly } from '../../host/abi/kernel/compile-assembly.ts';
import { fuelCounts } from '../kit/fuel-counts.ts';
import { nextNode } from '../kit/next-node.ts';
import { wordCountModule } from '../kit/word-count-module.ts';

const PROGRAM = join(import.meta.dirname, '../kit/fuel-counts.ts');
const next = nextNode();

const KERNELS = join(import.meta.dirname, '../../bench/guests/fuel-kernels.ts');
const folder = mkdtempSync(join(tmpdir(), 'millrace-fuel-'));
const files = ['kernels.wasm', 'word-count.wasm'].map((name) => join(folder, name));
afterAll(() => rmSync(folder, { recursive: true }));

const countsOf = (node: string, ...flags: string[]): unknown =>
  JSON.parse(execFileSync(node, [...flags, PROGRAM, ...files], { encoding: 'utf8' }));

describe('the same work on the same input uses the same fuel', () => {
  let counts: Record<string, number>;
  beforeAll(async () => {
    const kernels = Uint8Array.from(await compileAssembly(KERNELS));
    const wordCount = Uint8Array.from(await wordCountModule());
    for (const [i, module] of [kernels, wordCount].entries()) writeFileSync(files[i], module);
    counts = await fuelCounts(kernels, wordCount);
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
