import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { typeText } from '../../host/cli/type-text.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { createCommandBench } from '../kit/command-bench.ts';
import { runProgram } from '../kit/run-program.ts';

const ROOT = join(import.meta.dirname, '../..');
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

async function check(directory: string, file: string) {
  const options = '--noEmit --strict --target es2024 --module nodenext --skipLibCheck'.split(' ');
  return runProgram(process.execPath, [TSC, ...options, file], { cwd: directory });
}

const INNER: RecordSchema = { name: 'inner-part', fields: [{ name: 'x', type: { kind: 'f32' } }] };
const ODD: RecordSchema = {
  name: 'import',
  fields: [
    { name: 'flag', type: { kind: 'bool' } },
    { name: 'big-id', type: { kind: 'u64' } },
    { name: 'at', type: { kind: 'timestamp' } },
    { name: 'raw', type: { kind: 'optional', of: { kind: 'bytes' } } },
    { name: 'parts', type: { kind: 'list', of: { kind: 'record', record: INNER } } },
    { name: 'grid', type: { kind: 'list', of: { kind: 'list', of: { kind: 'i32' } } } },
  ],
};

test('records of every type, and names that TypeScript has taken, make types that compile', async () => {
  const { directory } = createCommandBench();
  const text = typeText('odd-one', {
    abi: 1,
    sdk: 'test',
    records: [INNER, ODD],
    functions: [{ name: 'f-1', kind: 'map', input: ODD, output: INNER, state: undefined }],
  });
  const use = `
    const odd: import_ = { flag: true, 'big-id': 1n, at: 2n, raw: null, parts: [{ x: 1 }], grid: [[1], []] };
    const types = {} as OddOneModule;
    const output: typeof types.functions['f-1']['output'] = odd.parts[0];
    console.log(output, types.records.import.grid[0][0].toFixed());
  `;
  writeFileSync(
    join(directory, 'odd.ts'),
    `declare const console: { log(...values: unknown[]): void };\n${text}\n${use}`,
  );
  expect(await check(directory, 'odd.ts')).toMatchObject({ code: 0, out: '' });
});

test('the types of a module are written for a pipeline to use', async () => {
  const bench = createCommandBench();
  await bench.run('new', 'udf', 'words');
  const shown = await bench.run('types', 'words/words.ts');
  expect(shown).toMatchObject({ code: 0, error: '' });
  expect(shown.out).toContain('export type WordsModule = {');
  const written = await bench.run('types', 'words/words.ts', '-o', 'words.types.ts');
  expect(written.out).toBe('words.types.ts  2 records, 2 functions\n');
  expect(readFileSync(join(bench.directory, 'words.types.ts'), 'utf8')).toBe(shown.out);
  const unknown = await bench.run('types', 'none.wasm');
  expect([unknown.code, unknown.error]).toEqual([
    2,
    expect.stringContaining('there is no such file'),
  ]);
});
