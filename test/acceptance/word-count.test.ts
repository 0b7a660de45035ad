import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { checkPipeline, type Pipeline } from '../../host/dataflow/pipeline.ts';
import { runPipeline } from '../../host/runtime/run-pipeline.ts';
import { COMMAND, runProgram } from '../kit/run-program.ts';

const ROOT = join(import.meta.dirname, '../..');
const WORD_COUNT = join(ROOT, 'udfs/word-count/word-count.ts');
const LONG_LINE_BYTES = 3_000_000;
/** Two processes start one after the other; a busy machine needs its time for that. */
const SLOW = { timeout: 90_000 };
const PARALLELISMS = [1, 2, 4] as const;

/** What a text may be; every name is a file. */
const TEXTS: Readonly<Record<string, () => Uint8Array>> = {
  'a play': () => readFileSync(join(ROOT, 'udfs/word-count/data/hamlet.txt')),
  'carriage returns': () => bytes('to be\r\nor\rnot\r\n\r\nto be\r\n'),
  'several bytes a letter': () =>
    bytes('Straße straße STRASSE été e\u0301te\u0301 слово 漢字 漢字 слово\n'),
  emoji: () => bytes('👩‍👩‍👧 🏳️‍🌈 👩 👩‍👩‍👧\u200d 🇦🇹🇨🇭 🇦🇹 🇦🇹\n👩\n'),
  'white space beyond ASCII': () => bytes('a\u00a0b a\u2003b\u3000c\ufeff a\u00a0b\n'),
  'all white space of ASCII': () => bytes('a\tb\vc\fd\re  f \t\v\f\r g\n'),
  'empty lines': () => bytes('\n\n\none\n\n \n\t\ntwo\n\n'),
  'nothing but empty lines': () => bytes('\n'.repeat(1_000)),
  'no end of the last line': () => bytes('one two\ntwo three'),
  'no byte at all': () => bytes(''),
  'bytes that are not UTF-8': () =>
    Uint8Array.of(
      0x61,
      0xff,
      0x20,
      0x61,
      0xfe,
      0x20,
      0xc3,
      0x20,
      0x61,
      0xff,
      0x0a,
      0xed,
      0xa0,
      0x80,
      0x0a,
    ),
  'zero bytes': () => bytes('a\0b a\0b \0 a\n'),
  'commas and quotes': () => bytes('"to, be" \'or\' "not" , ,, " "" to,be\n'),
  'one long line': () => longLine(LONG_LINE_BYTES),
  'one long word': () => bytes(`${'x'.repeat(LONG_LINE_BYTES)} y\n`),
  'many words': () => manyWords(40_000),
};

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Words of a small vocabulary without a line feed, in an order that repeats late. */
function longLine(length: number): Uint8Array {
  const words: string[] = [];
  for (let i = 0, size = 0; size < length; i++) {
    const word = `w${(i * 7919) % 5_003}é`;
    words.push(word);
    size += word.length + 2;
  }
  return bytes(words.join(' '));
}

/** More different words than a batch has records, on lines of unequal length. */
function manyWords(count: number): Uint8Array {
  let text = '';
  for (let i = 0; i < count; i++) {
    text += `${((i * 48_271) % 2_147_483_647) % 20_011}${i % (3 + (i % 11)) === 0 ? '\n' : ' '}`;
  }
  return bytes(text);
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-words-'));
let wordCount: Uint8Array;

beforeAll(async () => {
  mkdirSync(join(folder, 'texts'));
  for (const [name, text] of Object.entries(TEXTS))
    writeFileSync(join(folder, 'texts', name), text());
  wordCount = (await compileAssemblyScript({ path: WORD_COUNT })).wasm;
  writeFileSync(join(folder, 'words.wasm'), wordCount);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Word count of a file or glob. Files are cut into small pieces, so that each task has some. */
function wordCountOf(path: string, output: string): Pipeline {
  return checkPipeline({
    name: 'word-count',
    modules: { text: './words.wasm' },
    sources: { lines: { connector: 'file', path, format: 'lines', splitBytes: '64KiB' } },
    steps: {
      words: { flatMap: 'text.words', from: 'lines' },
      counts: { reduce: 'text.sum', from: 'words', key: 'word', emit: 'end' },
    },
    sinks: { out: { from: 'counts', connector: 'file', path: output, format: 'csv' } },
  });
}

type Counts = readonly (readonly [string, number])[];

/** Every byte is one character here: words are compared as bytes. */
function sorted(counts: Iterable<readonly [string, number]>): Counts {
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What `tr`, `sort` and `uniq` count in files. */
function shellCounts(files: readonly string[]): Counts {
  const script =
    'for file; do tr -s " \\t\\n\\v\\f\\r" "\\n" < "$file"; echo; done | grep -a -v "^$" | sort | uniq -c';
  const environment = { ...process.env, LC_ALL: 'C' };
  const options = { env: environment, encoding: 'latin1', maxBuffer: 2 ** 30 } as const;
  const text = execFileSync('sh', ['-c', script, 'sh', ...files], options);
  const rows = text.split('\n').filter((line) => line !== '');
  return sorted(
    rows.map((row) => {
      const [, count, word] = /^ *(\d+) (.*)$/s.exec(row) ?? [];
      return [word, Number(count)] as const;
    }),
  );
}

/** What the parts of a `csv` sink say. */
function csvCounts(output: string): Counts {
  const parts = readdirSync(output).filter((name) => name.startsWith('part-'));
  const rows = parts.flatMap((name) => {
    const [header, ...lines] = readFileSync(join(output, name), 'latin1').split('\n');
    expect(header.trimEnd()).toBe('word,count');
    return lines.filter((line) => line !== '');
  });
  return sorted(
    rows.map((row) => {
      const [, quoted, plain, count] = /^(?:"(.*)"|([^"]*)),(\d+)\r?$/s.exec(row) ?? [];
      return [quoted?.replaceAll('""', '"') ?? plain, Number(count)] as const;
    }),
  );
}

describe.each(Object.keys(TEXTS))('a text with %s', (name) => {
  test.each(
    PARALLELISMS,
  )('is counted as the shell does, at parallelism %i, twice', async (parallelism) => {
    const file = join(folder, 'texts', name);
    for (const round of [1, 2]) {
      const output = join(folder, 'out', `${name}-${parallelism}-${round}`);
      const options = { parallelism, baseDirectory: folder, modules: { text: wordCount } };
      const { outcome } = await runPipeline(wordCountOf(file, output), options);
      expect(outcome).toEqual({ kind: 'finished' });
      expect(csvCounts(output)).toEqual(shellCounts([file]));
    }
  });
});

describe('all of these texts at once, from the command line', () => {
  test.each(PARALLELISMS)(
    'are counted as the shell does, at parallelism %i, twice',
    SLOW,
    async (parallelism) => {
      const expected = shellCounts(Object.keys(TEXTS).map((name) => join(folder, 'texts', name)));
      for (const round of [1, 2]) {
        const output = `all-${parallelism}-${round}`;
        const document = join(folder, `${output}.json`);
        writeFileSync(document, JSON.stringify(wordCountOf('texts/*', output)));
        const args = [COMMAND, 'run', document, '--parallelism', String(parallelism)];
        const { code, error } = await runProgram(process.execPath, args);
        expect(error).toContain('finished in');
        expect(code).toBe(0);
        expect(csvCounts(join(folder, output))).toEqual(expected);
      }
    },
  );
});
