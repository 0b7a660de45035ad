/**
 * How much slower is a job in which one record in a hundred makes its function trap?
 *
 * Word count over lines of about 100 bytes, one thread, in this process: a file, a sandboxed `flatMap` with `onError: deadLetter`,
 * a keyed `reduce`, results in memory. Clean text and the same text with poison in 0.1 % and 1 % of the lines take
 * turns; what is measured is the whole run.
 *
 * Not measured here: starting processes, retries, functions that run out of fuel (each uses all of it first).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileAssemblyScript } from '../guest-sdk/assemblyscript/compile.ts';
import { checkPipeline } from '../host/dataflow/pipeline.ts';
import '../host/runtime/default-task-parts.ts';
import { runPipeline } from '../host/runtime/run-pipeline.ts';
import { type Line, median, readOptions, report, TURNS_MIN } from './kit.ts';

const LINES = 100_000;
const QUICK_LINES = 3_000;
const WORDS = [
  'the',
  'quick',
  'brown',
  'fox',
  'jumps',
  'over',
  'a',
  'lazy',
  'dog',
  'stream',
  'of',
  'records',
];
/** One line in so many is poison. */
const SHARES = [Number.POSITIVE_INFINITY, 1_000, 100];

const SOURCE = `
import { Emitter, flatMap, record, reduce, Utf8 } from '@millrace/guest-sdk';
@record class Line { text: Utf8; }
@record class Word { word: Utf8; count: i64 = 1; }
export const words = flatMap((line: Line, out: Emitter<Word>): void => {
  const word = new Word();
  const pieces = line.text.words();
  while (pieces.next()) {
    if (pieces.value.length == 7 && pieces.value.byteAt(0) == 0x21) unreachable();
    word.word = pieces.value;
    out.emit(word);
  }
});
export const sum = reduce((a: Word, b: Word): Word => {
  a.count += b.count;
  return a;
});
`;

const options = readOptions();
const count = options.quick ? QUICK_LINES : LINES;
const folder = mkdtempSync(join(tmpdir(), 'millrace-poison-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const module = join(folder, 'words.wasm');
writeFileSync(module, (await compileAssemblyScript({ source: SOURCE, name: 'words.ts' })).wasm);
const inputs = SHARES.map((share) => ({ share, path: writeText(share) }));

const times = inputs.map((): number[] => []);
for (let turn = -1; turn < TURNS_MIN; turn++) {
  for (const [i, input] of inputs.entries()) {
    const ms = await run(input.path, poisoned(input.share));
    if (turn >= 0) times[i].push(ms);
  }
}
const clean = median(times[0]);
const lines = inputs.map(({ share }, i): Line => {
  const ms = median(times[i]);
  const extra = ((ms - clean) * 1_000) / Math.max(1, poisoned(share));
  return { poison: `${100 / share} %`, ms, throughput: clean / ms, usEach: i === 0 ? null : extra };
});
report(`poison: ${count} lines, throughput ÷ that of clean text`, lines, options);

function poisoned(share: number): number {
  return Math.floor(count / share);
}

function writeText(share: number): string {
  const path = join(folder, `${share}.txt`);
  const text = Array.from({ length: count }, (_, i) => {
    const words = Array.from(
      { length: 16 },
      (_, j) => WORDS[(i * 7 + j * 5 + ((i * j) >> 3)) % WORDS.length],
    );
    if ((i + 1) % share === 0) words[9] = '!poison';
    return words.join(' ');
  });
  writeFileSync(path, `${text.join('\n')}\n`);
  return path;
}

async function run(path: string, expected: number): Promise<number> {
  const pipeline = checkPipeline({
    name: 'poison',
    parallelism: 1,
    modules: { text: module },
    sources: { lines: { connector: 'file', path, format: 'lines' } },
    steps: {
      words: { flatMap: 'text.words', from: 'lines', onError: 'deadLetter' },
      counts: { reduce: 'text.sum', from: 'words', key: 'word', emit: 'end' },
    },
    sinks: { out: { from: 'counts', connector: 'memory' } },
  });
  const start = performance.now();
  const { metrics } = await runPipeline(pipeline, { threads: 0 });
  const ms = performance.now() - start;
  const letters = metrics.operators.find(({ id }) => id === 'words')?.deadLetters;
  if (letters !== expected) throw new Error(`${letters} dead letters, expected ${expected}`);
  return ms;
}
