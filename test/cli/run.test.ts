import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type CommandBench, createCommandBench } from '../kit/command-bench.ts';
import { COMMAND, type Program, runProgram, startProgram } from '../kit/run-program.ts';
import { until } from '../kit/until.ts';
import { wordCountModule } from '../kit/word-count-module.ts';

/** A Node that a user's shell may find first: older than what Millrace runs on, so that the entry has to hand over. */
const OLD_NODE = findOldNode();
const SLOW = { timeout: 60_000 };

function findOldNode(): string | undefined {
  const paths = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  return paths
    .filter((path) => existsSync(path))
    .find((path) => {
      const version = execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' });
      return Number.parseInt(version, 10) < 22;
    });
}

let words: Uint8Array;

beforeAll(async () => {
  words = await wordCountModule();
});

interface Document {
  readonly source: object;
  readonly sink?: object;
}

/** Word count as a document in the bench's directory. */
function writeDocument(bench: CommandBench, { source, sink }: Document): string {
  writeFileSync(join(bench.directory, 'words.wasm'), words);
  const document = {
    name: 'count',
    checkpoint: { every: '100ms' },
    modules: { text: './words.wasm' },
    sources: { lines: source },
    steps: {
      words: { flatMap: 'text.words', from: 'lines' },
      counts: { reduce: 'text.sum', from: 'words', key: 'word' },
    },
    sinks: { out: { from: 'counts', connector: 'file', path: 'out', format: 'json', ...sink } },
  };
  writeFileSync(join(bench.directory, 'count.json'), JSON.stringify(document));
  return join(bench.directory, 'count.json');
}

/** Lines of four words: without end, or so many, so many a second. */
function generated(rate: number, count?: number): object {
  const fields = { text: { words: { of: ['mill', 'race', 'wheel'], count: 4 } } };
  return { connector: 'generator', rate, count, fields };
}

/** Every count of every word once; answers how many records there are. */
function recordsOf(bench: CommandBench, folder = 'out'): number {
  const output = join(bench.directory, folder);
  const parts = readdirSync(output).filter((name) => name.startsWith('part-'));
  const rows = parts.flatMap((name) =>
    readFileSync(join(output, name), 'utf8')
      .split('\n')
      .filter((line) => line !== ''),
  );
  expect(new Set(rows).size, 'records that came twice').toBe(rows.length);
  const highest = new Map<string, number>();
  for (const row of rows) {
    const { word, count } = JSON.parse(row) as { readonly word: string; readonly count: number };
    highest.set(word, Math.max(count, highest.get(word) ?? 0));
  }
  expect([...highest.values()].reduce((sum, count) => sum + count, 0)).toBe(rows.length);
  return rows.length;
}

function hasOutput(bench: CommandBench): boolean {
  const output = join(bench.directory, 'out');
  return existsSync(output) && readdirSync(output).some((name) => name.startsWith('part-'));
}

describe('run', () => {
  test('ends with its sources, and says what was done', async () => {
    const bench = createCommandBench();
    writeDocument(bench, { source: generated(100_000, 50) });
    const { code, out, error } = await bench.run('run', 'count.json');
    expect([code, out]).toEqual([0, '']);
    expect(error).toMatch(/^OPERATOR +KIND +TASKS +VERSION +RECORDS IN +RECORDS OUT/m);
    expect(error).toMatch(/^counts +keyed +1 +words\.wasm +200 +200 /m);
    expect(error).toMatch(/^finished in \d/m);
    expect(recordsOf(bench)).toBe(200);
  });

  test('takes overrides of the document, and the parallelism', async () => {
    const bench = createCommandBench();
    writeDocument(bench, { source: generated(100_000, 50) });
    const { code, error } = await bench.run(
      ...['run', 'count.json', '--parallelism', '2', '--json'],
      ...['--set', 'sources.lines.count=20', '--set', 'sinks.out.path=other'],
    );
    expect(code).toBe(0);
    expect(JSON.parse(error)).toMatchObject({
      outcome: { kind: 'finished' },
      attempts: 1,
      metrics: {
        operators: expect.arrayContaining([
          expect.objectContaining({ id: 'words', parallelism: 2 }),
        ]),
      },
    });
    expect(recordsOf(bench, 'other')).toBe(80);
  });

  test('refuses a bad document with all findings, and writes nothing', async () => {
    const bench = createCommandBench();
    writeDocument(bench, { source: { connector: 'fiel', path: 'x' }, sink: { from: 'cuonts' } });
    const { code, out, error } = await bench.run(
      'run',
      'count.json',
      '--set',
      'checkpoint.every=fast',
    );
    expect([code, out]).toEqual([2, '']);
    expect(error).toMatch(/^PIPELINE_INVALID: /);
    expect(error).toMatch(/^ {2}- checkpoint\.every: /m);
    const fits = await bench.run('run', 'count.json');
    expect(fits.code).toBe(2);
    for (const path of ['sources.lines', 'sinks.out.from'])
      expect(fits.error).toContain(`  - ${path}`);
    expect(fits.error).toContain('did you mean');
    expect(existsSync(join(bench.directory, 'out'))).toBe(false);
  });

  test('says which module it lacks', async () => {
    const bench = createCommandBench();
    writeDocument(bench, { source: generated(1, 1) });
    const catalog = await bench.run('run', 'count.json', '--set', 'modules.text=words@1');
    expect(catalog.code).toBe(1);
    expect(catalog.error).toMatch(/^MODULE_NOT_FOUND: .*"words@1".*\n {2}hint: .*--data/);
    const file = await bench.run('run', 'count.json', '--set', 'modules.text=./none.wasm');
    expect(file.error).toMatch(/^MODULE_NOT_FOUND: .*none\.wasm"\n {2}hint: /);
  });
});

describe('Ctrl-C', () => {
  test('once stops with a checkpoint, from which the next run goes on', SLOW, async () => {
    const bench = createCommandBench();
    writeDocument(bench, { source: generated(2_000, 3_000) });
    const first = bench.run('run', 'count.json', '--data', 'data');
    await until('some output', () => hasOutput(bench));
    bench.interrupt();
    const stopped = await first;
    expect(stopped.code).toBe(0);
    expect(stopped.error).toContain(
      'stopping with a last checkpoint, from which a run with the same --data goes on',
    );
    expect(stopped.error).toMatch(/^stopped in/m);
    const before = recordsOf(bench);
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(12_000);
    const second = await bench.run('run', 'count.json', '--data', 'data');
    expect(second.error).toMatch(/^finished in/m);
    expect(recordsOf(bench)).toBe(12_000);
  });

  test('without a data directory says that nothing is kept', async () => {
    const bench = createCommandBench();
    writeDocument(bench, { source: generated(1_000) });
    const running = bench.run('run', 'count.json');
    await until('some output', () => hasOutput(bench));
    bench.interrupt();
    const { code, error } = await running;
    expect(code).toBe(0);
    expect(error).toContain('stopping; without --data the next run begins anew');
  });

  test('twice ends at once, and that is no success', async () => {
    const bench = createCommandBench();
    writeDocument(bench, { source: generated(1_000) });
    const running = bench.run('run', 'count.json', '--data', 'data');
    await until('some output', () => hasOutput(bench));
    bench.interrupt();
    await until('the word of it', () => bench.said.error.includes('Ctrl-C again'));
    bench.interrupt();
    const { code, error } = await running;
    // The first may have stopped the run before the second came.
    if (code === 0) expect(error).toMatch(/^stopped in/m);
    else
      expect(error).toMatch(/JOB_STATE: the run was ended before it was done\n {2}hint: .*--data/);
  });
});

/** The command as a process, under a Node. */
function start(node: string, bench: CommandBench, ...args: string[]): Program {
  return startProgram(node, [COMMAND, ...args], { cwd: bench.directory });
}

describe.each([
  ['the Node it brings', process.execPath],
  [`an older Node${OLD_NODE === undefined ? ' (there is none on the path)' : ''}`, OLD_NODE],
])('the command started by %s', (_name, node) => {
  const skipped = node === undefined;

  test.skipIf(skipped)('runs a pipeline and writes its records to standard output', async () => {
    const bench = createCommandBench();
    writeDocument(bench, {
      source: generated(100_000, 2),
      sink: { connector: 'stdout', path: undefined },
    });
    const { code, out, error } = await start(node as string, bench, 'run', 'count.json').ended;
    expect([code, out.trimEnd().split('\n').length]).toEqual([0, 8]);
    expect(error).toContain('finished in');
  });

  test.skipIf(skipped)(
    'ends with the code of what it ran, and errors are on standard error',
    async () => {
      const bench = createCommandBench();
      for (const [args, code] of [
        [['nonsense'], 2],
        [['jobs', 'list', '--server', 'http://127.0.0.1:1'], 1],
      ] as const) {
        const ended = await start(node as string, bench, ...args).ended;
        expect([ended.code, ended.out]).toEqual([code, '']);
        expect(ended.error).toMatch(/^(USAGE|SERVER_UNREACHABLE): /);
      }
    },
  );

  test.skipIf(skipped)('stops at SIGINT, though its whole group may get it', SLOW, async () => {
    const bench = createCommandBench();
    writeDocument(bench, { source: generated(1_000) });
    const args = [COMMAND, 'run', 'count.json', '--data', 'data'];
    const options = { cwd: bench.directory, detached: true };
    const { child, ended } = startProgram(node as string, args, options);
    await until('some output', () => hasOutput(bench));
    // What a terminal does: the entry gets the signal, and the process that it handed over to.
    process.kill(-(child.pid as number), 'SIGINT');
    const { code, error } = await ended;
    expect(error).toContain('stopping with a last checkpoint');
    expect(error).toMatch(/^stopped in/m);
    expect(code).toBe(0);
  });
});

test('a reader that has seen enough ends the run without a word', async () => {
  const bench = createCommandBench();
  writeDocument(bench, {
    source: generated(10_000_000, 200_000),
    sink: { connector: 'stdout', path: undefined },
  });
  const script = `"${process.execPath}" "${COMMAND}" run count.json | head -n 1`;
  const { code, out, error } = await runProgram('sh', ['-c', script], { cwd: bench.directory });
  expect([code, out.trimEnd().split('\n').length]).toEqual([0, 1]);
  expect(error).not.toMatch(/EPIPE|INTERNAL|SINK_UNAVAILABLE|Error/);
});
