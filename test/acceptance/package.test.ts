import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { type ProgramEnd, runProgram } from '../kit/run-program.ts';

const ROOT = join(import.meta.dirname, '../..');
/** What npm says when it cannot reach its registry, or the registry lacks what package.json names. */
const NO_REGISTRY = /EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/;
const SLOW = { timeout: 120_000 };

const project = mkdtempSync(join(tmpdir(), 'millrace-package-'));
let packed: readonly string[] = [];
let refused: string | undefined;

beforeAll(async () => {
  const pack = await runProgram('npm', ['pack', '--json', '--pack-destination', project], {
    cwd: ROOT,
  });
  const [tarball] = JSON.parse(pack.out) as {
    readonly filename: string;
    readonly files: readonly { readonly path: string }[];
  }[];
  packed = tarball.files.map((file) => file.path);
  writeFileSync(join(project, 'package.json'), '{"name":"project","private":true}');
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  const install = await runProgram('npm', ['install', ...options, `./${tarball.filename}`], {
    cwd: project,
  });
  if (install.code === 0) return;
  if (!NO_REGISTRY.test(install.error)) throw new Error(install.error);
  refused = install.error;
}, 180_000);

afterAll(() => rmSync(project, { recursive: true, force: true }));

/** A test of the installed package: skipped, with npm's words, where npm has no way to the dependencies. */
function installed(context: TestContext): void {
  if (refused !== undefined) context.skip(`npm cannot install: ${refused.slice(0, 200)}`);
}

function millrace(...args: readonly string[]): Promise<ProgramEnd> {
  return runProgram('npx', ['--no-install', 'millrace', ...args], { cwd: project });
}

/** Runs plain JavaScript in the project, with the Node that the package brings. */
function script(name: string, source: string): Promise<ProgramEnd> {
  writeFileSync(join(project, name), source);
  return runProgram(join(project, 'node_modules/.bin/node'), [name], { cwd: project });
}

describe('the tarball', () => {
  test('holds what runs and nothing else', () => {
    expect(packed).toEqual(
      expect.arrayContaining([
        'README.md',
        'LICENSE',
        'package.json',
        'host/index.js',
        'host/cli/millrace.js',
        'host/abi/kernel/kernel.wasm',
        'host/state/engine/engine.wasm',
        'guest-sdk/ABI.md',
        'guest-sdk/assemblyscript/package.json',
        'guest-sdk/assemblyscript/compile.ts',
        'guest-sdk/assemblyscript/assembly/index.ts',
        'guest-sdk/assemblyscript/editor/index.d.ts',
        'guest-sdk/assemblyscript/editor/tsconfig.json',
      ]),
    );
    const folders = new Set(
      packed.filter((path) => path.includes('/')).map((path) => path.split('/')[0]),
    );
    expect([...folders].sort()).toEqual(['guest-sdk', 'host']);
    expect(
      packed.filter((path) => /\.test\.ts$|\.log$|\.cpuprofile$|node_modules/.test(path)),
    ).toEqual([]);
  });

  test('has every module that is in the repository', () => {
    for (const folder of ['host', 'guest-sdk/assemblyscript/assembly']) {
      const sources = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
      const modules = sources.filter((path) => /\.(ts|js|wasm)$/.test(path));
      expect(packed).toEqual(expect.arrayContaining(modules.map((path) => `${folder}/${path}`)));
    }
  });
});

describe('an installed package', () => {
  test('runs a new project from its own command', SLOW, async (context) => {
    installed(context);
    expect((await millrace('new', 'udf', 'words')).code).toBe(0);
    const run = await millrace('run', 'words/pipeline.yaml', '--parallelism', '2');
    expect(run.error).toContain('finished in');
    expect(run.code).toBe(0);
    const counts = run.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(counts).toHaveLength(10);
    expect(counts).toContainEqual({ word: 'be', count: 2 });
  });

  test('names no path outside of the project in an editor’s settings', async (context) => {
    installed(context);
    expect((await millrace('new', 'udf', 'settings')).code).toBe(0);
    const settings = readFileSync(join(project, 'settings/tsconfig.json'), 'utf8');
    expect(settings).not.toContain(project);
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { out } = await runProgram(process.execPath, [tsc, '-p', 'settings'], { cwd: project });
    expect(out).toBe('');
  });

  test('is a library for plain JavaScript, with threads and without', SLOW, async (context) => {
    installed(context);
    expect((await millrace('new', 'udf', 'counted')).code).toBe(0);
    const { code, out, error } = await script('library.mjs', LIBRARY_SCRIPT);
    expect(error).toBe('');
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines).toEqual(['finished 8 2', 'finished 8 2', 'PIPELINE_INVALID']);
  });

  test('serves: compiles source, and runs a job in a process of its own', SLOW, async (context) => {
    installed(context);
    expect((await millrace('new', 'udf', 'served')).code).toBe(0);
    const { code, out, error } = await script('server.mjs', SERVER_SCRIPT);
    expect(error).toBe('');
    expect(code).toBe(0);
    expect(out.trimEnd().split('\n')).toEqual(['201', '201', 'finished null']);
    const [part] = readdirSync(join(project, 'out'));
    expect(
      readFileSync(join(project, 'out', part), 'utf8')
        .trimEnd()
        .split('\n'),
    ).toHaveLength(8);
  });
});

const LIBRARY_SCRIPT = `
import { file, pipeline, runPipeline } from 'millrace';

const counted = pipeline({
  name: 'counted',
  modules: { text: './counted/counted.ts' },
  sources: { lines: file({ path: 'counted/data/*.txt', format: 'lines' }) },
  steps: {
    words: { flatMap: 'text.words', from: 'lines' },
    counts: { reduce: 'text.sum', from: 'words', key: 'word', emit: 'end' },
  },
  sinks: { out: { from: 'counts', connector: 'memory' } },
});
for (const threads of [0, 2]) {
  const { outcome, records } = await runPipeline(counted, { parallelism: 2, threads });
  const be = records.out.find((record) => record.word === 'be');
  console.log(outcome.kind, records.out.length, Number(be.count));
}
try {
  pipeline({ ...counted, sources: {} });
} catch (error) {
  console.log(error.code);
}
`;

const SERVER_SCRIPT = `
import { readFile } from 'node:fs/promises';
import { file, serve } from 'millrace';

const server = await serve({ port: 0, host: '127.0.0.1', data: 'data' });
const post = (path, type, body) =>
  fetch(server.url + path, { method: 'POST', headers: { 'content-type': type }, body });
const source = await readFile('served/served.ts');
console.log((await post('/v1/modules/served:compile', 'text/plain', source)).status);
const pipeline = {
  name: 'served',
  modules: { text: 'served@1' },
  sources: { lines: file({ path: 'served/data/*.txt', format: 'lines' }) },
  steps: {
    words: { flatMap: 'text.words', from: 'lines' },
    counts: { reduce: 'text.sum', from: 'words', key: 'word', emit: 'end' },
  },
  sinks: { out: { from: 'counts', ...file({ path: 'out', format: 'json' }) } },
};
const path = '/v1/jobs?baseDirectory=' + encodeURIComponent(process.cwd());
const submitted = await post(path, 'application/json', JSON.stringify(pipeline));
console.log(submitted.status);
const { id } = await submitted.json();
let job;
do job = await (await fetch(server.url + '/v1/jobs/' + id)).json();
while (job.endedAtMs === null);
console.log(job.state, job.error);
await server.close();
`;
