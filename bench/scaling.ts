/**
 * What does a second worker thread bring a keyed job?
 *
 * Word count over text in the page cache, as in `word-count`, in one and in two worker threads: with two, the file is read in two
 * ranges, words are dealt by key through rings between the threads, and each thread counts its half. The calling thread, which only
 * coordinates then, is the third line.
 *
 * Not measured here: more threads than two, several jobs on a machine. A machine with fewer idle cores than threads shows nothing.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileAssemblyScript } from '../guest-sdk/assemblyscript/compile.ts';
import { compare, readOptions, report } from './kit.ts';
import { createProgram } from './programs.ts';
import { type Text, writeTexts } from './wordnet-text.ts';

const options = readOptions();
const folder = mkdtempSync(join(tmpdir(), 'millrace-scaling-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const NAMES = ['one worker thread', 'two worker threads', 'the calling thread'];
const THREADS = ['1', '2', '0'];

function measure(text: Text, module: string) {
  const programs = NAMES.map((name, i) => {
    const paths = { input: text.path, output: join(folder, `out-${THREADS[i]}`) };
    return createProgram(name, 'programs/word-count.ts', paths, module, THREADS[i]);
  });
  const results = compare(programs);
  const counts = programs[0].lines();
  for (const program of programs) {
    if (program.lines() !== counts) throw new Error(`${program.name} counts other words`);
  }
  return results.map(({ name, median: wallMs }) => ({
    text: text.name,
    in: name,
    'wall, ms': wallMs,
    'M words/s': text.words / wallMs / 1_000,
    'times the rate of one': results[0].median / wallMs,
  }));
}

const module = join(folder, 'word-count.wasm');
const source = join(import.meta.dirname, '../udfs/word-count/word-count.ts');
writeFileSync(module, (await compileAssemblyScript({ path: source })).wasm);
const texts = writeTexts(folder, options.quick);
for (const text of options.quick ? texts.slice(1) : texts) {
  report(`scaling: word count of ${text.name}`, measure(text, module), options);
}
