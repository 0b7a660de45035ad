import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { temporaryDirectory } from './temporary-directory.ts';
import { startTestServer, type TestServer, wasm, yaml } from './test-server.ts';
import { until } from './until.ts';
import { wordCountModule } from './word-count-module.ts';

let compiled: Promise<readonly [Uint8Array, Uint8Array]> | undefined;

export interface Job {
  readonly id: string;
  readonly state: string;
  readonly pid: number | null;
  readonly attempt: number;
  readonly restarts: number;
  readonly endedAtMs: number | null;
  readonly paused: boolean;
  readonly error: { readonly code: string; readonly hint: string } | null;
  readonly modules: Record<string, { readonly ref: string }>;
}

export interface WordCountServer {
  readonly data: string;
  readonly folder: string;
  readonly server: TestServer;
}

/** A server with both versions of the word count in its catalog, and a folder for input and output. */
export async function startWordCountServer(): Promise<WordCountServer> {
  compiled ??= Promise.all([wordCountModule(), wordCountModule('!')]);
  const [first, second] = await compiled;
  const [data, folder] = [temporaryDirectory(), temporaryDirectory()];
  const server = await startTestServer(data);
  await server.request('/v1/modules/text', wasm(first, 'POST'));
  await server.request('/v1/modules/text', wasm(second, 'POST'));
  return { data, folder, server };
}

/** Word count of a file that is written into `folder`. */
export function overFile(folder: string, lines: readonly string[]): string {
  writeFileSync(join(folder, 'in.txt'), lines.map((line) => `${line}\n`).join(''));
  return overMissingFile();
}

/** The same without the file. */
export function overMissingFile(): string {
  return `
name: count
checkpoint: { every: off }
modules: { text: text@1 }
sources: { lines: { connector: file, path: in.txt, format: lines } }
steps:
  words: { flatMap: text.words, from: lines }
  counts: { reduce: text.sum, from: words, key: word }
sinks: { out: { from: counts, connector: file, path: out, format: json } }
`;
}

/** Word count of lines that never end, or end after \`count\`, so many a second. */
export function overGenerator(rate: number, count?: number): string {
  return `
name: count
checkpoint: { every: 200ms }
modules: { text: text@1 }
sources:
  lines:
    connector: generator
    rate: ${rate}
    ${count === undefined ? '' : `count: ${count}`}
    fields: { text: { words: { of: [mill, race, wheel], count: 4 } } }
steps:
  words: { flatMap: text.words, from: lines }
  counts: { reduce: text.sum, from: words, key: word }
sinks: { out: { from: counts, connector: file, path: out, format: json } }
`;
}

export async function submit(
  { server, folder }: WordCountServer,
  document: string,
): Promise<string> {
  const query = new URLSearchParams({ baseDirectory: folder });
  return (await server.request<Job>(`/v1/jobs?${query}`, yaml(document))).id;
}

export function show(server: TestServer, id: string): Promise<Job> {
  return server.request<Job>(`/v1/jobs/${id}`);
}

export function reaches(server: TestServer, id: string, state: string): Promise<Job> {
  return until(`job ${id} is ${state}`, async () => {
    const job = await show(server, id);
    if (job.endedAtMs !== null && job.state !== state) {
      throw new Error(`job ${id} is ${job.state}: ${JSON.stringify(job.error)}`);
    }
    return job.state === state && job;
  });
}

function output(folder: string): readonly { readonly word: string; readonly count: number }[] {
  const parts = readdirSync(join(folder, 'out')).filter((name) => name.startsWith('part-'));
  return parts
    .flatMap((name) =>
      readFileSync(join(folder, 'out', name), 'utf8')
        .trimEnd()
        .split('\n'),
    )
    .map((line) => JSON.parse(line));
}

/** Every count of every word exactly once: nothing lost, nothing repeated. Answers the totals. */
export function exactCounts(folder: string): Record<string, number> {
  const counts = new Map<string, number[]>();
  for (const { word, count } of output(folder)) {
    counts.set(word, [...(counts.get(word) ?? []), Number(count)]);
  }
  for (const list of counts.values()) {
    expect(list.sort((a, b) => a - b)).toEqual(list.map((_, i) => i + 1));
  }
  return Object.fromEntries([...counts].map(([word, list]) => [word, list.length]));
}

/** Whether a process of this number is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
