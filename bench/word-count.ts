/**
 * What does a whole job cost, from the bytes of a file to committed output, against the same program in plain Node?
 *
 * Word count on one thread: file → flatMap (a sandboxed function) → reduce by word → file of JSON lines, a checkpoint each
 * second. Beside it `plain/word-count.ts` in two styles. Each run is a process of its own that times itself from its first
 * statement to its written output; all must come to the same counts.
 *
 * Not measured here: several threads, starting Node and loading modules, compiling AssemblyScript, records with many fields.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileAssemblyScript } from '../guest-sdk/assemblyscript/compile.ts';
import { type Line, readOptions, report } from './kit.ts';
import { comparePrograms, createProgram } from './programs.ts';
import { type Text, writeTexts } from './wordnet-text.ts';

const options = readOptions();
const folder = mkdtempSync(join(tmpdir(), 'millrace-word-count-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

function measure(text: Text, module: string): Line[] {
  const paths = (name: string) => ({ input: text.path, output: join(folder, name) });
  const programs = [
    createProgram('Millrace', 'programs/word-count.ts', paths('out'), module),
    ...['readline', 'chunks'].map((style) =>
      createProgram(`plain Node, ${style}`, 'plain/word-count.ts', paths(`${style}.json`), style),
    ),
  ];
  const size = { count: text.words, unit: 'words', bytes: text.bytes };
  return comparePrograms(programs, size).map((line) => ({ text: text.name, ...line }));
}

const module = join(folder, 'word-count.wasm');
const source = join(import.meta.dirname, '../udfs/word-count/word-count.ts');
writeFileSync(module, (await compileAssemblyScript({ path: source })).wasm);
const texts = writeTexts(folder, options.quick);
for (const text of options.quick ? texts.slice(1) : texts) {
  const size = `${(text.bytes / 1e6).toFixed(1)} MB, ${text.words} words, ${text.distinct} different`;
  report(`word count: ${text.name}, ${size}`, measure(text, module), options);
}
