import { expect, test } from 'vitest';
import { MODULE_BYTES_MAX } from '../../host/limits.ts';
import { guestWith, utf8 } from '../kit/gate-refusal.ts';
import { addBuffer, finishGuest, handMadeGuest, NUMBERS } from '../kit/hand-made-guest.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { startTestServer, type TestServer, wasm } from '../kit/test-server.ts';
import { op, TYPE, WasmBuilder } from '../kit/wasm-builder.ts';

const GOOD = guestWith(() => {});

/** A guest whose section says `section`. */
function guestSaying(section: object): Uint8Array {
  const guest = handMadeGuest();
  addBuffer(guest);
  return guest.builder.custom('millrace', utf8(JSON.stringify(section))).build();
}

function wrongSignature(): Uint8Array {
  const guest = handMadeGuest();
  addBuffer(guest);
  const index = guest.builder.function({ params: [TYPE.i32], results: [], code: [] });
  guest.builder.exported('mr_pass', 'function', index);
  const functions = [{ name: 'pass', kind: 'map', input: 'Numbers', output: 'Numbers' }];
  const section = { abi: 1, sdk: 'by hand', records: [NUMBERS], functions };
  return guest.builder.custom('millrace', utf8(JSON.stringify(section))).build();
}

function forbiddenImport(): Uint8Array {
  const builder = new WasmBuilder();
  builder.importFunction('wasi_snapshot_preview1', 'sock_open', [TYPE.i32], [TYPE.i32]);
  builder.memory(1).exported('memory', 'memory', 0);
  return finishGuest(
    { builder, emit: 0, state: 0, log: 0 },
    { pass: { kind: 'map', code: [op.i32(0)] } },
  );
}

const BAD: readonly (readonly [string, () => Uint8Array, number, string])[] = [
  ['a truncated module', () => GOOD.subarray(0, GOOD.length - 9), 422, 'MODULE_MALFORMED'],
  ['something else than WebAssembly', () => utf8('hello'), 422, 'MODULE_MALFORMED'],
  ['nothing', () => new Uint8Array(0), 422, 'MODULE_MALFORMED'],
  ['a forbidden import', forbiddenImport, 422, 'MODULE_REFUSED'],
  ['a wrong signature', wrongSignature, 422, 'MODULE_SIGNATURE'],
  ['no section', () => new WasmBuilder().memory(1).build(), 422, 'MODULE_SECTION_MISSING'],
  ['a broken section', () => guestSaying({ abi: 1, sdk: 7 }), 422, 'MODULE_SECTION_INVALID'],
  [
    'another ABI version',
    () => guestSaying({ abi: 2, sdk: 'x', records: [], functions: [] }),
    422,
    'MODULE_ABI_VERSION',
  ],
  ['5 MiB', () => new Uint8Array(5 * 1024 * 1024), 413, 'MODULE_TOO_LARGE'],
  ['a byte too many', () => new Uint8Array(MODULE_BYTES_MAX + 1), 413, 'MODULE_TOO_LARGE'],
  ['17 MiB', () => new Uint8Array(17 * 1024 * 1024), 413, 'BODY_TOO_LARGE'],
];

/** The server takes the next good upload, and has kept nothing of the bad one. */
async function expectUnharmed(server: TestServer): Promise<void> {
  expect(await server.request('/v1/modules')).toEqual({ modules: [] });
  expect(await server.request('/v1/modules/good', wasm(GOOD, 'POST'))).toMatchObject({
    version: 1,
  });
}

test.each(
  BAD,
)('an upload of %s is refused and harms nothing', async (_what, upload, status, code) => {
  const server = await startTestServer(temporaryDirectory());
  const error = await server.refusal('/v1/modules/bad/versions/1', wasm(upload()));
  expect(error).toMatchObject({ status, code });
  expect(error.message).not.toBe('');
  expect(error.hint).not.toBe('');
  expect(Array.isArray(error.details)).toBe(true);
  await expectUnharmed(server);
});

test('an upload of another content type is refused', async () => {
  const server = await startTestServer(temporaryDirectory());
  const init = { method: 'PUT', headers: { 'content-type': 'image/png' }, body: 'x' };
  const error = await server.refusal('/v1/modules/bad/versions/1', init);
  expect(error).toMatchObject({ status: 415, code: 'CONTENT_TYPE' });
  await expectUnharmed(server);
});

test('an upload under a name that is none is refused', async () => {
  const server = await startTestServer(temporaryDirectory());
  for (const path of [
    '/v1/modules/1bad',
    '/v1/modules/..%2f..%2fbad',
    `/v1/modules/${'a'.repeat(65)}`,
  ]) {
    const error = await server.refusal(path, wasm(GOOD, 'POST'));
    expect(error).toMatchObject({ status: 400, code: 'NAME_INVALID' });
  }
});

test('a module is put, listed, shown, downloaded and deleted', async () => {
  const server = await startTestServer(temporaryDirectory());
  const path = '/v1/modules/text/versions/1';
  const created = await server.request<{ digest: string }>(path, wasm(GOOD));
  expect(created).toMatchObject({ ref: 'text@1', created: true, bytes: GOOD.length, usedBy: [] });
  expect(created).toMatchObject({ functions: [{ name: 'pass', kind: 'flatMap', state: null }] });
  expect(await server.request(path, wasm(GOOD))).toMatchObject({ created: false });
  expect(
    await server.refusal(path, wasm(guestWith((b) => b.function({ code: [] })))),
  ).toMatchObject({
    status: 409,
    code: 'MODULE_EXISTS',
  });
  expect(await server.request('/v1/modules')).toEqual({
    modules: [{ name: 'text', latest: 1, versions: [1] }],
  });
  expect(await server.request('/v1/modules/text')).toMatchObject({ latest: 1 });
  expect(await server.request('/v1/modules/text/versions/latest')).toMatchObject({ version: 1 });
  const download = await fetch(`${server.url}${path}.wasm`);
  expect(download.headers.get('content-type')).toBe('application/wasm');
  expect(new Uint8Array(await download.arrayBuffer())).toEqual(new Uint8Array(GOOD));
  await server.request(path, { method: 'DELETE' });
  expect(await server.refusal(path)).toMatchObject({ status: 404, code: 'MODULE_NOT_FOUND' });
});

test('the catalog is the same after a restart of the server', async () => {
  const data = temporaryDirectory();
  const first = await startTestServer(data);
  await first.request('/v1/modules/text', wasm(GOOD, 'POST'));
  const before = await first.request('/v1/modules/text');
  await first.close();
  const second = await startTestServer(data);
  expect(await second.request('/v1/modules/text')).toEqual(before);
});
