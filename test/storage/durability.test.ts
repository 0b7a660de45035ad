import { describe, expect, test } from 'vitest';
import { createLocalBlobStore } from '../../host/storage/local-blob-store.ts';
import { writeFileDurably } from '../../host/storage/write-file-durably.ts';
import { type Call, CrashFileSystem } from '../kit/crash-file-system.ts';

const ROOT = '/data/blobs';
const bytes = (text: string) => new TextEncoder().encode(text);

function store(fileSystem: CrashFileSystem) {
  const writers = { pid: process.pid, startedAtMs: 0, isAlive: () => false };
  return createLocalBlobStore(ROOT, { fileSystem, writers });
}

describe('a crash', () => {
  /** Runs `work` on a disk that dies at call `at`; false when there are fewer calls. */
  async function dieAt(at: number, work: (fileSystem: CrashFileSystem) => Promise<void>) {
    const fileSystem = new CrashFileSystem();
    await store(fileSystem).put('old', bytes('first version'));
    const before = fileSystem.calls.length;
    let died = false;
    fileSystem.faults = (_, number) => {
      died ||= number >= before + at;
      return died ? 'EIO' : undefined;
    };
    const resolved = await work(fileSystem).then(
      () => true,
      () => false,
    );
    return { fileSystem, died, resolved };
  }

  test('at any call of a put leaves the old blob or the new one, whole, and never loses an acknowledged one', async () => {
    let deaths = 0;
    for (let at = 0; ; at++) {
      const { fileSystem, died, resolved } = await dieAt(at, async (each) => {
        await store(each).put('old', bytes('second version'));
        await store(each).put('new/folder/blob', [bytes('one '), bytes('two')]);
      });
      for (const entries of ['lost', 'kept'] as const) {
        const after = store(fileSystem.crash(entries));
        const old = Buffer.from(await after.get('old')).toString();
        expect(['first version', 'second version']).toContain(old);
        const names = await after.list('');
        if (names.includes('new/folder/blob')) {
          expect(await after.get('new/folder/blob')).toEqual(bytes('one two'));
        }
        if (!resolved) continue;
        expect(old).toBe('second version');
        expect(names).toEqual(['new/folder/blob', 'old']);
      }
      if (!died) break;
      deaths++;
    }
    expect(deaths).toBeGreaterThan(15);
  });

  test('right after a put of several blobs into one new folder loses none of them', async () => {
    for (let waitFor = 0; waitFor < 4; waitFor++) {
      const fileSystem = new CrashFileSystem();
      const puts = ['a', 'b', 'c', 'd'].map((name) =>
        store(fileSystem).put(`n/${name}`, bytes(name)),
      );
      await puts[waitFor];
      const after = store(fileSystem.crash('lost'));
      expect(await after.list('')).toContain(`n/${'abcd'[waitFor]}`);
      await Promise.all(puts);
    }
  });

  test('leaves temporary files that are not listed, and are removed by the next writer', async () => {
    const { fileSystem } = await dieAt(5, (each) => store(each).put('new', bytes('x')));
    const after = fileSystem.crash('kept');
    expect(after.files().some((path) => path.includes('/.tmp-'))).toBe(true);
    const reopened = createLocalBlobStore(ROOT, {
      fileSystem: after,
      writers: { pid: process.pid, startedAtMs: 2_000, isAlive: () => false },
    });
    expect(await reopened.list('')).toEqual(['old']);
    expect(after.files()).toEqual([`${ROOT}/old`]);
  });

  test('of one process does not take the temporary files of another that lives', async () => {
    const fileSystem = new CrashFileSystem();
    await store(fileSystem).put('blob', bytes('x'));
    const temporary = [`${ROOT}/.tmp-11-aa`, `${ROOT}/.tmp-22-bb`, `${ROOT}/.tmp-33-cc`];
    for (const path of temporary) await fileSystem.create(path);
    const writers = { pid: 33, startedAtMs: 1_000, isAlive: (pid: number) => pid === 22 };
    await createLocalBlobStore(ROOT, { fileSystem, writers }).list('');
    // 11 is dead; 33 is this process, and the file was written since it started.
    expect(fileSystem.files()).toEqual([temporary[1], temporary[2], `${ROOT}/blob`]);
  });
});

describe('a failing disk', () => {
  const CASES: readonly (readonly [call: Call, errno: string, hint: RegExp])[] = [
    ['create', 'ENOSPC', /disk is full/],
    ['create', 'EROFS', /read-only/],
    ['create', 'EACCES', /may not write/],
    ['create', 'EMFILE', /open files/],
    ['write', 'ENOSPC', /disk is full/],
    ['write', 'EIO', /disk reports a fault/],
    ['sync', 'EIO', /disk reports a fault/],
    ['sync', 'EDQUOT', /quota/],
    ['close', 'EIO', /disk reports a fault/],
    ['rename', 'EROFS', /read-only/],
    ['makeDirectory', 'ENOSPC', /disk is full/],
    ['makeDirectory', 'EACCES', /may not write/],
  ];

  test.each(
    CASES,
  )('at %s with %s: STORAGE_FAILED, nothing changed, nothing left behind', async (call, errno, hint) => {
    const fileSystem = new CrashFileSystem();
    await store(fileSystem).put('folder/blob', bytes('kept'));
    fileSystem.faults = (each, _, path) =>
      each === call && path.includes(call === 'makeDirectory' ? 'other' : 'blobs')
        ? errno
        : undefined;
    const name = call === 'makeDirectory' ? 'other/blob' : 'folder/blob';
    await expect(store(fileSystem).put(name, bytes('never'))).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining(errno),
      hint: expect.stringMatching(hint),
      cause: expect.objectContaining({ code: errno }),
    });
    expect(fileSystem.files()).toEqual([`${ROOT}/folder/blob`]);
    // The fault ends, and so does the trouble.
    fileSystem.faults = () => undefined;
    expect(await store(fileSystem).get('folder/blob')).toEqual(bytes('kept'));
    await store(fileSystem).put(name, bytes('now'));
    expect(await store(fileSystem.crash('lost')).get(name)).toEqual(bytes('now'));
  });

  test('after a failed sync of a file all bytes are written again, to another file', async () => {
    const fileSystem = new CrashFileSystem();
    fileSystem.faults = (call) => (call === 'sync' ? 'EIO' : undefined);
    await expect(store(fileSystem).put('blob', bytes('x'))).rejects.toThrow();
    fileSystem.faults = () => undefined;
    const failed = fileSystem.calls.filter((call) => call.startsWith('create'));
    await store(fileSystem).put('blob', bytes('x'));
    const created = fileSystem.calls.filter((call) => call.startsWith('create'));
    expect(created.length).toBe(2);
    expect(created[1]).not.toBe(failed[0]);
    expect(fileSystem.calls.filter((call) => call.startsWith('sync ')).length).toBe(2);
  });

  test('after a failed sync of a directory nothing is put into it any more; reading goes on', async () => {
    const fileSystem = new CrashFileSystem();
    await store(fileSystem).put('a/blob', bytes('kept'));
    fileSystem.faults = (call, _, path) =>
      call === 'syncDirectory' && path === `${ROOT}/a` ? 'EIO' : undefined;
    const refused = { code: 'STORAGE_FAILED', cause: expect.objectContaining({ code: 'EIO' }) };
    await expect(store(fileSystem).put('a/new', bytes('x'))).rejects.toMatchObject(refused);
    fileSystem.faults = () => undefined;
    for (let i = 0; i < 3; i++) {
      await expect(store(fileSystem).put('a/new', bytes('x'))).rejects.toMatchObject(refused);
    }
    expect(await store(fileSystem).get('a/blob')).toEqual(bytes('kept'));
    await store(fileSystem).put('b/blob', bytes('elsewhere'));
    expect(await store(fileSystem.crash('lost')).get('b/blob')).toEqual(bytes('elsewhere'));
  });

  test.each(['read', 'list', 'unlink'] as const)('at %s: STORAGE_FAILED', async (call) => {
    const fileSystem = new CrashFileSystem();
    const blobs = store(fileSystem);
    await blobs.put('blob', bytes('x'));
    fileSystem.faults = (each) => (each === call ? 'EIO' : undefined);
    const calls = {
      read: () => blobs.get('blob'),
      list: () => blobs.list(''),
      unlink: () => blobs.delete('blob'),
    };
    await expect(calls[call]()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });
});

test('a data directory inside one that this user may not read takes blobs', async () => {
  const fileSystem = new CrashFileSystem();
  await store(fileSystem).put('old', bytes('x'));
  const later = fileSystem.crash('lost');
  later.faults = (call, _, path) =>
    call === 'syncDirectory' && path !== ROOT ? 'EACCES' : undefined;
  await store(later).put('new', bytes('y'));
  expect(await store(later.crash('lost')).list('')).toEqual(['new', 'old']);
});

test('too many open files at the sync of a directory fails one put, not all that follow', async () => {
  const fileSystem = new CrashFileSystem();
  await store(fileSystem).put('old', bytes('x'));
  fileSystem.faults = (call) => (call === 'syncDirectory' ? 'EMFILE' : undefined);
  await expect(store(fileSystem).put('new', bytes('y'))).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
    hint: expect.stringContaining('open files'),
  });
  fileSystem.faults = () => undefined;
  await store(fileSystem).put('new', bytes('y'));
  expect(await store(fileSystem.crash('lost')).list('')).toEqual(['new', 'old']);
});

test('a put into a folder that another delete is just removing finds its folder', async () => {
  const fileSystem = new CrashFileSystem();
  await store(fileSystem).put('f/old', bytes('x'));
  let once = true;
  fileSystem.faults = (call, _, path) => {
    if (call !== 'create' || !path.includes('/f/') || !once) return undefined;
    once = false;
    return 'ENOENT';
  };
  await store(fileSystem).put('f/new', bytes('y'));
  expect(await store(fileSystem.crash('lost')).get('f/new')).toEqual(bytes('y'));
});

test('the last blob of a folder takes the folder along', async () => {
  const fileSystem = new CrashFileSystem();
  const blobs = store(fileSystem);
  await blobs.put('checkpoints/1/a', bytes('x'));
  await blobs.put('checkpoints/2/a', bytes('x'));
  await blobs.delete('checkpoints/1/a');
  expect((await fileSystem.list(`${ROOT}/checkpoints`)).map(({ name }) => name)).toEqual(['2']);
});

test('writes a single file durably, its folders included', async () => {
  const fileSystem = new CrashFileSystem();
  await writeFileDurably('/x/y/job.json', bytes('{}'), fileSystem);
  const after = fileSystem.crash('lost');
  expect(after.files()).toEqual(['/x/y/job.json']);
  expect(await after.read('/x/y/job.json')).toEqual(bytes('{}'));
});

test('a blob that was created survives a crash, whole; one who came later changes nothing', async () => {
  const fileSystem = new CrashFileSystem();
  expect(await store(fileSystem).create('f/one', bytes('first'))).toBe(true);
  expect(await store(fileSystem).create('f/one', bytes('second'))).toBe(false);
  expect(fileSystem.files()).toEqual([`${ROOT}/f/one`]);
  expect(await store(fileSystem.crash('lost')).get('f/one')).toEqual(bytes('first'));
});

test.each([
  ['create', 'ENOSPC'],
  ['sync', 'EIO'],
  ['link', 'EPERM'],
] as const)('a blob that is to be created and fails at %s with %s is not there', async (call, errno) => {
  const fileSystem = new CrashFileSystem();
  await store(fileSystem).put('f/other', bytes('x'));
  fileSystem.faults = (each) => (each === call ? errno : undefined);
  await expect(store(fileSystem).create('f/one', bytes('x'))).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
    message: expect.stringContaining(errno),
  });
  expect(fileSystem.files()).toEqual([`${ROOT}/f/other`]);
});
