import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CommandBench, createCommandBench } from '../kit/command-bench.ts';
import { COMMAND, runProgram } from '../kit/run-program.ts';
import { WasmBuilder } from '../kit/wasm-builder.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A bench with a new project `words` in its directory. */
async function project(): Promise<CommandBench> {
  const bench = createCommandBench();
  expect((await bench.run('new', 'udf', 'words')).code).toBe(0);
  return bench;
}

test('a new project is made, says what is next, and is not made twice', async () => {
  const bench = createCommandBench();
  const { out } = await bench.run('new', 'udf', 'words');
  expect(out).toContain('created words/words.ts\n');
  expect(out).toContain('next:  millrace run words/pipeline.yaml\n');
  const created = [...out.matchAll(/^created (.*)$/gm)].map((match) => match[1]);
  for (const file of created) expect(existsSync(join(bench.directory, file)), file).toBe(true);
  const again = await bench.run('new', 'udf', 'words');
  expect(again.code).toBe(2);
  expect(again.error).toContain('"words" exists already');
  const { folder, files } = await bench.json<{ folder: string; files: string[] }>(
    'new',
    'udf',
    'more',
  );
  expect(files.map((file) => existsSync(join(folder, file)))).not.toContain(false);
});

test('an editor shows no error in a new project, and shows one that is made', async () => {
  const { directory } = await project();
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const check = () => runProgram(process.execPath, [tsc, '-p', 'words'], { cwd: directory });
  expect(await check()).toMatchObject({ code: 0, out: '' });
  const path = join(directory, 'words/words.ts');
  writeFileSync(path, readFileSync(path, 'utf8').replace('pieces.value', 'pieces.valu'));
  expect((await check()).out).toContain("Property 'valu' does not exist");
});

test('a new project runs', async () => {
  const { directory } = await project();
  const args = [COMMAND, 'run', 'words/pipeline.yaml'];
  const { code, out, error } = await runProgram(process.execPath, args, { cwd: directory });
  expect(code).toBe(0);
  expect(out.split('\n')).toContain('{"word":"be","count":2}');
  expect(error).toMatch(/^counts +keyed +1 +words\.ts +10 +10 /m);
  expect(error).toMatch(/^finished in \d/m);
});

test('a function is run over JSON lines and held against what is expected', async () => {
  const bench = await project();
  const write = (name: string, lines: readonly object[]) =>
    writeFileSync(
      join(bench.directory, name),
      lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
    );
  write('in.jsonl', [{ text: 'to be' }, { text: '' }, { text: 'to' }]);
  const expected = [
    { word: 'to', count: 1 },
    { word: 'be', count: 1 },
    { count: 1, word: 'to' },
  ];
  write('good.jsonl', expected);
  write('bad.jsonl', expected.with(1, { word: 'bee', count: 1 }));
  write('long.jsonl', [...expected, { word: 'to', count: 2 }]);
  const words = ['test', 'words/words.ts', 'words', '--input', 'in.jsonl'];
  expect(await bench.run(...words)).toEqual({
    code: 0,
    out: '{"word":"to","count":1}\n{"word":"be","count":1}\n{"word":"to","count":1}\n',
    error: '',
  });
  expect(await bench.run(...words, '--expect', 'good.jsonl')).toMatchObject({
    code: 0,
    out: 'ok  words  3 records as expected\n',
  });
  expect(await bench.json(...words, '--expect', 'good.jsonl')).toEqual({
    function: 'words',
    records: 3,
  });
  const bad = await bench.run(...words, '--expect', 'bad.jsonl');
  expect([bad.code, bad.out]).toEqual([1, '']);
  expect(bad.error).toMatch(/^OUTPUT_DIFFERS: record 2 differs from "bad.jsonl"\n/);
  expect(bad.error).toContain(
    '  - expected {"word":"bee","count":1}\n  - got      {"word":"be","count":1}\n',
  );
  const long = await bench.run(...words, '--expect', 'long.jsonl');
  expect(long.error).toContain('record 4 differs');
  expect(long.error).toContain('got      nothing');
  write('counts.jsonl', [
    { word: 'a', count: 3 },
    { word: 'a', count: 4 },
  ]);
  const folded = await bench.run('test', 'words/words.ts', 'sum', '--input', 'counts.jsonl');
  expect(folded.out).toBe('{"word":"a","count":3}\n{"word":"a","count":7}\n');
});

test('what keeps a function from being run is told', async () => {
  const bench = await project();
  writeFileSync(join(bench.directory, 'in.jsonl'), '{"text":7}\n');
  const words = (name: string) => bench.run('test', 'words/words.ts', name, '--input', 'in.jsonl');
  const unknown = await words('wrods');
  expect(unknown.code).toBe(2);
  expect(unknown.error).toContain('has no function "wrods"\n  hint: it has words, sum\n');
  const malformed = await words('words');
  expect(malformed.code).toBe(1);
  expect(malformed.error).toMatch(/^RECORD_MALFORMED: /);
  expect(malformed.error).toContain('{"text":7}');
});

test('source is built into a module that can be inspected', async () => {
  const bench = await project();
  const built = await bench.run('build', 'words/words.ts');
  expect([built.code, built.error]).toEqual([0, '']);
  expect(built.out).toMatch(
    /^words\/words\.wasm {2}\d+\.\d KiB {2}words \(flatMap Line → Word\), sum \(reduce Word → Word\)\n$/,
  );
  const other = await bench.json<{ output: string; digest: string }>(
    ...['build', 'words/words.ts', '-o', 'other.wasm'],
  );
  expect(other.output).toBe(join(bench.directory, 'other.wasm'));
  expect(JSON.parse(readFileSync(`${other.output}.map`, 'utf8'))).toMatchObject({ version: 3 });
  const { out } = await bench.run('inspect', 'other.wasm');
  expect(out).toContain(`digest     ${other.digest}\n`);
  expect(out).toMatch(/^sum +reduce +Word +Word +Word$/m);
  expect(out).toContain('Word { word: string, count: i64 }\n');
  expect((await bench.run('inspect', 'words/words.ts')).out).toBe(out);
  const report = await bench.json<{ digest: string; description: { functions: object[] } }>(
    ...['inspect', 'other.wasm'],
  );
  expect(report.digest).toBe(other.digest);
  expect(report.description.functions).toHaveLength(2);
});

test('source that does not compile is told with every place', async () => {
  const bench = await project();
  const path = join(bench.directory, 'words/words.ts');
  const source = readFileSync(path, 'utf8')
    .replace('count: i64', 'count: Date')
    .replace('a.count', 'a.cuont');
  writeFileSync(path, `${source}\nlet seen: i32 = 0;\n`);
  for (const command of [['build'], ['inspect'], ['modules', 'push']]) {
    const { code, out, error } = await bench.run(...command, 'words/words.ts');
    expect([code, out]).toEqual([1, '']);
    expect(error).toMatch(/^COMPILE_FAILED: /);
    expect(error).toMatch(/^ {2}- \S*words\.ts:11:10: field "count"/m);
  }
});

test('a module that the gate refuses is told with every finding', async () => {
  const bench = createCommandBench();
  const refused = new WasmBuilder();
  refused.importFunction('env', 'system', [], []);
  refused.importFunction('env', 'exec', [], []);
  refused.memory(1);
  writeFileSync(join(bench.directory, 'bad.wasm'), refused.build());
  const { code, out, error } = await bench.run('inspect', 'bad.wasm');
  expect([code, out]).toEqual([1, '']);
  expect(error).toMatch(/^MODULE_REFUSED: /);
  expect(error).toContain('system');
  expect(error).toContain('exec');
  expect(error).toMatch(/\n {2}hint: \S/);
});

test('doctor looks at the machine and fails when the data directory is none', async () => {
  const bench = createCommandBench(['--server', 'http://127.0.0.1:1']);
  const { code, out } = await bench.run('doctor', '--data', 'data');
  expect(code).toBe(0);
  for (const name of ['node', 'cores', 'memory', 'data directory', 'prlimit', 'server']) {
    expect(out).toMatch(new RegExp(`^${name} +(ok|warning) +\\S`, 'm'));
  }
  const checks = await bench.json<{ name: string; state: string }[]>('doctor', '--data', 'data');
  expect(checks.find((check) => check.name === 'server')?.state).toBe('warning');
  writeFileSync(join(bench.directory, 'file'), '');
  const failed = await bench.run('doctor', '--data', 'file');
  expect(failed.code).toBe(1);
  expect(failed.out).toMatch(/^data directory +failed +\S+file cannot be written \(EEXIST\)/m);
  expect(failed.error).toMatch(/^DATA_DIRECTORY: 1 of 7 checks failed\n/);
  expect(failed.error).toContain('hint: choose another with --data');
});
