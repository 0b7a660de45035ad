/**
 * What do JSON lines cost a job, in and out, against the same program in plain Node?
 *
 * Trades of six fields: file of JSON lines → filter (9 of 10 pass) → map → file of JSON lines, on one thread with checkpoints a second
 * apart. Beside it `plain/trades.ts` with `JSON.parse` and `JSON.stringify`, in two styles. All must come to the same lines.
 *
 * Not measured here: other formats, nested records, long strings, starting Node and loading modules.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileAssemblyScript } from '../guest-sdk/assemblyscript/compile.ts';
import { randomBelow, readOptions, report } from './kit.ts';
import { comparePrograms, createProgram } from './programs.ts';

const SYMBOLS = ['AAPL', 'MSFT', 'GOOG', 'AMZN', 'NVDA', 'SIEGn.DE', '7203.T', 'MC.PA'];
const VENUES = ['XNAS', 'XNYS', 'XETR', 'XTKS', 'XPAR'];
const NOTES = ['', 'opening cross', 'said "fill or kill"', 'außerbörslich', 'late\treport'];

const options = readOptions();
const folder = mkdtempSync(join(tmpdir(), 'millrace-codecs-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

function trades(count: number): string {
  const below = randomBelow(1 << 30);
  const one = (values: readonly string[]) => values[below() % values.length];
  return Array.from({ length: count }, (_, i) =>
    JSON.stringify({
      id: 5_000_000_000 + i,
      symbol: one(SYMBOLS),
      price: (below() % 1_000_000) / 100,
      size: below() % 1_000,
      venue: one(VENUES),
      note: one(NOTES),
    }),
  ).join('\n');
}

const module = join(folder, 'trades.wasm');
const source = join(import.meta.dirname, 'guests', 'trades.ts');
writeFileSync(module, (await compileAssemblyScript({ path: source })).wasm);
const count = options.quick ? 1_000 : 600_000;
const text = `${trades(count)}\n`;
const input = join(folder, 'trades.json');
writeFileSync(input, text);
const output = (name: string) => ({ input, output: join(folder, name) });
const lines = comparePrograms(
  [
    createProgram('Millrace', 'programs/trades.ts', output('out'), module),
    ...['readline', 'chunks'].map((style) =>
      createProgram(`plain Node, ${style}`, 'plain/trades.ts', output(style), style),
    ),
  ],
  { count, unit: 'trades', bytes: Buffer.byteLength(text) },
);
report(`JSON lines: ${count} trades, ${(text.length / 1e6).toFixed(1)} MB`, lines, options);
