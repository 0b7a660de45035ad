/**
 * JSON lines → filter → map → JSON lines as a plain Node program, the yardstick of `bench/codecs.ts`.
 *
 *     node bench/plain/trades.ts INPUT OUTPUT readline|chunks
 *
 * `readline` is what most people write; `chunks` cuts large pieces of text into lines itself.
 */
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { startStopwatch } from '../programs/stopwatch.ts';

const WRITE_CHARS = 1 << 18;

const stopwatch = startStopwatch();
const [input, output, style] = process.argv.slice(2);
const file = openSync(output, 'w');
let text = '';

function take(line: string): void {
  if (line === '') return;
  const trade = JSON.parse(line);
  if (trade.size < 100) return;
  trade.price *= trade.size;
  text += `${JSON.stringify(trade)}\n`;
  if (text.length < WRITE_CHARS) return;
  writeSync(file, text);
  text = '';
}

if (style === 'readline') {
  for await (const line of createInterface({ input: createReadStream(input), crlfDelay: Infinity }))
    take(line);
} else {
  let rest = '';
  for await (const chunk of createReadStream(input, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  }
  take(rest);
}
writeSync(file, text);
closeSync(file);
stopwatch.print();
