import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { batchOf } from '../kit/keyed-rows.ts';
import { RawGuest } from '../kit/raw-guest.ts';
import { decodeBatch } from '../kit/rows.ts';

const SDK = '@millrace/guest-sdk';
const LINES = `import { map, record } from '${SDK}';
@record class Line { text: string; }
export const shout = map((line: Line): Line => {
  line.text = line.text.toUpperCase() + '!';
  return line;
});`;

/** A folder far from any `node_modules`. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'compile-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

describe('the compiler', () => {
  test('takes text and gives a module, the same each time', async () => {
    const first = await compileAssemblyScript({ source: LINES, name: 'shout' });
    // Something else in between, with other files and types, must leave no trace.
    await compileAssemblyScript({ source: LINES.replaceAll('Line', 'Row'), name: 'other.ts' });
    const [second, third] = await Promise.all([
      compileAssemblyScript({ source: LINES, name: 'shout' }),
      compileAssemblyScript({ source: LINES, name: 'shout' }),
    ]);
    expect(second).toEqual(first);
    expect(third).toEqual(first);
    const guest = new RawGuest(first.wasm);
    const { input } = guest.function('shout');
    const { output } = guest.run('shout', batchOf(input, [{ text: 'ß' }, { text: 'é' }]));
    expect(decodeBatch(input, output)).toEqual([{ text: 'SS!' }, { text: 'É!' }]);
  });

  test('reads the files that a file imports', async () => {
    write(
      'shared/records.ts',
      `import { record } from '${SDK}';
import { LABEL } from './labels';
@record export class Word { word: string = LABEL; count: i64; }`,
    );
    write('shared/labels.ts', `export const LABEL: string = 'none';`);
    write('shared/index.ts', `export { Word as Term } from './records';`);
    const path = write(
      'functions/main.udf.ts',
      `import { map } from '${SDK}';
import { Term as Entry } from '../shared';
import { twice } from './twice';
export const double = map((entry: Entry): Entry => twice(entry));
export const blank = map((entry: Entry): Entry => new Entry());`,
    );
    write(
      'functions/twice.ts',
      `import { Word } from '../shared/records';
export function twice(word: Word): Word { word.count *= 2; return word; }`,
    );
    const guest = new RawGuest((await compileAssemblyScript({ path })).wasm);
    const { input } = guest.function('double');
    const batch = batchOf(input, [{ word: 'a', count: 21 }]);
    expect(decodeBatch(input, guest.run('double', batch).output)).toEqual([
      { word: 'a', count: 42n },
    ]);
    expect(decodeBatch(input, guest.run('blank', batch).output)).toEqual([
      { word: 'none', count: 0n },
    ]);
  });

  test('names the file of a finding in an imported file', async () => {
    write('lib/state.ts', 'export let total: i64 = 0;');
    const path = write('main.udf.ts', `${LINES}\nimport { total } from './lib/state';`);
    await expect(compileAssemblyScript({ path })).rejects.toMatchObject({
      code: 'COMPILE_FAILED',
      details: [
        expect.stringMatching(`^${join(folder, 'lib/state.ts')}:1:12: "total" is a variable`),
      ],
    });
  });

  test('does not read files for text that imports them', async () => {
    write('secret.ts', 'export const SECRET: i32 = 1;');
    const source = `${LINES}\nimport { SECRET } from './secret';`;
    await expect(
      compileAssemblyScript({ source, name: join(folder, 'main.ts') }),
    ).rejects.toMatchObject({ details: [expect.stringContaining("File 'secret.ts' not found")] });
  });

  test('says that a file is missing', async () => {
    await expect(
      compileAssemblyScript({ path: join(folder, 'absent.udf.ts') }),
    ).rejects.toMatchObject({
      code: 'COMPILE_FAILED',
      details: [expect.stringContaining("absent.udf.ts' not found")],
    });
  });

  test('says that a file without functions has none', async () => {
    const source = `import { record } from '${SDK}';\n@record class Line { text: string; }`;
    await expect(compileAssemblyScript({ source, name: 'a.ts' })).rejects.toMatchObject({
      details: [expect.stringContaining('a.ts:1:1: the file has no function for a pipeline')],
    });
  });

  test('gives functions names that generated code uses', async () => {
    const names = ['view', 'row', 'result', 'next', 'keys', 'state', 'out', 'run', 'len', 'time'];
    const functions = names.map(
      (name) => `export const ${name} = map((line: Line): Line => line);`,
    );
    const source = [LINES, ...functions].join('\n');
    const guest = new RawGuest((await compileAssemblyScript({ source, name: 'n.ts' })).wasm);
    const { input } = guest.function('view');
    for (const name of names) {
      expect(guest.run(name, batchOf(input, [{ text: name }])).output.count).toBe(1);
    }
  });

  test('maps code to the text of the user’s files', async () => {
    const { sourceMap } = await compileAssemblyScript({ source: LINES, name: 'x/shout.udf.ts' });
    const { sources, sourcesContent } = JSON.parse(sourceMap);
    expect(sourcesContent[sources.indexOf('x/shout.udf.ts')]).toBe(LINES);
  });
});
