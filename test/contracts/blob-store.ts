import { describe, expect, test } from 'vitest';
import type { BlobStore } from '../../host/storage/blob-store.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

/** What every blob store does. `create` gives an empty store. */
export function blobStoreContract(name: string, create: () => Promise<BlobStore>): void {
  describe(`blob store: ${name}`, () => {
    test('gives back what was put, byte for byte', async () => {
      const store = await create();
      const every = Uint8Array.from({ length: 70_000 }, (_, i) => i % 251);
      await store.put('checkpoints/1/a.bin', every);
      await store.put('empty', new Uint8Array(0));
      expect(await store.get('checkpoints/1/a.bin')).toEqual(every);
      expect(await store.get('empty')).toEqual(new Uint8Array(0));
    });

    test('joins a list of parts in order', async () => {
      const store = await create();
      await store.put('parts', [bytes('one '), new Uint8Array(0), bytes('two')]);
      expect(await store.get('parts')).toEqual(bytes('one two'));
    });

    test('keeps its own copy of what was put and hands out copies', async () => {
      const store = await create();
      const original = bytes('kept');
      await store.put('blob', original);
      original.fill(0);
      (await store.get('blob')).fill(0);
      expect(await store.get('blob')).toEqual(bytes('kept'));
    });

    test('replaces a blob whole', async () => {
      const store = await create();
      await store.put('blob', bytes('a long first version'));
      await store.put('blob', bytes('short'));
      expect(await store.get('blob')).toEqual(bytes('short'));
      expect(await store.list('')).toEqual(['blob']);
    });

    test('creates a blob once, and tells who came later', async () => {
      const store = await create();
      expect(await store.create('folder/one', bytes('first'))).toBe(true);
      expect(await store.create('folder/one', bytes('second'))).toBe(false);
      expect(await store.get('folder/one')).toEqual(bytes('first'));
      expect(await store.list('')).toEqual(['folder/one']);
      await store.delete('folder/one');
      expect(await store.create('folder/one', bytes('third'))).toBe(true);
      expect(await store.get('folder/one')).toEqual(bytes('third'));
    });

    test('of many who create a blob at once one is told that he did', async () => {
      const store = await create();
      const contents = Array.from({ length: 20 }, (_, i) => bytes(`writer ${i}`));
      const made = await Promise.all(contents.map((one) => store.create('race/won', one)));
      expect(made.filter(Boolean)).toHaveLength(1);
      expect(await store.get('race/won')).toEqual(contents[made.indexOf(true)]);
    });

    test('a reader beside a writer sees one version or the other', async () => {
      const store = await create();
      const versions = [1, 2].map((value) => new Uint8Array(1 << 20).fill(value));
      await store.put('blob', versions[0]);
      const reads = [];
      for (let round = 0; round < 5; round++) {
        const write = store.put('blob', versions[(round + 1) % 2]);
        for (let i = 0; i < 4; i++) reads.push(store.get('blob'));
        await write;
      }
      for (const read of await Promise.all(reads)) {
        expect(read.length).toBe(1 << 20);
        expect(read.every((byte) => byte === read[0])).toBe(true);
      }
    });

    test('takes many blobs at a time into a folder that is not there yet', async () => {
      const store = await create();
      const names = Array.from({ length: 20 }, (_, i) => `deep/er/blob-${i}`);
      await Promise.all(names.map((each) => store.put(each, bytes(each))));
      expect(await store.list('deep/')).toEqual([...names].sort());
      expect(await store.get('deep/er/blob-7')).toEqual(bytes('deep/er/blob-7'));
    });

    test('lists names by prefix, sorted; a prefix may end inside a part', async () => {
      const store = await create();
      for (const each of ['b/2', 'a/10', 'a/1/x', 'a-b', 'a/2']) await store.put(each, bytes(each));
      expect(await store.list('')).toEqual(['a-b', 'a/1/x', 'a/10', 'a/2', 'b/2']);
      expect(await store.list('a/1')).toEqual(['a/1/x', 'a/10']);
      expect(await store.list('a')).toEqual(['a-b', 'a/1/x', 'a/10', 'a/2']);
      expect(await store.list('c/')).toEqual([]);
      expect(await store.list('../')).toEqual([]);
    });

    test('a missing blob is BLOB_NOT_FOUND', async () => {
      const store = await create();
      await store.put('folder/blob', bytes('x'));
      for (const missing of ['blob', 'folder', 'folder/blob/deeper', 'folder/other']) {
        await expect(store.get(missing)).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND' });
      }
    });

    test('a deleted blob is gone; deleting what is not there is no error', async () => {
      const store = await create();
      await store.put('folder/one', bytes('1'));
      await store.put('folder/two', bytes('2'));
      await store.delete('folder/one');
      await store.delete('folder/one');
      await store.delete('never/was');
      expect(await store.list('')).toEqual(['folder/two']);
      await store.delete('folder/two');
      await store.put('folder/one', bytes('again'));
      expect(await store.get('folder/one')).toEqual(bytes('again'));
    });

    test('refuses names that break the grammar', async () => {
      const store = await create();
      const names = [
        '',
        '/',
        '/a',
        'a/',
        'a//b',
        '.',
        '..',
        'a/../b',
        '.hidden',
        'a/.b',
        'a b',
        'ä',
      ];
      for (const bad of [...names, 'a\0b', 'a\\b', 'x'.repeat(300), 'a/'.repeat(600).concat('a')]) {
        const refused = { code: 'NAME_INVALID' };
        await expect(store.put(bad, bytes('x')), bad).rejects.toMatchObject(refused);
        await expect(store.create(bad, bytes('x')), bad).rejects.toMatchObject(refused);
        await expect(store.get(bad), bad).rejects.toMatchObject(refused);
        await expect(store.delete(bad), bad).rejects.toMatchObject(refused);
      }
      expect(await store.list('')).toEqual([]);
    });
  });
}
