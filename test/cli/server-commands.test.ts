import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type CommandBench, createCommandBench } from '../kit/command-bench.ts';
import { COMMAND, startProgram } from '../kit/run-program.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { startTestServer } from '../kit/test-server.ts';
import { until } from '../kit/until.ts';
import { wordCountModule } from '../kit/word-count-module.ts';

const SLOW = { timeout: 60_000 };

let modules: readonly [Uint8Array, Uint8Array];

beforeAll(async () => {
  modules = [await wordCountModule(), await wordCountModule('!')];
});

/** The command line in front of a real server, with two versions of a module and a document in its directory. */
async function bench(): Promise<CommandBench> {
  const server = await startTestServer(temporaryDirectory());
  const commands = createCommandBench(['--server', server.url]);
  const write = (name: string, data: Uint8Array | string) =>
    writeFileSync(join(commands.directory, name), data);
  write('v1.wasm', modules[0]);
  write('v2.wasm', modules[1]);
  write('count.yaml', DOCUMENT);
  return commands;
}

const DOCUMENT = `
name: count
checkpoint: { every: 100ms }
modules: { text: v1.wasm }
sources:
  lines: { connector: generator, rate: 1000, fields: { text: { words: { of: [mill, race], count: 2 } } } }
steps:
  words: { flatMap: text.words, from: lines }
  counts: { reduce: text.sum, from: words, key: word }
sinks: { out: { from: counts, connector: file, path: out, format: json } }
`;

/** A job of the document that runs and has a checkpoint. */
async function submitted(commands: CommandBench): Promise<string> {
  const { id } = await commands.json<{ id: string }>('jobs', 'submit', 'count.yaml');
  await until('a checkpoint', async () => {
    const checkpoints = await commands.json<object[]>('jobs', 'checkpoints', id);
    return checkpoints.length > 0;
  });
  return id;
}

/** A command that must succeed, and what it printed. */
async function out(commands: CommandBench, ...args: string[]): Promise<string> {
  const ended = await commands.run(...args);
  expect(ended).toMatchObject({ code: 0, error: '' });
  return ended.out;
}

test('modules are pushed, listed, shown, pulled and deleted', async () => {
  const commands = await bench();
  expect(await out(commands, 'modules', 'list')).toBe('none\n');
  const pushed = await out(commands, 'modules', 'push', 'v1.wasm', '--name', 'words');
  expect(pushed).toMatch(/^words@1 {2}\d+\.\d KiB {2}[0-9a-f]{12}\n$/);
  expect(await commands.json('modules', 'push', 'v2.wasm', '--name', 'words')).toMatchObject({
    version: 2,
  });
  const again = await out(commands, 'modules', 'push', 'v2.wasm', '--name', 'words');
  expect(again).toMatch(/^words@2 /);
  const list = await out(commands, 'modules', 'list');
  expect(list.split('\n')[0]).toMatch(/^MODULE +SIZE +DIGEST +CREATED +FUNCTIONS$/);
  expect(list).toMatch(/^words@2 .* words \(flatMap\), sum \(reduce\)$/m);
  expect(await out(commands, 'modules', 'show', 'words')).toBe(list);
  const shown = await out(commands, 'modules', 'show', 'words@latest');
  expect(shown).toMatch(/^FUNCTION +SAMPLES +FAILED +FUEL\/RECORD +FIRST FAILURE\nwords +12 +0 /m);
  expect(await commands.json('modules', 'list')).toEqual([
    { name: 'words', latest: 2, versions: [1, 2] },
  ]);
  expect(await commands.json('modules', 'show', 'words@1')).toMatchObject({ ref: 'words@1' });
  await out(commands, 'modules', 'pull', 'words@2', '-o', 'pulled.wasm');
  expect(readFileSync(join(commands.directory, 'pulled.wasm'))).toEqual(Buffer.from(modules[1]));
  const { output } = await commands.json<{ output: string }>('modules', 'pull', 'words@1');
  expect(output).toBe(join(commands.directory, 'words.wasm'));
  expect(await out(commands, 'modules', 'delete', 'words@1')).toBe('deleted words@1\n');
  expect(await commands.json('modules', 'delete', 'words@2')).toEqual({ deleted: 'words@2' });
  const gone = await commands.run('modules', 'show', 'words@1');
  expect(gone).toMatchObject({
    code: 1,
    out: '',
    error: expect.stringMatching(/^MODULE_NOT_FOUND: .*\n {2}hint: /),
  });
});

test('a job is submitted and looked at from all sides', SLOW, async () => {
  const commands = await bench();
  expect(await out(commands, 'jobs', 'list')).toBe('none\n');
  expect(await out(commands, 'jobs', 'submit', 'count.yaml')).toBe('count-1\n');
  await until(
    'a checkpoint',
    async () => (await out(commands, 'jobs', 'checkpoints', 'count-1')) !== 'none\n',
  );
  expect(await out(commands, 'jobs', 'list')).toMatch(
    /^JOB +STATE +ATTEMPT.*\ncount-1 +running +1 +0 /,
  );
  const shown = await out(commands, 'jobs', 'show', 'count-1');
  expect(shown).toMatch(/^words +v1@1 +[0-9a-f]{12}$/m);
  expect(shown).toMatch(/^ +\d+ +completed /m);
  const metrics = await out(commands, 'jobs', 'metrics', 'count-1');
  for (const operator of ['lines', 'words', 'counts', 'out']) {
    expect(metrics).toMatch(new RegExp(`^${operator} +\\w+ +1 `, 'm'));
  }
  expect(metrics).toMatch(/^checkpoints +\d+ completed, 0 failed$/m);
  expect(await out(commands, 'jobs', 'checkpoint', 'count-1')).toMatch(/\n +\d+ +completed .* ms /);
  expect(await out(commands, 'jobs', 'dead-letters', 'count-1')).toBe('none\n');
  expect(await out(commands, 'jobs', 'updates', 'count-1')).toBe('none\n');
  expect(await out(commands, 'jobs', 'logs', 'count-1')).toMatch(
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}info {3}job {2}attempt 1 runs/,
  );
  for (const view of ['show', 'metrics', 'checkpoints', 'dead-letters', 'updates', 'checkpoint']) {
    expect(await commands.json('jobs', view, 'count-1')).toBeTypeOf('object');
  }
  expect(await commands.json('jobs', 'list')).toMatchObject([{ id: 'count-1', state: 'running' }]);
});

test('a submission overrides values and refuses what does not fit', async () => {
  const commands = await bench();
  const good = await commands.json<{ id: string }>(
    ...['jobs', 'submit', 'count.yaml', '--set', 'name=other'],
  );
  expect(good.id).toBe('other-1');
  const bad = await commands.run(
    'jobs',
    'submit',
    'count.yaml',
    '--set',
    'steps.counts.from=wrods',
  );
  expect([bad.code, bad.out]).toEqual([2, '']);
  expect(bad.error).toMatch(/^PIPELINE_INVALID: .*\n {2}- steps\.counts\.from: .*wrods/);
  const missing = await commands.run(
    'jobs',
    'submit',
    'count.yaml',
    '--set',
    'modules.text=none.wasm',
  );
  expect(missing.code).toBe(2);
  expect(missing.error).toContain('there is no such file');
});

test('a step is swapped, and --wait waits until it is', SLOW, async () => {
  const commands = await bench();
  const id = await submitted(commands);
  await out(commands, 'modules', 'push', 'v2.wasm', '--name', 'v1');
  const swapped = await out(commands, 'jobs', 'update', id, 'words', 'v1@2', '--wait');
  expect(swapped).toMatch(
    /^UPDATE +STEP +FROM +TO +STATE +SINCE +CHECKPOINT +PAUSE PER TASK +REASON\n/,
  );
  expect(swapped).toMatch(/\n +1 +words +v1@1 +v1@2 +settled +\S+ \S+ +\d+ +\d+(\.\d+)? ms /);
  expect(await out(commands, 'jobs', 'updates', id)).toBe(swapped);
  expect(await commands.json('jobs', 'updates', id)).toMatchObject([
    { state: 'settled', pauses: [{ task: 0 }] },
  ]);
  expect(await out(commands, 'jobs', 'show', id)).toMatch(/^words +v1@2 /m);
  const unknown = await commands.run('jobs', 'update', id, 'nope', 'v1@2');
  expect(unknown).toMatchObject({
    code: 1,
    error: expect.stringMatching(/^STEP_NOT_FOUND: .*\n {2}hint: \S/),
  });
  const missing = await commands.run('jobs', 'update', id, 'words', 'v1@9');
  expect(missing).toMatchObject({
    code: 1,
    error: expect.stringMatching(/^MODULE_NOT_FOUND: .*\n {2}hint: \S/),
  });
});

test('a job is paused, resumed, stopped, and removed', SLOW, async () => {
  const commands = await bench();
  const id = await submitted(commands);
  expect(await out(commands, 'jobs', 'pause', id)).toBe(`${id}  running, paused\n`);
  expect(await out(commands, 'jobs', 'list')).toContain('running, paused');
  expect(await commands.json('jobs', 'resume', id)).toMatchObject({ paused: false });
  expect(await out(commands, 'jobs', 'stop', id)).toBe(`${id}  stopped\n`);
  const again = await commands.run('jobs', 'stop', id);
  expect(again).toMatchObject({
    code: 1,
    error: `JOB_STATE: job "${id}" is stopped and cannot be stopped\n  hint: it has ended\n`,
  });
  expect(await out(commands, 'jobs', 'cancel', id, '--purge')).toBe(`${id}  stopped, removed\n`);
  const gone = await commands.run('jobs', 'show', id);
  expect(gone).toMatchObject({ code: 1, error: expect.stringMatching(/^JOB_NOT_FOUND: /) });
  const other = await submitted(commands);
  expect(await commands.json('jobs', 'cancel', other)).toMatchObject({ state: 'cancelled' });
});

test('the log is followed until Ctrl-C', SLOW, async () => {
  const commands = await bench();
  const id = await submitted(commands);
  const following = commands.run('jobs', 'logs', id, '-f');
  await until('the first line', () => commands.said.out.includes('attempt 1 runs'));
  commands.interrupt();
  expect(await following).toMatchObject({ code: 0, error: '' });
  const json = commands.run('jobs', 'logs', id, '--json');
  for (const line of (await json).out.trimEnd().split('\n')) {
    expect(JSON.parse(line)).toMatchObject({ level: 'info' });
  }
});

test('records that failed are listed with what was wrong', SLOW, async () => {
  const commands = await bench();
  writeFileSync(
    join(commands.directory, 'in.jsonl'),
    '{"text":"mill race"}\n{"text":7}\nnonsense\n',
  );
  const source =
    'sources.lines={connector: file, path: in.jsonl, format: json, onError: deadLetter}';
  const { id } = await commands.json<{ id: string }>(
    'jobs',
    'submit',
    'count.yaml',
    '--set',
    source,
  );
  await until('the end', async () => {
    const job = await commands.json<{ state: string }>('jobs', 'show', id);
    return job.state === 'finished';
  });
  const letters = await out(commands, 'jobs', 'dead-letters', id);
  expect(letters).toMatch(/^TIME +STEP +FUNCTION +ERROR\n/);
  expect(letters.match(/ lines .*RECORD_MALFORMED: /g)).toHaveLength(2);
  expect(await commands.json('jobs', 'dead-letters', id)).toHaveLength(2);
});

test('serve says where it is, answers, and leaves at Ctrl-C', SLOW, async () => {
  const directory = temporaryDirectory();
  const args = [COMMAND, 'serve', '--port', '0', '--data', 'data'];
  const people = startProgram(process.execPath, args, { cwd: directory });
  people.child.stdout?.once('data', () => people.child.kill('SIGINT'));
  const { code, out, error } = await people.ended;
  expect([code, error]).toEqual([0, '']);
  expect(out).toMatch(/^millrace serves http:\/\/127\.0\.0\.1:\d+\n {2}data +\S+\/data\n/);
  const programs = startProgram(process.execPath, [...args, '--json'], { cwd: directory });
  const line = await new Promise<string>((resolve) => {
    programs.child.stdout?.once('data', (data) => resolve(String(data)));
  });
  const { url } = JSON.parse(line) as { readonly url: string };
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const taken = [COMMAND, 'serve', '--port', new URL(url).port, '--data', 'other'];
  const refused = await startProgram(process.execPath, taken, { cwd: directory }).ended;
  expect(refused).toMatchObject({
    code: 1,
    out: '',
    error: expect.stringMatching(/^PORT_TAKEN: .*\n {2}hint: .*--port\n$/),
  });
  programs.child.kill('SIGTERM');
  expect(await programs.ended).toMatchObject({ code: 0, error: '' });
  expect(existsSync(join(directory, 'data', 'lock'))).toBe(false);
});
