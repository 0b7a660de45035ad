import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createCommandBench } from '../kit/command-bench.ts';

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

test('help names every command, and every command has a help', async () => {
  const bench = createCommandBench();
  const { code, out, error } = await bench.run('help');
  expect([code, error]).toEqual([0, '']);
  for (const name of [
    'serve',
    'run',
    'new',
    'build',
    'inspect',
    'types',
    'dev',
    'test',
    'doctor',
    'modules',
    'jobs',
  ]) {
    expect(out).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    const own = await bench.run(name, '--help');
    expect([own.code, own.error]).toEqual([0, '']);
    expect(own.out).toContain(`Usage: millrace ${name}`);
  }
});

test('the README lists the commands that there are', async () => {
  const bench = createCommandBench();
  for (const group of ['modules', 'jobs']) {
    const { out } = await bench.run(group, '--help');
    const names = [...out.matchAll(/^ {2}([a-z-]+) \[options\]/gm)].map((match) => match[1]);
    expect(names.length).toBeGreaterThan(4);
    const row = new RegExp(`^    millrace ${group} [^]*?(?=\\n    millrace|\\n\\n)`, 'm').exec(
      README,
    )?.[0];
    for (const name of names) expect(row, `${group} ${name}`).toMatch(new RegExp(`\\b${name}\\b`));
  }
});

test('the version is that of the package', async () => {
  const manifest = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'),
  );
  expect(await createCommandBench().run('--version')).toEqual({
    code: 0,
    out: `${manifest.version}\n`,
    error: '',
  });
});

test.each([
  [[]],
  [['jobs']],
  [['modules']],
  [['new']],
])('%j alone shows what there is', async (args) => {
  const { code, out, error } = await createCommandBench().run(...args);
  expect([code, out]).toEqual([2, '']);
  expect(error).toMatch(/^Usage: millrace/);
  expect(error).toContain('Commands:');
});

test.each([
  [['nonsense'], 'unknown command "nonsense"', '"millrace --help" lists the commands'],
  [['jobs', 'lst'], 'unknown command "lst"', 'did you mean list?'],
  [['--bogus'], 'unknown option "--bogus"', 'millrace --help'],
  [['run'], 'missing required argument "pipeline"', 'usage: millrace run [options] <pipeline>'],
  [['run', 'a', 'b'], 'too many arguments', 'usage: millrace run'],
  [['run', 'a', '--parallelism', '0'], 'a whole number from 1', 'usage: millrace run'],
  [['serve', '--port', 'x'], 'a whole number from 0 to 65535', 'usage: millrace serve'],
  [
    ['jobs', 'logs', 'j', '--level', 'loud'],
    'allowed choices are debug, info',
    'usage: millrace jobs logs',
  ],
  [['modules', 'show', 'a@b'], '"a@b" is not a module version', 'word-count@2'],
  [['modules', 'delete', 'a'], '"a" names no version', 'a@VERSION'],
  [
    ['jobs', 'list', '--server', 'nowhere'],
    '"nowhere" is not the address',
    'http://127.0.0.1:7070',
  ],
  [['run', 'none.yaml'], 'none.yaml": there is no such file', 'looked for'],
  [['run', '.'], 'it is a directory', 'looked for'],
  [['build', 'a.rs'], '"a.rs" is not AssemblyScript source', 'millrace inspect'],
  [['inspect', 'a.txt'], 'a.txt" is neither a .wasm nor a .ts file', 'compiled module'],
  [['new', 'udf', '../x'], '"../x" is not allowed', 'a name starts with a letter'],
  [['new', 'udf', 'x', '--language', 'cobol'], 'no template for "cobol"', 'assemblyscript'],
])('%j is bad usage', async (args, message, hint) => {
  const { code, out, error } = await createCommandBench().run(...args);
  expect([code, out]).toEqual([2, '']);
  expect(error).toMatch(/^(USAGE|NAME_INVALID): [^A-Z]/);
  expect(error).toContain(message);
  expect(error).toContain(hint);
  expect(error).toMatch(/\n {2}hint: \S.*\n$/);
});

test('a server that is not there is a failure that says how to start one', async () => {
  const { code, out, error } = await createCommandBench().run(
    ...['jobs', 'list', '--server', 'http://127.0.0.1:1'],
  );
  expect([code, out]).toEqual([1, '']);
  expect(error).toBe(
    'SERVER_UNREACHABLE: no server answers at http://127.0.0.1:1\n' +
      '  hint: start one with "millrace serve", or name another with --server or MILLRACE_SERVER\n',
  );
});
