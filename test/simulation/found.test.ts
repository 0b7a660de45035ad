import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../host/clock.ts';
import { fileSink } from '../../host/connectors/file/file-sink.ts';
import { sinkFiles } from '../../host/connectors/file/sink-files.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { createCheckpointStore } from '../../host/runtime/checkpoint-store.ts';
import { recoverCheckpoint } from '../../host/runtime/recover-checkpoint.ts';
import type { FileSystem } from '../../host/storage/file-system.ts';
import { createLocalBlobStore } from '../../host/storage/local-blob-store.ts';
import { CrashFileSystem } from '../kit/crash-file-system.ts';
import { createJobBench } from '../kit/job-bench.ts';
import { wordPipeline } from '../kit/word-pipeline.ts';

// What the simulation has found, each in its smallest form.

const BYTES = new Uint8Array([1, 2, 3]);
const ATTEMPT = { job: 'job', attempt: 1 };
/** No later attempt has begun. */
const ALL = { counts: () => true };

/** The disk as a process sees it that knows nothing of earlier ones. */
function seenBy(disk: CrashFileSystem): FileSystem {
  return {
    create: (path) => disk.create(path),
    read: (path) => disk.read(path),
    link: (from, to) => disk.link(from, to),
    rename: (from, to) => disk.rename(from, to),
    unlink: (path) => disk.unlink(path),
    makeDirectory: (path) => disk.makeDirectory(path),
    removeDirectory: (path) => disk.removeDirectory(path),
    syncDirectory: (path) => disk.syncDirectory(path),
    list: (path) => disk.list(path),
    modifiedAtMs: (path) => disk.modifiedAtMs(path),
  };
}

test('D1: a directory whose parent nobody synced is made durable before a blob below it counts', async () => {
  const disk = new CrashFileSystem();
  disk.faults = (call) => (call === 'syncDirectory' ? 'EIO' : undefined);
  const first = createLocalBlobStore('/job', { fileSystem: seenBy(disk) });
  await expect(first.put('checkpoints/1/a', BYTES)).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
  });
  disk.faults = () => undefined;
  // What the first process made is there to see, but none of it is durable.
  await disk.makeDirectory('/job/checkpoints').catch(() => {});
  await createLocalBlobStore('/job', { fileSystem: seenBy(disk) }).put('checkpoints/2/a', BYTES);
  const after = createLocalBlobStore('/job', { fileSystem: seenBy(disk.crash('lost')) });
  expect(await after.get('checkpoints/2/a')).toEqual(BYTES);
});

test('I1: a manifest that was renamed and not synced is made durable before anything follows from it', async () => {
  const disk = new CrashFileSystem();
  const write = createLocalBlobStore('/job', { fileSystem: seenBy(disk) });
  const manifest = {
    format: 1,
    job: 'job',
    checkpoint: 1,
    attempt: 1,
    completedAtMs: 0,
    keyGroups: 4,
    modules: {},
    operators: {},
    final: false,
  } as const;
  let renamed = false;
  disk.faults = (call) => {
    if (call === 'syncDirectory' && renamed) return 'EIO';
    if (call === 'rename') renamed = true;
    return undefined;
  };
  await expect(createCheckpointStore(write, ATTEMPT).complete(manifest, '')).rejects.toThrow();
  disk.faults = () => undefined;
  const read = createLocalBlobStore('/job', { fileSystem: seenBy(disk) });
  const recovered = await recoverCheckpoint(createCheckpointStore(read, ATTEMPT), ALL, 4);
  expect(recovered.manifest?.checkpoint).toBe(1);
  const after = createLocalBlobStore('/job', { fileSystem: seenBy(disk.crash('lost')) });
  expect(await createCheckpointStore(after, ATTEMPT).completed()).toEqual([
    { checkpoint: 1, attempt: 1 },
  ]);
});

test('I2: the file sink makes the name of its own directory durable', async () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  const synced: string[] = [];
  const files = {
    ...sinkFiles,
    async syncDirectory(path: string) {
      synced.push(path);
      await sinkFiles.syncDirectory(path);
    },
  };
  const sink = fileSink({ path: 'a/out' }, { files, clock: systemClock });
  if (!sink.ok) throw new Error('the options are right');
  const context = { schema: LINE_SCHEMA, id: 'out', job: 'job', attempt: 1, parallelism: 1 };
  await sink.value.recover({ ...context, baseDirectory: base, deliver() {} }, []);
  expect(synced).toEqual(expect.arrayContaining([join(base, 'a'), base, dirname(base)]));
});

test('checkpoints that earlier attempts began and did not complete do not pile up', async () => {
  const bench = createJobBench({ pipeline: wordPipeline({ lines: 50 }) });
  const left = join(bench.directory, 'checkpoints/1/counts-0-0-a0.state');
  mkdirSync(dirname(left), { recursive: true });
  writeFileSync(left, BYTES);
  const job = await bench.start();
  expect(await job.ended).toEqual({ kind: 'finished' });
  expect(existsSync(left)).toBe(false);
});
