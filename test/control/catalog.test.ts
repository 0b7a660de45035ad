import { describe, expect, test } from 'vitest';
import type { Catalog } from '../../host/control/catalog.ts';
import { openCatalog } from '../../host/control/open-catalog.ts';
import { gate } from '../../host/sandbox/gate.ts';
import { tryModule } from '../../host/sandbox/trial/try-module.ts';
import type { BlobStore } from '../../host/storage/blob-store.ts';
import { createMemoryBlobStore } from '../../host/storage/memory-blob-store.ts';
import { guestWith } from '../kit/gate-refusal.ts';
import { op } from '../kit/wasm-builder.ts';

const FIRST = guestWith(() => {});
const WITH_LINES = guestWith((builder) => builder.custom('millrace.lines', [1, 0, 0]));
const SECOND = guestWith((builder) => builder.function({ code: [op.i32(1), op.drop] }));

const open = (blobs: BlobStore): Promise<Catalog> =>
  openCatalog({
    directory: '/modules',
    blobs,
    gate: async (upload) => gate(upload),
    tryUpload: tryModule,
    nowMs: () => 5,
  });

describe('the catalog', () => {
  test('numbers versions and resolves references', async () => {
    const catalog = await open(createMemoryBlobStore());
    await catalog.add('text', { wasm: FIRST });
    const second = await catalog.add('text', { wasm: SECOND });
    expect(second.version).toMatchObject({ ref: 'text@2', createdAtMs: 5, bytes: SECOND.length });
    expect(catalog.resolve('text@latest')).toBe(second.version);
    expect(catalog.resolve('text@1').digest).not.toBe(second.version.digest);
    expect(await catalog.bytes(second.version)).toEqual(new Uint8Array(SECOND));
  });

  test('takes the same bytes again as no change, under PUT and POST', async () => {
    const catalog = await open(createMemoryBlobStore());
    expect((await catalog.put('text', '3', { wasm: FIRST })).created).toBe(true);
    expect((await catalog.put('text', '3', { wasm: FIRST })).created).toBe(false);
    expect((await catalog.add('text', { wasm: FIRST })).version.version).toBe(3);
    expect(catalog.module('text').versions).toHaveLength(1);
  });

  test('refuses other bytes for a version, also after it was deleted', async () => {
    const catalog = await open(createMemoryBlobStore());
    await catalog.put('text', '1', { wasm: FIRST });
    const exists = { code: 'MODULE_EXISTS' };
    await expect(catalog.put('text', '1', { wasm: SECOND })).rejects.toMatchObject(exists);
    await catalog.delete('text', '1', () => []);
    await expect(catalog.put('text', '1', { wasm: SECOND })).rejects.toMatchObject(exists);
    expect((await catalog.add('text', { wasm: SECOND })).version.version).toBe(2);
    expect((await catalog.put('text', '1', { wasm: FIRST })).created).toBe(true);
  });

  test('stores nothing of what the gate refuses', async () => {
    const blobs = createMemoryBlobStore();
    const catalog = await open(blobs);
    const torn = FIRST.subarray(0, 20);
    await expect(catalog.add('text', { wasm: torn })).rejects.toMatchObject({
      code: 'MODULE_MALFORMED',
    });
    expect(await blobs.list('')).toEqual([]);
    expect(catalog.list()).toEqual([]);
  });

  test('is the same after it was closed and opened', async () => {
    const blobs = createMemoryBlobStore();
    const before = await open(blobs);
    await before.add('text', { wasm: WITH_LINES });
    await before.add('other', { wasm: SECOND });
    const after = await open(blobs);
    expect(after.list()).toEqual(before.list());
    expect(after.resolve('text@1').sourceMap).toBe(true);
  });

  test('keeps bytes as long as any version has them', async () => {
    const blobs = createMemoryBlobStore();
    const catalog = await open(blobs);
    const { version } = await catalog.add('text', { wasm: FIRST });
    await catalog.add('copy', { wasm: FIRST });
    await catalog.delete('text', '1', () => []);
    expect(await blobs.list(version.digest)).toHaveLength(1);
    await catalog.delete('copy', '1', () => []);
    expect(await blobs.list(version.digest)).toEqual([]);
  });

  test('deletes nothing that a job uses', async () => {
    const catalog = await open(createMemoryBlobStore());
    await catalog.add('text', { wasm: FIRST });
    await expect(catalog.delete('text', '1', () => ['count-1'])).rejects.toMatchObject({
      code: 'MODULE_IN_USE',
      details: ['job "count-1"'],
    });
    expect(catalog.resolve('text@1').version).toBe(1);
  });

  test('gives each of many uploads at once a version of its own', async () => {
    const catalog = await open(createMemoryBlobStore());
    const uploads = Array.from({ length: 8 }, (_, i) =>
      guestWith((builder) => builder.function({ code: [op.i32(i), op.drop] })),
    );
    await Promise.all(uploads.map((wasm) => catalog.add('text', { wasm })));
    expect(catalog.module('text').versions.map(({ version }) => version)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
  });

  test.each([
    'constructor',
    'hasOwnProperty',
    'toString',
  ])('knows no module "%s" until there is one', async (name) => {
    const catalog = await open(createMemoryBlobStore());
    expect(() => catalog.module(name)).toThrowError(
      expect.objectContaining({ code: 'MODULE_NOT_FOUND' }),
    );
    expect((await catalog.add(name, { wasm: FIRST })).version.ref).toBe(`${name}@1`);
  });

  test.each([
    ['text', '0'],
    ['text', '01'],
    ['text', '1.5'],
    ['text', '-1'],
    ['text', 'latest'],
    ['text', '99999999999'],
    ['1text', '1'],
    ['', '1'],
    ['../text', '1'],
  ])('refuses to store %s@%s', async (name, version) => {
    const catalog = await open(createMemoryBlobStore());
    await expect(catalog.put(name, version, { wasm: FIRST })).rejects.toMatchObject({
      code: 'NAME_INVALID',
    });
  });

  test.each(['text', '@1', 'text@', 'text@x'])('does not resolve "%s"', async (ref) => {
    const catalog = await open(createMemoryBlobStore());
    await catalog.add('text', { wasm: FIRST });
    expect(() => catalog.resolve(ref)).toThrowError(/version/);
  });

  test('refuses to open over a damaged index', async () => {
    const blobs = createMemoryBlobStore();
    await blobs.put('index.json', new TextEncoder().encode('{"form'));
    await expect(open(blobs)).rejects.toMatchObject({ code: 'DATA_DIRECTORY' });
  });
});
