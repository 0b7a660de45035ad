import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CommandBench, createCommandBench } from '../kit/command-bench.ts';
import { until } from '../kit/until.ts';

const PIPELINE = `
name: words
checkpoint: { every: 200ms }
modules: { text: ./words.ts }
sources:
  lines: { connector: generator, rate: 200, record: text.Line, fields: { text: { choice: [to be, or not] } } }
steps:
  words: { flatMap: text.words, from: lines }
  counts: { reduce: text.sum, from: words, key: word }
sinks:
  out: { from: counts, connector: file, path: out, format: json }
`;

async function project(): Promise<CommandBench> {
  const bench = createCommandBench();
  await bench.run('new', 'udf', 'words');
  writeFileSync(join(bench.directory, 'words/pipeline.yaml'), PIPELINE);
  return bench;
}

function edit(bench: CommandBench, change: (text: string) => string): void {
  const path = join(bench.directory, 'words/words.ts');
  // As many editors do: into another file, which takes the place of the old one.
  writeFileSync(`${path}.new`, change(readFileSync(path, 'utf8')));
  renameSync(`${path}.new`, path);
}

test('a saved change is swapped into the running job, a mistake is shown, and the job goes on', async () => {
  const bench = await project();
  const ended = bench.run('dev', 'words/pipeline.yaml');
  await until('it reads', () => / records read/.test(bench.said.error));
  edit(bench, (text) => text.replace('pieces.value', 'pieces.valu'));
  await until('COMPILE_FAILED', () => bench.said.error.includes('COMPILE_FAILED'));
  expect(bench.said.error).toMatch(/words\.ts:\d+:\d+: .*valu/);
  edit(bench, (text) =>
    text.replace('pieces.valu;', 'pieces.value;').replace('count += ', 'count += 1 + '),
  );
  await until('swapped', () => bench.said.error.includes('swapped'));
  const line = /words\.ts: words, counts swapped (.*) after the change, (.*) of it compiling/.exec(
    bench.said.error,
  );
  expect(line).not.toBeNull();
  edit(bench, (text) => text.replace(/count: i64/, 'number: i64').replaceAll('.count', '.number'));
  await until('UPDATE_REFUSED', () => bench.said.error.includes('UPDATE_REFUSED'));
  expect(bench.said.error).toContain('the version before goes on');
  bench.interrupt();
  expect((await ended).code).toBe(0);
});

test('what does not compile at the start is awaited', async () => {
  const bench = await project();
  edit(bench, (text) => text.replace('pieces.value', 'pieces.valu'));
  const ended = bench.run('dev', 'words/pipeline.yaml');
  await until('waiting for a change', () => bench.said.error.includes('waiting for a change'));
  edit(bench, (text) => text.replace('pieces.valu;', 'pieces.value;'));
  await until('it reads', () => / records read/.test(bench.said.error));
  bench.interrupt();
  expect((await ended).code).toBe(0);
});

test('a pipeline without sources has nothing to watch', async () => {
  const bench = await project();
  writeFileSync(
    join(bench.directory, 'words/pipeline.yaml'),
    PIPELINE.replace('./words.ts', './words.wasm'),
  );
  const { code, error } = await bench.run('dev', 'words/pipeline.yaml');
  expect(code).toBe(2);
  expect(error).toContain('no module that is compiled from source');
});
