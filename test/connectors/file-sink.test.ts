import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { ConnectorOptions } from '../../host/connectors/connector.ts';
import { fileSink } from '../../host/connectors/file/file-sink.ts';
import { type SinkFiles, sinkFiles } from '../../host/connectors/file/sink-files.ts';
import type { Sink, SinkContext, SinkWriter } from '../../host/connectors/sink.ts';
import type { Json } from '../../host/model/json.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { type SinkPlace, sinkContract } from '../contracts/sink.ts';
import { mortalFiles, ProcessDied, smallDisk, systemError } from '../kit/faulty-files.ts';
import { encodeBatch } from '../kit/rows.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

function sinkOf(
  options: ConnectorOptions,
  files: SinkFiles = sinkFiles,
  clock: Clock = systemClock,
): Sink {
  const checked = fileSink(options, { files, clock });
  if (!checked.ok) throw new Error(JSON.stringify(checked.findings));
  return checked.value;
}

function names(directory: string): string[] {
  return readdirSync(directory).sort();
}

/** The texts of the committed records. */
function visibleIn(directory: string): string[] {
  return names(directory)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1))
    .map((line) => JSON.parse(line).text);
}

function placeOf(options: ConnectorOptions, files: SinkFiles = sinkFiles): SinkPlace {
  const baseDirectory = temporaryDirectory();
  const directory = join(baseDirectory, 'out');
  return {
    start: () => sinkOf({ path: 'out', ...options }, files),
    baseDirectory,
    visible: async () => visibleIn(directory),
    deliver() {},
    leftovers: async () => names(directory).filter((name) => name.startsWith('.')).length,
  };
}

sinkContract('file', async () => placeOf({}));
sinkContract('file, a part a batch', async () => placeOf({ rollBytes: 1 }));
sinkContract('file, on a disk that takes a few bytes at a time', async () =>
  placeOf(
    {},
    {
      ...sinkFiles,
      write: (descriptor, bytes, start, end) =>
        sinkFiles.write(descriptor, bytes, start, Math.min(end, start + 3)),
    },
  ),
);

function contextIn(baseDirectory: string, more: Partial<SinkContext> = {}): SinkContext {
  return {
    schema: LINE_SCHEMA,
    id: 'out',
    job: 'job',
    attempt: 1,
    task: 0,
    parallelism: 1,
    baseDirectory,
    wake() {},
    deliver() {},
    ...more,
  };
}

function lines(...texts: readonly string[]) {
  return encodeBatch(
    LINE_SCHEMA,
    texts.map((text) => ({ text })),
  );
}

/** Recovered and opened in a fresh directory. */
async function openWriter(sink: Sink, more: Partial<SinkContext> = {}) {
  const baseDirectory = more.baseDirectory ?? temporaryDirectory();
  const context = contextIn(baseDirectory, more);
  await sink.recover(context, []);
  const writer = await sink.open(context);
  return { writer, context, directory: join(baseDirectory, 'out') };
}

async function commitNext(writer: SinkWriter, checkpoint: number): Promise<Json> {
  const transaction = await writer.preCommit(checkpoint);
  await writer.commit(transaction);
  return transaction;
}

describe('file sink', () => {
  test('names parts by sink, task and checkpoint, and makes none without records', async () => {
    const { writer, directory } = await openWriter(sinkOf({ path: 'out' }), { task: 3 });
    writer.write(lines('a'));
    expect(names(directory)).toEqual([]);
    const transaction = await writer.preCommit(7);
    expect(transaction).toEqual({
      parts: [{ pending: '.out.job.3.1.0.pending', part: 'part-out-3-7.json' }],
    });
    expect(names(directory)).toEqual(['.out.job.3.1.0.pending']);
    await writer.commit(transaction);
    await commitNext(writer, 8);
    expect(names(directory)).toEqual(['part-out-3-7.json']);
    expect(readFileSync(join(directory, 'part-out-3-7.json'), 'utf8')).toBe('{"text":"a"}\n');
    await writer.close();
  });

  test('writes the header of a csv into every part', async () => {
    const sink = sinkOf({ path: 'out', format: 'csv', rollBytes: 1 });
    const { writer, directory } = await openWriter(sink);
    const long = 'x'.repeat(300_000);
    writer.write(lines(long));
    writer.write(lines(long));
    writer.write(lines('b'));
    await commitNext(writer, 1);
    expect(names(directory)).toEqual([
      'part-out-0-1.2.csv',
      'part-out-0-1.3.csv',
      'part-out-0-1.csv',
    ]);
    for (const name of names(directory)) {
      expect(readFileSync(join(directory, name), 'utf8')).toMatch(/^text\r?\n(x+|b)\r?\n$/);
    }
    await writer.close();
  });

  test('leaves the parts of an earlier job alone and takes names that are free', async () => {
    const baseDirectory = temporaryDirectory();
    for (const [job, text] of [
      ['one', 'a'],
      ['two', 'b'],
      ['three', 'c'],
    ]) {
      const { writer } = await openWriter(sinkOf({ path: 'out' }), { baseDirectory, job });
      writer.write(lines(text));
      await commitNext(writer, 1);
      await writer.close();
    }
    const directory = join(baseDirectory, 'out');
    expect(names(directory)).toEqual([
      'part-out-0-1.2.json',
      'part-out-0-1.3.json',
      'part-out-0-1.json',
    ]);
    expect(visibleIn(directory).sort()).toEqual(['a', 'b', 'c']);
  });

  test('never overwrites a file that took its name meanwhile', async () => {
    const { writer, directory } = await openWriter(sinkOf({ path: 'out' }));
    writer.write(lines('ours'));
    const transaction = await writer.preCommit(1);
    writeFileSync(join(directory, 'part-out-0-1.json'), '{"text":"theirs"}\n');
    await expect(writer.commit(transaction)).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
    expect(visibleIn(directory)).toEqual(['theirs']);
    await writer.close();
  });

  test('commits again what a reader has taken away since', async () => {
    const { writer, directory } = await openWriter(sinkOf({ path: 'out' }));
    writer.write(lines('a'));
    const first = await writer.preCommit(1);
    const second = await writer.preCommit(2);
    await writer.commit(first);
    rmSync(join(directory, 'part-out-0-1.json'));
    await writer.commit(second);
    expect(names(directory)).toEqual([]);
    await writer.close();
  });

  test('says which part is lost when neither of its names is there', async () => {
    const { writer, context, directory } = await openWriter(sinkOf({ path: 'out' }));
    writer.write(lines('a'));
    const transaction = await writer.preCommit(1);
    rmSync(join(directory, '.out.job.0.1.0.pending'));
    const lost = {
      code: 'SINK_UNAVAILABLE',
      message: expect.stringContaining('part-out-0-1.json'),
    };
    await expect(writer.commit(transaction)).rejects.toMatchObject(lost);
    await expect(sinkOf({ path: 'out' }).recover(context, [transaction])).rejects.toMatchObject(
      lost,
    );
    await writer.close();
  });

  test('keeps ids and jobs that are no names inside the directory', async () => {
    const more = { id: '../a.b', job: 'x/y' };
    const { writer, context, directory } = await openWriter(sinkOf({ path: 'out' }), more);
    writer.write(lines('a'));
    await commitNext(writer, 1);
    writer.write(lines('b'));
    await writer.preCommit(2);
    expect(names(directory)).toHaveLength(2);
    await sinkOf({ path: 'out' }).recover(context, []);
    expect(visibleIn(directory)).toEqual(['a']);
    expect(names(directory)).toHaveLength(1);
  });

  test.each([
    7,
    { parts: 7 },
    { parts: [{ pending: '../x', part: 'part-out-0-1.json' }] },
    { parts: [{ pending: '.out.job.0.1.0.pending', part: '../../etc/part-out-0-1.json' }] },
  ])('refuses the transaction %j', async (transaction) => {
    const sink = sinkOf({ path: 'out' });
    await expect(
      sink.recover(contextIn(temporaryDirectory()), [transaction as Json]),
    ).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPT' });
  });

  test('says so before the job starts when it cannot write', async () => {
    const baseDirectory = temporaryDirectory();
    writeFileSync(join(baseDirectory, 'out'), 'a file');
    await expect(
      sinkOf({ path: 'out' }).recover(contextIn(baseDirectory), []),
    ).rejects.toMatchObject({
      code: 'SINK_UNAVAILABLE',
      message: expect.stringContaining(
        `sink "out" cannot write to "${join(baseDirectory, 'out')}"`,
      ),
    });
    const readOnly: SinkFiles = {
      ...sinkFiles,
      create() {
        throw systemError('EROFS');
      },
    };
    const elsewhere = contextIn(temporaryDirectory());
    await expect(sinkOf({ path: 'out' }, readOnly).recover(elsewhere, [])).rejects.toMatchObject({
      code: 'SINK_UNAVAILABLE',
    });
  });

  test('fails the task when the directory goes away', async () => {
    const { writer, directory } = await openWriter(sinkOf({ path: 'out' }));
    renameSync(directory, `${directory}-gone`);
    writer.write(lines('a'));
    await expect(writer.preCommit(1)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(() => writer.write(lines('b'))).toThrow('cannot write');
    mkdirSync(directory);
    await writer.close();
  });

  test('refuses unknown keys and wrong values, each with its path', () => {
    const checked = fileSink(
      { format: 'xml', rollBytes: '1 GB', mode: 'append' },
      { files: sinkFiles, clock: systemClock },
    );
    expect(checked.ok ? [] : checked.findings.map(({ path }) => path[0]).sort()).toEqual([
      'format',
      'mode',
      'path',
      'rollBytes',
    ]);
  });
});

describe('file sink, while things fail', () => {
  test('W2 waits while the disk is full, and then goes on without loss or repetition', async () => {
    const timers: (() => void)[] = [];
    const clock: Clock = {
      ...systemClock,
      after(_delayMs, callback) {
        timers.push(callback);
        return () => void timers.splice(timers.indexOf(callback), 1);
      },
    };
    const disk = smallDisk(100_000);
    let wakes = 0;
    const { writer, directory } = await openWriter(sinkOf({ path: 'out' }, disk.files, clock), {
      wake: () => void wakes++,
    });
    const texts = Array.from({ length: 4000 }, (_, i) => `${i} ${'x'.repeat(100)}`);
    writer.write(lines(...texts));
    expect(writer.full).toBe(true);
    await expect(writer.preCommit(1)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      hint: 'free some disk space; the job goes on by itself',
    });
    timers.shift()!();
    expect(writer.full).toBe(true);
    expect(visibleIn(directory)).toEqual([]);
    disk.roomBytes = 10_000_000;
    timers.shift()!();
    expect(writer.full).toBe(false);
    expect(wakes).toBe(1);
    writer.write(lines('last'));
    await commitNext(writer, 2);
    expect(visibleIn(directory)).toEqual([...texts, 'last']);
    await writer.close();
    expect(timers).toEqual([]);
  });

  test('W2 goes on with the checkpoint that finds room again', async () => {
    const disk = smallDisk(0);
    let wakes = 0;
    const { writer, directory } = await openWriter(
      sinkOf({ path: 'out', format: 'json' }, disk.files),
      {
        wake: () => void wakes++,
      },
    );
    writer.write(lines('a'));
    await expect(writer.preCommit(1)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(writer.full).toBe(true);
    disk.roomBytes = 5;
    await expect(writer.preCommit(2)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    disk.roomBytes = 1000;
    await commitNext(writer, 3);
    expect(writer.full).toBe(false);
    expect(wakes).toBe(1);
    expect(visibleIn(directory)).toEqual(['a']);
    await writer.close();
  });

  test('W3 trusts nothing after a failed fsync', async () => {
    let failing = true;
    const files: SinkFiles = {
      ...sinkFiles,
      sync: async (descriptor) => {
        if (failing) throw systemError('EIO');
        await sinkFiles.sync(descriptor);
      },
    };
    const sink = sinkOf({ path: 'out' }, files);
    const { writer, context, directory } = await openWriter(sink);
    writer.write(lines('a'));
    await expect(writer.preCommit(1)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    failing = false;
    expect(() => writer.write(lines('b'))).toThrow('make files durable');
    await expect(writer.preCommit(2)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await writer.close();
    await sink.recover({ ...context, attempt: 2 }, []);
    expect(names(directory)).toEqual([]);
  });

  test.each([
    false,
    true,
  ])('loses and repeats nothing when the process dies in any call to the file system, done %s', async (effect) => {
    for (let dieAt = 0; ; dieAt++) {
      const baseDirectory = temporaryDirectory();
      const mortal = mortalFiles(dieAt, effect);
      const manifest = await runUntilDeath(
        sinkOf({ path: 'out', rollBytes: 1 }, mortal.files),
        baseDirectory,
      );
      const sink = sinkOf({ path: 'out', rollBytes: 1 });
      const second = contextIn(baseDirectory, { attempt: 2 });
      await sink.recover(second, manifest.transactions);
      const directory = join(baseDirectory, 'out');
      expect(visibleIn(directory).sort(), `death in call ${dieAt}`).toEqual(manifest.covered);
      expect(names(directory).filter((name) => name.startsWith('.'))).toEqual([]);
      const writer = await sink.open(second);
      const rest = TEXTS.slice(manifest.covered.length);
      if (rest.length > 0) writer.write(lines(...rest));
      await commitNext(writer, 10);
      await writer.close();
      expect(visibleIn(directory).sort()).toEqual(TEXTS);
      if (mortal.calls <= dieAt) {
        expect(dieAt).toBeGreaterThan(20);
        return;
      }
    }
  });
});

const TEXTS = ['a', 'b', 'c', 'd'];

/** Two checkpoints over `TEXTS`. Returns what the last complete manifest holds when the process dies or is done. */
async function runUntilDeath(sink: Sink, baseDirectory: string) {
  const context = contextIn(baseDirectory);
  let manifest: { transactions: readonly Json[]; covered: readonly string[] } = {
    transactions: [],
    covered: [],
  };
  try {
    await sink.recover(context, []);
    const writer = await sink.open(context);
    for (const checkpoint of [1, 2]) {
      const covered = TEXTS.slice(0, checkpoint * 2);
      writer.write(lines(...covered.slice(-2)));
      manifest = { transactions: [await writer.preCommit(checkpoint)], covered };
      await writer.commit(manifest.transactions[0]);
    }
  } catch (error) {
    const died = error instanceof Error && (error.cause ?? error) instanceof ProcessDied;
    if (!died) throw error;
  }
  return manifest;
}
