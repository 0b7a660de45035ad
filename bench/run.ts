/**
 * Runs a bench by name: `npm run bench -- NAME [--quick] [--json]`. Without a name it lists them.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of this folder that are no bench. */
const PARTS = ['kit.ts', 'programs.ts', 'run.ts', 'sale-rows.ts', 'wordnet-text.ts'];

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && !PARTS.includes(file))
  .map((file) => file.slice(0, -'.ts'.length))
  .sort();
const [name, ...args] = process.argv.slice(2);

if (name === undefined) {
  for (const each of names) console.log(`${each.padEnd(12)} ${questionOf(each)}`);
} else if (names.includes(name)) {
  const script = join(import.meta.dirname, `${name}.ts`);
  const { status } = spawnSync(process.execPath, [...process.execArgv, script, ...args], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} else {
  console.error(`there is no bench "${name}"; there are ${names.join(', ')}`);
  process.exitCode = 2;
}

/** The first sentence of a bench's header. */
function questionOf(bench: string): string {
  const text = readFileSync(join(import.meta.dirname, `${bench}.ts`), 'utf8');
  const header = /\/\*\*(.*?)\*\//s.exec(text)?.[1] ?? '';
  const sentence = /[^.?]*[.?]/.exec(header.replace(/\s*\n \* ?/g, ' '))?.[0] ?? '';
  return sentence.trim();
}
