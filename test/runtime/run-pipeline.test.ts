import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { builtinConnectors } from '../../host/connectors/registry.ts';
import { checkPipeline, type Pipeline } from '../../host/dataflow/pipeline.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { runPipeline } from '../../host/runtime/run-pipeline.ts';
import type { RunningJob } from '../../host/runtime/running-job.ts';
import { GATE_FILE, gatedConnector } from '../kit/gated-connector.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { ABORT, createTestSource } from '../kit/test-source.ts';
import { untilRead } from '../kit/wait-for.ts';
import { wordCountModule, wordCountSource } from '../kit/word-count-module.ts';

let module: Uint8Array;

beforeAll(async () => {
  module = await wordCountModule();
});

function wordCount(part: Partial<Pipeline> = {}): Pipeline {
  return checkPipeline({
    name: 'word-count',
    modules: { text: './word-count.ts' },
    sources: { lines: { connector: 'file', path: 'data/*.txt', format: 'lines' } },
    steps: {
      words: { flatMap: 'text.words', from: 'lines' },
      counts: { reduce: 'text.sum', from: 'words', key: 'word', emit: 'end' },
    },
    sinks: { out: { from: 'counts', connector: 'memory' } },
    ...part,
  });
}

/** A folder with input, and the counts of its words by a plain loop. */
function input(): { readonly folder: string; readonly counts: Record<string, number> } {
  const folder = temporaryDirectory();
  mkdirSync(join(folder, 'data'));
  const counts: Record<string, number> = {};
  for (const file of ['a', 'b', 'c']) {
    let text = '';
    for (let line = 0; line < 2000; line += 1) {
      const words = [`w${(line * 7) % 113}`, 'größe', file, `n${line % 5}`];
      for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
      text += `${words.join(' ')}\n`;
    }
    writeFileSync(join(folder, 'data', `${file}.txt`), text);
  }
  return { folder, counts };
}

function byWord(records: readonly { readonly [field: string]: unknown }[]): Record<string, number> {
  return Object.fromEntries(records.map(({ word, count }) => [String(word), Number(count)]));
}

describe('runPipeline', () => {
  test.each([
    [0, 1],
    [0, 4],
    [1, 2],
    [2, 2],
    [2, 4],
  ])('counts the words of files with a module in AssemblyScript, %i threads, parallelism %i', async (threads, parallelism) => {
    const { folder, counts } = input();
    const modules = { text: module };
    const run = await runPipeline(wordCount(), {
      baseDirectory: folder,
      modules,
      threads,
      parallelism,
    });
    expect(run.outcome).toEqual({ kind: 'finished' });
    expect(run.attempts).toBe(1);
    expect(byWord(run.records.out)).toEqual(counts);
    expect(run.metrics.operators.find((one) => one.id === 'lines')?.recordsOut).toBe(6000);
  });

  test('compiles a module that is source', async () => {
    const { folder, counts } = input();
    writeFileSync(join(folder, 'word-count.ts'), wordCountSource());
    const run = await runPipeline(wordCount(), { baseDirectory: folder });
    expect(byWord(run.records.out)).toEqual(counts);
  });

  test('refuses a module that names no file', async () => {
    const pipeline = wordCount({ modules: { text: 'word-count@1' } });
    await expect(runPipeline(pipeline)).rejects.toMatchObject({
      code: 'MODULE_NOT_FOUND',
      hint: expect.stringContaining('.wasm'),
    });
  });

  test('starts again after a failure, and collects every record once', async () => {
    const texts = Array.from({ length: 300 }, (_, i) => ({ text: `w${i}` }));
    const lines = createTestSource({
      schema: LINE_SCHEMA,
      splits: [
        [...texts.slice(0, 100), ABORT, ...texts.slice(100, 200), ABORT, ...texts.slice(200)],
      ],
      recordsPerPoll: 10,
    });
    const connectors = new Map([...builtinConnectors, ['test', lines.connector]]);
    const pipeline = wordCount({
      checkpoint: { every: '1ms' },
      sources: { lines: { connector: 'test' } },
    });
    const run = await runPipeline(pipeline, {
      modules: { text: module },
      restart: { kind: 'fixedDelay', attempts: 2, delayMs: 1 },
      parts: { connectors },
    });
    expect(run.attempts).toBe(3);
    expect(Object.keys(byWord(run.records.out))).toHaveLength(300);
    expect(run.records.out).toHaveLength(300);
  });

  test('gives up after too many failures', async () => {
    const lines = createTestSource({
      schema: LINE_SCHEMA,
      splits: [[ABORT, ABORT, { text: 'a' }]],
    });
    const connectors = new Map([...builtinConnectors, ['test', lines.connector]]);
    const running = runPipeline(wordCount({ sources: { lines: { connector: 'test' } } }), {
      modules: { text: module },
      restart: { kind: 'fixedDelay', attempts: 1, delayMs: 1 },
      parts: { connectors },
    });
    await expect(running).rejects.toMatchObject({
      code: 'RESTARTS_EXHAUSTED',
      message: expect.stringMatching(/failed after 1 restart, last with TASK_FAILED: /),
    });
  });

  test('does not start again for what it would only meet again', async () => {
    const folder = temporaryDirectory();
    const running = runPipeline(wordCount(), { baseDirectory: folder, modules: { text: module } });
    await expect(running).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
  });

  test('stops with a checkpoint when told to, and goes on from there', async () => {
    const folder = temporaryDirectory();
    const lines = {
      connector: 'gated',
      hold: 100,
      count: 600,
      fields: { text: { choice: ['a'] } },
    };
    const out = { from: 'counts', connector: 'file', path: 'out', format: 'json' };
    const pipeline = wordCount({ sources: { lines }, sinks: { out } });
    const options = {
      baseDirectory: folder,
      data: join(folder, 'state'),
      modules: { text: module },
      parts: { connectors: new Map([...builtinConnectors, ['gated', gatedConnector(folder)]]) },
    };
    const stop = new AbortController();
    const first = runPipeline(pipeline, {
      ...options,
      signal: stop.signal,
      onJob: (job: RunningJob) => void untilRead(job, 'lines', 50).then(() => stop.abort()),
    });
    expect((await first).outcome.kind).toBe('stopped');
    writeFileSync(join(folder, GATE_FILE), '');
    const second = await runPipeline(pipeline, options);
    expect(second.outcome).toEqual({ kind: 'finished' });
    const read = second.metrics.operators.find((one) => one.id === 'lines')?.recordsOut ?? 0;
    expect(read).toBeLessThanOrEqual(550);
    const files = readdirSync(join(folder, 'out')).filter(
      (name) => name.endsWith('.json') || name.endsWith('.jsonl'),
    );
    const written = files.map((name) => readFileSync(join(folder, 'out', name), 'utf8')).join('');
    expect(
      written
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([{ word: 'a', count: 600 }]);
    // What has finished is done with: the next run begins anew.
    expect(existsSync(join(folder, 'state', 'runs', 'word-count', 'checkpoints'))).toBe(false);
  });

  test('keeps the log and leaves nothing behind without a data directory', async () => {
    const { folder } = input();
    const data = join(folder, 'state');
    await runPipeline(wordCount(), { baseDirectory: folder, modules: { text: module }, data });
    const log = readFileSync(join(data, 'runs', 'word-count', 'log.jsonl'), 'utf8');
    expect(log).toContain('the job has finished');
  });
});
