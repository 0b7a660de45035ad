import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import type { Clock } from '../../host/clock.ts';
import type { ConnectorOptions } from '../../host/connectors/connector.ts';
import { BUCKETS, bucketOf } from '../../host/connectors/file/discovered-files.ts';
import { fileSource } from '../../host/connectors/file/file-source.ts';
import type { PollResult, Source, SourceReader, Split } from '../../host/connectors/source.ts';
import type { Json } from '../../host/model/json.ts';
import { LINE_SCHEMA, type RecordSchema } from '../../host/model/schema.ts';
import { sourceContract } from '../contracts/source.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { decodeBatch } from '../kit/rows.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

function sourceOf(options: ConnectorOptions, clock: Clock = new ManualClock()): Source {
  const checked = fileSource(options, { clock });
  if (!checked.ok) throw new Error(JSON.stringify(checked.findings));
  return checked.value;
}

/** Ends where the source would wait for more: what is there now is a bounded source. */
function untilIdle(source: Source): Source {
  return {
    ...source,
    async open(splits, context) {
      const reader = await source.open(splits, context);
      const bounded: SourceReader = {
        poll: (out, bytesMax) => {
          const result = reader.poll(out, bytesMax);
          return result === 'idle' ? 'end' : result;
        },
        snapshot: () => reader.snapshot(),
        lagBytes: () => reader.lagBytes?.(),
        close: () => reader.close(),
      };
      return bounded;
    },
  };
}

function directoryOf(files: { readonly [name: string]: string }): string {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'in'));
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(directory, 'in', name), text);
  return directory;
}

const FILES = Object.fromEntries(
  Array.from({ length: 6 }, (_, file) => [
    `${file}.txt`,
    Array.from({ length: 7 }, (_, line) => `line ${line} of file ${file}\n`).join(''),
  ]),
);

for (const follow of [false, true]) {
  sourceContract(follow ? 'file, followed' : 'file, discovered', async () => ({
    source: untilIdle(sourceOf({ path: 'in/*.txt', discover: '1s', follow })),
    schema: LINE_SCHEMA,
    baseDirectory: directoryOf(FILES),
  }));
}

/** Tasks of a running source over one directory, under a clock that stands still. */
async function startReading(options: {
  readonly directory: string;
  readonly source?: ConnectorOptions;
  readonly splits?: readonly Split[];
  readonly parallelism?: number;
  readonly schema?: RecordSchema;
}) {
  const clock = new ManualClock();
  const source = sourceOf({ path: 'in/*', discover: '1s', ...options.source }, clock);
  const splits = options.splits ?? (await source.splits(options.directory));
  const parallelism = options.parallelism ?? 1;
  const schema = options.schema ?? LINE_SCHEMA;
  const readers: SourceReader[] = [];
  let wakes = 0;
  for (let task = 0; task < parallelism; task++) {
    const own = splits.filter((_, i) => i % parallelism === task);
    readers.push(
      await source.open(own, {
        schema,
        id: 'in',
        task,
        parallelism,
        onMalformed: 'fail',
        malformed() {},
        baseDirectory: options.directory,
        wake: () => void wakes++,
      }),
    );
  }
  onTestFinished(async () => void (await Promise.all(readers.map((reader) => reader.close()))));
  return {
    clock,
    wakes: () => wakes,
    /** Every task's records until it waits. */
    read(bytesMax = 1 << 16): string[] {
      return readers.flatMap((reader) => {
        const texts: string[] = [];
        for (let result: PollResult = 'more'; result === 'more'; ) {
          const out = new BatchBuilder();
          result = reader.poll(out, bytesMax);
          texts.push(...decodeBatch(schema, out.batch()).map((row) => String(row.text)));
        }
        return texts;
      });
    },
    /** Some records of the first task. */
    readSome(): string[] {
      const out = new BatchBuilder();
      readers[0].poll(out, 1);
      return decodeBatch(schema, out.batch()).map((row) => String(row.text));
    },
    snapshot: (): Split[] =>
      JSON.parse(JSON.stringify(readers.flatMap((reader) => reader.snapshot()))),
    lagBytes: () => readers.reduce((sum, reader) => sum + (reader.lagBytes?.() ?? 0), 0),
  };
}

describe('discover', () => {
  test('finds files that come later, once, and files in directories that come later', async () => {
    const directory = directoryOf({ a: '1\n2\n' });
    const reading = await startReading({ directory, source: { path: 'in/**' } });
    expect(reading.read()).toEqual(['1', '2']);
    writeFileSync(join(directory, 'in/b'), '3');
    expect(reading.read()).toEqual([]);
    reading.clock.advance(1_000);
    expect(reading.wakes()).toBe(1);
    expect(reading.read()).toEqual(['3']);
    mkdirSync(join(directory, 'in/deeper'));
    writeFileSync(join(directory, 'in/deeper/c'), '4\n');
    reading.clock.advance(1_000);
    expect(reading.read()).toEqual(['4']);
    reading.clock.advance(5_000);
    expect(reading.read()).toEqual([]);
  });

  test('waits for the first file', async () => {
    const directory = temporaryDirectory();
    const reading = await startReading({ directory });
    expect(reading.read()).toEqual([]);
    mkdirSync(join(directory, 'in'));
    writeFileSync(join(directory, 'in/a'), '1\n');
    reading.clock.advance(1_000);
    expect(reading.read()).toEqual(['1']);
  });

  test('reads each file in one task, at any parallelism, also when restored at another one while files come', async () => {
    const random = seeded(7);
    for (let round = 0; round < 20; round++) {
      const directory = directoryOf({});
      const expected: string[] = [];
      const seen: string[] = [];
      let splits: Split[] | undefined;
      for (let attempt = 0; attempt < 4; attempt++) {
        const parallelism = 1 + random(5);
        const reading = await startReading({ directory, parallelism, splits });
        for (let step = 0; step < 3; step++) {
          const name = `file-${attempt}-${step}`;
          const lines = Array.from({ length: random(30) }, (_, i) => `${name} ${i}`);
          expected.push(...lines);
          writeFileSync(join(directory, `in/${name}`), lines.map((line) => `${line}\n`).join(''));
          if (random(2) === 0) reading.clock.advance(1_000);
          seen.push(...(random(2) === 0 ? reading.read(200) : reading.readSome()));
        }
        splits = reading.snapshot();
        // What is read behind the checkpoint is read again by the next attempt.
        reading.read();
      }
      const last = await startReading({ directory, splits });
      seen.push(...last.read());
      expect(seen.sort(), `round ${round}`).toEqual(expected.sort());
      expect(last.lagBytes()).toBe(0);
    }
  });

  test('forgets files that were read and removed, and reads a new one of that name', async () => {
    const directory = directoryOf({ a: '1\n', b: '2\n' });
    const reading = await startReading({ directory });
    expect(reading.read()).toEqual(['1', '2']);
    expect(positions(reading.snapshot())).toHaveLength(2);
    rmSync(join(directory, 'in/a'));
    reading.clock.advance(1_000);
    expect(reading.read()).toEqual([]);
    expect(positions(reading.snapshot())).toHaveLength(1);
    writeFileSync(join(directory, 'in/a'), '3\n');
    reading.clock.advance(1_000);
    expect(reading.read()).toEqual(['3']);
  });

  test.each([
    { format: 'csv', text: 'text\r\n' },
    { format: 'csv', text: 'text\na\n\n\n' },
    { format: 'json', text: '{"text":"a"}\n\n  \n' },
    { format: 'lines', text: '' },
    { format: 'json', text: '\n' },
  ])('a $format file $text that stays as it is has not grown', async ({ format, text }) => {
    const directory = directoryOf({ a: text });
    const schema: RecordSchema = {
      name: 'T',
      fields: [{ name: 'text', type: { kind: 'string' } }],
    };
    const source = { path: 'in/*', discover: '1s', format };
    const reading = await startReading({ directory, source, schema });
    const texts = reading.read();
    reading.clock.advance(1_000);
    expect(reading.read()).toEqual([]);
    const again = await startReading({ directory, source, schema, splits: reading.snapshot() });
    expect(again.read()).toEqual([]);
    expect(texts).toEqual(text.includes('a"}') || text.includes('\na') ? ['a'] : []);
  });

  test('takes a copy of the directory for the directory', async () => {
    const directory = directoryOf({ a: '1\n' });
    const reading = await startReading({ directory });
    reading.read();
    copyFileSync(join(directory, 'in/a'), join(directory, 'copy'));
    renameSync(join(directory, 'copy'), join(directory, 'in/a'));
    const restored = await startReading({ directory, splits: reading.snapshot() });
    expect(restored.read()).toEqual([]);
  });

  test('G2 fails on a file that grew, shrank, or went before it was read', async () => {
    const directory = directoryOf({ a: '1\n22\n' });
    const path = join(directory, 'in/a');
    const reading = await startReading({ directory });
    const [first] = reading.readSome();
    expect(first).toBe('1');
    const half = reading.snapshot();
    reading.read();
    appendFileSync(path, '3\n');
    reading.clock.advance(1_000);
    expect(() => reading.read()).toThrow('source "in": file "in/a" grew after it was read');
    truncateSync(path, 1);
    await expect(startReading({ directory, splits: half })).rejects.toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      message: 'source "in": file "in/a" has 1 bytes, but was read up to offset 2',
    });
    renameSync(path, join(directory, 'kept'));
    await expect(startReading({ directory, splits: half })).rejects.toThrow('file "in/a" is gone');
    writeFileSync(path, '1\n22\n');
    await expect(startReading({ directory, splits: half })).rejects.toThrow('was replaced');
  });
});

describe('follow', () => {
  const source = { path: 'in/*.log', follow: true };

  test('reads on as a file grows, and leaves a record until its end is there', async () => {
    const directory = directoryOf({ 'a.log': '1\n2' });
    const path = join(directory, 'in/a.log');
    const reading = await startReading({ directory, source });
    expect(reading.read()).toEqual(['1']);
    appendFileSync(path, '2\n3\n4');
    expect(reading.read()).toEqual([]);
    reading.clock.advance(1_000);
    expect(reading.read()).toEqual(['22', '3']);
    const restored = await startReading({ directory, source, splits: reading.snapshot() });
    expect(restored.read()).toEqual([]);
    appendFileSync(path, '\n');
    restored.clock.advance(1_000);
    expect(restored.read()).toEqual(['4']);
  });

  test('reads what was appended while nobody read, after a restart', async () => {
    const directory = directoryOf({ 'a.log': '1\n', 'b.log': '' });
    const reading = await startReading({ directory, source, parallelism: 3 });
    expect(reading.read()).toEqual(['1']);
    appendFileSync(join(directory, 'in/b.log'), '2\n');
    writeFileSync(join(directory, 'in/c.log'), '3\n');
    const restored = await startReading({ directory, source, splits: reading.snapshot() });
    expect(restored.read().sort()).toEqual(['2', '3']);
  });

  test('loses and repeats nothing while files grow by pieces of any size', async () => {
    const random = seeded(11);
    const directory = directoryOf({});
    const texts = new Map<string, string>();
    const seen: string[] = [];
    let splits: Split[] | undefined;
    for (let round = 0; round < 60; round++) {
      const reading = await startReading({ directory, source, splits, parallelism: 1 + random(4) });
      for (let i = 0; i < 4; i++) {
        const name = `${random(5)}.log`;
        const whole = texts.get(name) ?? '';
        const piece = `${'x'.repeat(random(12))}${random(3) === 0 ? '' : '\n'}`;
        texts.set(name, whole + piece);
        appendFileSync(join(directory, 'in', name), piece);
        reading.clock.advance(1_000);
        seen.push(...reading.read(1 + random(40)));
      }
      splits = reading.snapshot();
    }
    const expected = [...texts.values()].flatMap((text) => text.split('\n').slice(0, -1));
    expect(seen.sort()).toEqual(expected.sort());
    expect(expected.length).toBeGreaterThan(100);
  });

  test.each([
    { what: 'truncated', change: (path: string) => truncateSync(path, 1), says: 'has 1 bytes' },
    { what: 'removed', change: (path: string) => rmSync(path), says: 'is gone' },
    {
      what: 'rotated',
      change: (path: string) => {
        renameSync(path, `${path}.1`);
        writeFileSync(path, 'longer than before\n');
      },
      says: 'was replaced by another one',
    },
  ])('G2 says when a file was $what', async ({ change, says }) => {
    const directory = directoryOf({ 'a.log': '1\n2\n' });
    const reading = await startReading({ directory, source });
    reading.read();
    change(join(directory, 'in/a.log'));
    const failed = { code: 'SOURCE_UNAVAILABLE', message: expect.stringContaining(says) };
    await expect(
      startReading({ directory, source, splits: reading.snapshot() }),
    ).rejects.toMatchObject(failed);
    reading.clock.advance(1_000);
    expect(() => reading.read()).toThrow(says);
  });
});

describe('splits that are buckets', () => {
  test('spread paths over all of them, the same way forever', () => {
    const buckets = Array.from({ length: 5_000 }, (_, i) => bucketOf(`data/${i}.txt`));
    expect(new Set(buckets).size).toBe(BUCKETS);
    // Positions in checkpoints depend on these.
    expect([bucketOf('a'), bucketOf('in/a.log'), bucketOf('é')]).toEqual([44, 106, 65]);
  });

  test.each([
    7,
    [['a']],
    [['a', -1, 0, true, 0]],
    [['a', 0, 0, 'yes', 0]],
    [[1, 0, 0, true, 0]],
  ])('refuse the position %j', async (position) => {
    const directory = directoryOf({});
    const splits = [{ id: 'files-0', spec: { bucket: 0 }, position: position as Json }];
    await expect(startReading({ directory, splits })).rejects.toMatchObject({
      code: 'CHECKPOINT_CORRUPT',
    });
  });

  test('are not cut', () => {
    const options = { path: 'x', splitBytes: '1MiB', follow: true };
    const checked = fileSource(options, { clock: new ManualClock() });
    expect(checked.ok ? [] : checked.findings).toEqual([
      { path: ['splitBytes'], message: 'files that are discovered or followed are not cut' },
    ]);
  });
});

function positions(splits: readonly Split[]): Json[] {
  return splits.flatMap(({ position }) => (position as Json[] | undefined) ?? []);
}

/** Whole numbers in [0, max), the same for a seed. */
function seeded(seed: number): (max: number) => number {
  let state = seed;
  return (max) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * max);
  };
}
