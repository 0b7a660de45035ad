import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createCommandBench } from '../kit/command-bench.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { startTestServer } from '../kit/test-server.ts';
import { until } from '../kit/until.ts';
import { wordCountModule } from '../kit/word-count-module.ts';

const LINES = 2_000;
const DOCUMENT = `
name: count
checkpoint: { every: 100ms }
modules: { text: text.wasm }
sources:
  lines: { connector: generator, rate: 2000, count: ${LINES}, fields: { text: { words: { of: [mill, race], count: 2 } } } }
steps:
  words: { flatMap: text.words, from: lines }
  counts: { reduce: text.sum, from: words, key: word }
sinks: { out: { from: counts, connector: file, path: out, format: json } }
`;

async function bench() {
  const server = await startTestServer(temporaryDirectory(), { savepointsAnywhere: true });
  const commands = createCommandBench(['--server', server.url]);
  writeFileSync(join(commands.directory, 'text.wasm'), await wordCountModule());
  writeFileSync(join(commands.directory, 'count.yaml'), DOCUMENT);
  const { id } = await commands.json<{ id: string }>('jobs', 'submit', 'count.yaml');
  const out = join(commands.directory, 'out');
  const parts = () =>
    existsSync(out) ? readdirSync(out).filter((name) => name.startsWith('part-')) : [];
  await until('it has put something out', () => parts().length > 0);
  const records = () =>
    parts().flatMap((name) => readFileSync(join(out, name), 'utf8').trimEnd().split('\n'));
  return { commands, id, records };
}

test('a job is stopped with a savepoint, looked into, and gone on with', {
  timeout: 60_000,
}, async () => {
  const { commands, id, records } = await bench();
  const stopped = await commands.run('jobs', 'stop', id, '--savepoint', './kept');
  const directory = join(commands.directory, 'kept');
  expect(stopped).toEqual({ code: 0, out: `${id}  stopped\n${directory}\n`, error: '' });
  const shown = await commands.run('savepoint', 'inspect', 'kept');
  expect(shown.error).toBe('');
  expect(shown.out).toMatch(new RegExp(`^job +${id}, checkpoint \\d+$`, 'm'));
  expect(shown.out).toMatch(/^key groups +128$/m);
  expect(shown.out).toMatch(/^text@1 +[0-9a-f]{12} +\d+\.\d KiB$/m);
  expect(shown.out).toMatch(/^counts +keyed +1 +text\.sum +text@1$/m);
  expect(shown.out).toMatch(/^counts +\w+ +2 +\d+ B$/m);
  expect(shown.out).toMatch(/^lines +generator-0 +[\d,]+$/m);
  const seen = await commands.json<{ operators: { id: string; keys: number }[] }>(
    'savepoint',
    'inspect',
    directory,
  );
  expect(seen.operators.find((one) => one.id === 'counts')?.keys).toBe(2);
  const before = records().length;
  const restored = await commands.run('jobs', 'restore', './kept', '--parallelism', '2');
  expect(restored).toEqual({ code: 0, out: 'count-2\n', error: '' });
  await until('it has finished', async () => {
    const { state } = await commands.json<{ state: string }>('jobs', 'show', 'count-2');
    return state === 'finished';
  });
  expect(before).toBeLessThan(LINES * 2);
  expect(new Set(records()).size).toBe(LINES * 2);
  expect(records()).toHaveLength(LINES * 2);
});

test('a savepoint of a job that goes on fits a changed document, or tells why not', {
  timeout: 60_000,
}, async () => {
  const { commands, id } = await bench();
  const taken = await commands.run('jobs', 'savepoint', id, '--to', 'weekly');
  expect(taken.out).toMatch(/\/savepoints\/weekly\n$/);
  writeFileSync(join(commands.directory, 'changed.yaml'), DOCUMENT.replaceAll('counts', 'totals'));
  const refused = await commands.run('jobs', 'restore', 'weekly', 'changed.yaml');
  expect(refused).toMatchObject({ code: 1, out: '' });
  expect(refused.error).toMatch(
    /^SAVEPOINT_INCOMPATIBLE: .*\n {2}- step "counts" is not in the pipeline/,
  );
  const allowed = await commands.run(
    ...['jobs', 'restore', 'weekly', 'changed.yaml', '--allow-dropped-state'],
  );
  expect(allowed).toMatchObject({ code: 0, out: 'count-2\n' });
  const unnamed = await commands.json<{ savepoint: string }>('jobs', 'savepoint', id);
  expect(unnamed.savepoint).toContain(`/savepoints/${id}-`);
  rmSync(join(unnamed.savepoint, 'savepoint.json'));
  const inspected = await commands.run('savepoint', 'inspect', unnamed.savepoint);
  expect(inspected).toMatchObject({
    code: 1,
    error: expect.stringMatching(/^SAVEPOINT_NOT_FOUND: /),
  });
});
