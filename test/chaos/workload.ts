import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { builtinConnectors } from '../../host/connectors/registry.ts';
import { checkPipeline } from '../../host/dataflow/pipeline.ts';
import { planPipeline } from '../../host/dataflow/plan-pipeline.ts';
import type { JobSpec } from '../../host/runtime/job-spec.ts';
import { gate } from '../../host/sandbox/gate.ts';
import { Random } from '../simulation/random.ts';

/** Lines of words in a file, and what must come of them, computed here from scratch. */
export interface Workload {
  /** Absolute; the input is in it. */
  readonly folder: string;
  readonly lines: number;
  /** What one task writes, byte for byte, in order. */
  readonly output: Buffer;
  /** Texts of the lines that the function fails on. */
  readonly poisoned: readonly string[];
  readonly wasm: Uint8Array;
}

const SOURCE = `
import { Emitter, flatMap, record, reduce } from '@millrace/guest-sdk';
@record class Line { text: string = ''; }
@record class Word { word: string = ''; count: i64 = 1; }
@flatMap export function words(line: Line, out: Emitter<Word>): void {
  if (line.text.startsWith('poison')) throw new Error('poison');
  const parts = line.text.split(' ');
  for (let i = 0; i < parts.length; i++) {
    const word = new Word();
    word.word = parts[i];
    out.emit(word);
  }
}
@reduce export function sum(a: Word, b: Word): Word {
  a.count += b.count;
  return a;
}
`;

const WORDS = 500;
const WORDS_A_LINE = 4;
/** One line in so many is poisoned. */
const POISON_EVERY = 20_011;

/** Writes the input of `lines` lines into `folder`. The same seed makes the same. */
export async function createWorkload(
  folder: string,
  lines: number,
  seed: number,
): Promise<Workload> {
  await mkdir(folder, { recursive: true });
  const random = new Random(seed, 'input');
  const counts = new Uint32Array(WORDS);
  const file = createWriteStream(join(folder, 'input.txt'));
  const output: string[] = [];
  const poisoned: string[] = [];
  let text = '';
  for (let line = 0; line < lines; line++) {
    if (line % POISON_EVERY === 7) {
      poisoned.push(`poison ${line}`);
      text += `poison ${line}\n`;
      continue;
    }
    for (let i = 0; i < WORDS_A_LINE; i++) {
      const word = random.between(0, WORDS - 1);
      counts[word] += 1;
      text += `${i === 0 ? '' : ' '}w${word}`;
      output.push(`{"word":"w${word}","count":${counts[word]}}\n`);
    }
    text += '\n';
    if (text.length < 1 << 20) continue;
    file.write(text);
    text = '';
  }
  file.end(text);
  await finished(file);
  const { wasm } = await compileAssemblyScript({ source: SOURCE, name: 'chaos.ts' });
  await writeFile(join(folder, 'text.wasm'), wasm);
  return { folder, lines, output: Buffer.from(output.join('')), poisoned, wasm };
}

/** The document; `out` is where its sink writes, absolute. */
export function documentOf({ folder }: Workload, out: string, checkpointEvery: string) {
  return {
    name: 'chaos',
    checkpoint: { every: checkpointEvery },
    restart: { fixedDelay: { attempts: 1_000_000, delay: '10ms' } },
    modules: { text: 'text@1' },
    sources: {
      lines: { connector: 'file', path: join(folder, 'input.txt'), format: 'lines' },
    },
    steps: {
      words: { flatMap: 'text.words', from: 'lines', onError: 'deadLetter' },
      counts: { reduce: 'text.sum', from: 'words', key: 'word' },
    },
    sinks: { out: { from: 'counts', connector: 'file', path: out, format: 'json' } },
  };
}

/** The job in `directory`, in one worker thread, so that its output has one order. */
export function specOf(workload: Workload, directory: string, out: string, every: string): JobSpec {
  const { digest, description } = gate(workload.wasm);
  const planned = planPipeline(checkPipeline(documentOf(workload, out, every)), {
    modules: new Map([['text', { ref: 'text@1', digest, description }]]),
    connectors: builtinConnectors,
    baseDirectory: workload.folder,
  });
  return {
    id: 'chaos-1',
    directory,
    ...planned,
    modulePaths: { [digest]: join(workload.folder, 'text.wasm') },
    attempt: 0,
    threads: 1,
  };
}
