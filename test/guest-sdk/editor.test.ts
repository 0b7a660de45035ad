import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** What `tsc` finds in a folder of functions that extends the SDK's tsconfig. */
function typeErrors(folder: string): string[] {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const project = join(import.meta.dirname, folder);
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, '--noEmit', '-p', project], {
    encoding: 'utf8',
    cwd: project,
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

describe('an editor with the SDK’s tsconfig', () => {
  test('shows no error in functions of every kind and type', () => {
    expect(typeErrors('udfs')).toEqual([]);
  });

  test('shows nothing but the decorators in front of functions, and not those under @ts-ignore', () => {
    const text = readFileSync(join(import.meta.dirname, 'decorated/word-count.udf.ts'), 'utf8');
    const lines = text.split('\n').flatMap((line, i) => (/^@(?!record)/.test(line) ? [i + 1] : []));
    expect(lines).toHaveLength(2);
    expect(typeErrors('decorated')).toEqual(
      lines.map(
        (line) => `word-count.udf.ts(${line},1): error TS1206: Decorators are not valid here.`,
      ),
    );
  });

  test('shows what is wrong', () => {
    const found = typeErrors('mistaken').map((line) => line.replace(/: error (TS\d+): .*/, ' $1'));
    const text = readFileSync(join(import.meta.dirname, 'mistaken/mistaken.udf.ts'), 'utf8');
    const wanted = text
      .split('\n')
      .flatMap((line, i) => (line.includes('// wrong') ? [i + 1] : []));
    const places = found.flatMap((line) => /^mistaken\.udf\.ts\((\d+),/.exec(line)?.[1] ?? []);
    expect([...new Set(places.map(Number))]).toEqual(wanted);
  });
});
