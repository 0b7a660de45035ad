/**
 * Word count as a plain Node program, the yardstick of `bench/word-count.ts`: no engine, no sandbox, no checkpoints.
 *
 *     node bench/plain/word-count.ts INPUT OUTPUT readline|chunks
 *
 * `readline` is what most people write; `chunks` splits large pieces of text itself. Words are separated by ASCII white space, as in the Millrace function.
 */
import { createReadStream, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { startStopwatch } from '../programs/stopwatch.ts';

const stopwatch = startStopwatch();
const [input, output, style] = process.argv.slice(2);
const counts = new Map<string, number>();

function countLine(line: string): void {
  for (const word of line.split(/[ \t\n\v\f\r]+/)) {
    if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
  }
}

if (style === 'readline') {
  for await (const line of createInterface({ input: createReadStream(input), crlfDelay: Infinity }))
    countLine(line);
} else {
  let rest = '';
  for await (const chunk of createReadStream(input, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
    const text: string = rest + chunk;
    const end = text.lastIndexOf('\n') + 1;
    countLine(text.slice(0, end));
    rest = text.slice(end);
  }
  countLine(rest);
}

let text = '';
for (const [word, count] of counts) text += `${JSON.stringify({ word, count })}\n`;
writeFileSync(output, text);
stopwatch.print();
