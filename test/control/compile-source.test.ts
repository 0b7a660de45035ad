import { expect, test } from 'vitest';
import { createCompileSource } from '../../host/control/compile-source.ts';
import { gate } from '../../host/sandbox/gate.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { startTestServer } from '../kit/test-server.ts';
import { wordCountSource } from '../kit/word-count-module.ts';

const compile = createCompileSource();

test('compiles source into a module that tells its lines', async () => {
  const { wasm } = await compile({ source: wordCountSource(), name: 'text' });
  expect([...wasm.subarray(0, 4)]).toEqual([0, 0x61, 0x73, 0x6d]);
  expect(gate(wasm).sourceLines).toBe(true);
});

test('tells what does not compile, with file, line and column', async () => {
  const source = 'export function f(): i32 {\n  return "text";\n}\n';
  await expect(compile({ source, name: 'text' })).rejects.toMatchObject({
    code: 'COMPILE_FAILED',
    details: expect.arrayContaining([expect.stringMatching(/text\.ts:\d+:\d+: /)]),
  });
});

test('reads no file that the source names', async () => {
  const source = `import { x } from "/etc/passwd"; import { y } from "../../package"; export const z = x + y;`;
  const failed = compile({ source, name: 'text' });
  await expect(failed).rejects.toMatchObject({ code: 'COMPILE_FAILED' });
  await failed.catch((error) => expect(JSON.stringify(error.report())).not.toContain('root:'));
});

/** Word count whose `sum` does something else as well. */
const doing = (statement: string, declaration = '') =>
  wordCountSource().replace('a.count += b.count;', `a.count += b.count; ${statement}`) +
  declaration;

test.each([
  ['takes all memory', doing('memory.data(1 << 30);'), /memory|allocation/],
  [
    'nests without end',
    doing('nest<i32>();', 'function nest<T>(): void { nest<Array<T>>(); }'),
    /./,
  ],
  ['nests deeply', doing(`a.count += ${'('.repeat(20_000)}1${')'.repeat(20_000)};`), /./],
])(
  'survives source that %s',
  async (_what, source, message) => {
    const failed = compile({ source, name: 'bomb' });
    await expect(failed).rejects.toMatchObject({
      code: 'COMPILE_FAILED',
      message: expect.stringMatching(message),
    });
    const { wasm } = await compile({ source: wordCountSource(), name: 'text' });
    expect(wasm.length).toBeGreaterThan(8);
    // The compiler may use all the time that its fence leaves it.
  },
  120_000,
);

test('gives up what takes too long', async () => {
  const hasty = createCompileSource({ timeoutMs: 10, residentBytesMax: 2 ** 30 });
  await expect(hasty({ source: wordCountSource(), name: 'text' })).rejects.toMatchObject({
    code: 'COMPILE_FAILED',
    message: 'compiling "text" took longer than 0.01 s',
  });
});

test('the route stores what it compiles as a version', async () => {
  const server = await startTestServer(temporaryDirectory());
  const headers = { 'content-type': 'text/plain' };
  const init = { method: 'POST', headers, body: wordCountSource() };
  expect(await server.request('/v1/modules/text:compile', init)).toMatchObject({
    ref: 'text@1',
    sourceMap: true,
    created: true,
    functions: [{ name: 'words' }, { name: 'sum' }],
  });
  expect(await server.request('/v1/modules/text:compile', init)).toMatchObject({ created: false });
  const broken = { ...init, body: 'export const a: i32 = "b";' };
  expect(await server.refusal('/v1/modules/text:compile', broken)).toMatchObject({
    status: 422,
    code: 'COMPILE_FAILED',
  });
  expect(await server.refusal('/v1/modules/9text:compile', init)).toMatchObject({
    code: 'NAME_INVALID',
  });
  expect(await server.request('/v1/modules/text')).toMatchObject({ latest: 1 });
});
