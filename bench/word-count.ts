/**
 * What does a whole job cost, from the bytes of a file to committed output, against the same program in plain Node?
 *
 * Word count on one thread: file → flatMap (a sandboxed function) → reduce by word → file of JSON lines, a checkpoint each
 * second. Beside it `plain/word-count.ts` in two styles. Each run is a process of its own that times itself from its first
 * statement to its written output; all must come to the same counts.
 *
 * Not measured here: several threads, starting Node and loading modules, compiling AssemblyScript, records with many fields.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileAssemblyScript } from '../guest-sdk/assemblyscript/compile.ts';
import { type Candidate, compare, type Line, median, readOptions, report } from './kit.ts';
import type { Lap } from './programs/stopwatch.ts';
import { type Text, writeTexts } from './wordnet-text.ts';

const options = readOptions();
const folder = mkdtempSync(join(tmpdir(), 'millrace-word-count-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** A program under measurement, and what its turns took of the processor. */
interface Program extends Candidate {
  readonly processorMs: number[];
  /** The last turn's output, one line a word, sorted. */
  counts(): string;
}

function run(program: string, args: readonly string[]): Lap {
  const script = join(import.meta.dirname, program);
  return JSON.parse(execFileSync(process.execPath, [script, ...args], { encoding: 'utf8' })) as Lap;
}

function sortedLines(paths: readonly string[]): string {
  const text = paths.map((path) => readFileSync(path, 'utf8')).join('');
  return text.trimEnd().split('\n').sort().join('\n');
}

function millrace(text: Text, module: string): Program {
  const output = join(folder, 'out');
  const processorMs: number[] = [];
  return {
    name: 'Millrace',
    processorMs,
    turn() {
      rmSync(output, { recursive: true, force: true });
      const lap = run('programs/word-count.ts', [text.path, output, module]);
      processorMs.push(lap.processorMs);
      return lap.wallMs;
    },
    counts: () => sortedLines(readdirSync(output).map((name) => join(output, name))),
  };
}

function plain(text: Text, style: 'readline' | 'chunks'): Program {
  const output = join(folder, `${style}.json`);
  const processorMs: number[] = [];
  return {
    name: `plain Node, ${style}`,
    processorMs,
    turn() {
      const lap = run('plain/word-count.ts', [text.path, output, style]);
      processorMs.push(lap.processorMs);
      return lap.wallMs;
    },
    counts: () => sortedLines([output]),
  };
}

function measure(text: Text, module: string): Line[] {
  const programs = [millrace(text, module), plain(text, 'readline'), plain(text, 'chunks')];
  const results = compare(programs);
  const counts = programs[0].counts();
  for (const program of programs) {
    if (program.counts() !== counts) throw new Error(`${program.name} counts other words`);
  }
  // The first turn, which does not count, is among them.
  const processor = programs.map((program) => median(program.processorMs.slice(1)));
  return results.map(({ name, median: wallMs }, i) => ({
    text: text.name,
    program: name,
    'wall, ms': wallMs,
    'M words/s': text.words / wallMs / 1_000,
    'MB/s': text.bytes / wallMs / 1_000,
    'processor, ms': processor[i],
    'Millrace’s rate ÷ its': wallMs / results[0].median,
    'in processor time': processor[i] / processor[0],
  }));
}

const module = join(folder, 'word-count.wasm');
const source = join(import.meta.dirname, '../udfs/word-count/word-count.ts');
writeFileSync(module, (await compileAssemblyScript({ path: source })).wasm);
const texts = writeTexts(folder, options.quick);
for (const text of options.quick ? texts.slice(1) : texts) {
  const size = `${(text.bytes / 1e6).toFixed(1)} MB, ${text.words} words, ${text.distinct} different`;
  report(`word count: ${text.name}, ${size}`, measure(text, module), options);
}
