import {
  appendFileSync,
  mkdirSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createRowEncoder } from '../../host/abi/create-row-encoder.ts';
import type { ConnectorOptions } from '../../host/connectors/connector.ts';
import { fileSource } from '../../host/connectors/file/file-source.ts';
import type { Source, SourceContext } from '../../host/connectors/source.ts';
import { SPLITS_MAX } from '../../host/limits.ts';
import type { Json } from '../../host/model/json.ts';
import { LINE_SCHEMA, type RecordSchema } from '../../host/model/schema.ts';
import { sourceContract } from '../contracts/source.ts';
import { decodeBatch, encodeBatch } from '../kit/rows.ts';
import { openReading, type SourceSetup } from '../kit/source-reading.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const READING: RecordSchema = {
  name: 'Reading',
  fields: [
    { name: 'sensor', type: { kind: 'string' } },
    { name: 'value', type: { kind: 'f64' } },
    { name: 'note', type: { kind: 'optional', of: { kind: 'string' } } },
  ],
};

const READINGS = Array.from({ length: 60 }, (_, i) => ({
  sensor: `s${i % 7}`,
  value: i / 4,
  note: i % 3 === 0 ? null : `note "${i}", with commas\tand é`,
}));

function sourceOf(options: ConnectorOptions): Source {
  const checked = fileSource(options);
  if (!checked.ok) throw new Error(JSON.stringify(checked.findings));
  return checked.value;
}

/** A directory with these files, by path. */
function directoryOf(files: { readonly [path: string]: string | Uint8Array }): string {
  const directory = temporaryDirectory();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  return directory;
}

/** A source of lines over a directory. */
function lineSetup(
  baseDirectory: string,
  options: ConnectorOptions,
  onMalformed: SourceContext['onMalformed'] = 'fail',
): SourceSetup {
  return { source: sourceOf(options), schema: LINE_SCHEMA, baseDirectory, onMalformed };
}

async function textsOf(setup: SourceSetup): Promise<string[]> {
  const reading = await openReading(setup, await setup.source.splits(setup.baseDirectory));
  return texts(await reading.rest());
}

function texts(rows: readonly string[]): string[] {
  const bytes = new Uint8Array(Buffer.from(rows.join(''), 'latin1'));
  return decodeBatch(LINE_SCHEMA, { bytes, count: rows.length }).map(({ text }) => String(text));
}

const TEXT = Array.from({ length: 40 }, (_, i) => `line ${i} ${'é'.repeat(i % 11)}`);

sourceContract('file, lines in one range a file', async () => ({
  source: sourceOf({ path: ['a.txt', 'b.txt'] }),
  schema: LINE_SCHEMA,
  baseDirectory: directoryOf({ 'a.txt': `${TEXT.join('\n')}\n`, 'b.txt': 'without an end' }),
}));

sourceContract('file, lines in small ranges', async () => ({
  source: sourceOf({ path: '**/*.txt', splitBytes: 97 }),
  schema: LINE_SCHEMA,
  baseDirectory: directoryOf({
    'a.txt': `${TEXT.join('\r\n')}\r\n`,
    'deep/b.txt': `\n\n${TEXT.join('\n')}`,
    'deep/empty.txt': '',
    'long.txt': `${'x'.repeat(1000)}\n${'y'.repeat(1000)}\n\n`,
  }),
}));

sourceContract('file, raw', async () => ({
  source: sourceOf({ path: '*.log', format: 'raw', splitBytes: 50 }),
  schema: { name: 'Raw', fields: [{ name: 'bytes', type: { kind: 'bytes' } }] },
  baseDirectory: directoryOf({ 'a.log': `${TEXT.join('\n')}\n` }),
}));

for (const format of ['json', 'csv', 'rows'] as const) {
  sourceContract(`file, ${format}`, async () => {
    const encode = (from: number, to: number) => {
      const encoder = createRowEncoder(format, READING);
      const preamble = Buffer.from(encoder.preamble);
      const rows = encoder.encode(encodeBatch(READING, READINGS.slice(from, to)));
      return Buffer.concat([preamble, rows]);
    };
    const source = sourceOf({ path: 'data/*', format, splitBytes: 200 });
    const baseDirectory = directoryOf({ 'data/a': encode(0, 45), 'data/b': encode(45, 60) });
    return { source, schema: READING, baseDirectory };
  });
}

describe('file source', () => {
  test('reads every line once for every split size', async () => {
    const text = `a\n\nbb\r\n${'c'.repeat(20)}\n\n\nd`;
    const baseDirectory = directoryOf({ 'in.txt': text });
    const whole = ['a', '', 'bb', 'c'.repeat(20), '', '', 'd'];
    for (let splitBytes = 1; splitBytes <= text.length + 1; splitBytes++) {
      expect(await textsOf(lineSetup(baseDirectory, { path: 'in.txt', splitBytes }))).toEqual(
        whole,
      );
    }
  });

  test('reads lines longer than its buffer', async () => {
    const long = [1_000_000, 3, 2_000_000].map((length, i) => String(i).repeat(length));
    const baseDirectory = directoryOf({ 'in.txt': long.join('\n') });
    for (const splitBytes of ['16MiB', '1MiB', '64KiB']) {
      expect(await textsOf(lineSetup(baseDirectory, { path: 'in.txt', splitBytes }))).toEqual(long);
    }
  });

  test('names a split by path and start, so that a file that grew keeps the splits it had', async () => {
    const baseDirectory = directoryOf({ 'in.txt': 'one\ntwo\n' });
    const setup = lineSetup(baseDirectory, { path: 'in.txt', splitBytes: 6 });
    const before = await openReading(setup, await setup.source.splits(baseDirectory));
    expect(texts(await before.rest())).toEqual(['one', 'two']);
    appendFileSync(join(baseDirectory, 'in.txt'), 'three\nfour\n');
    const grown = await setup.source.splits(baseDirectory);
    expect(grown.map(({ id }) => id)).toEqual(['in.txt@0', 'in.txt@6', 'in.txt@12', 'in.txt@18']);
    // Whether the restart takes the splits of the checkpoint or the new ones with their positions: nothing is lost or repeated.
    const known = new Map(before.reader.snapshot().map((split) => [split.id, split]));
    for (const merged of [
      grown.map((split) => known.get(split.id) ?? split),
      grown.map((split) => ({ ...split, position: known.get(split.id)?.position })),
    ]) {
      expect(texts(await (await openReading(setup, merged)).rest())).toEqual(['three', 'four']);
    }
  });

  test('finds files by path, list and glob, each once, in order', async () => {
    const baseDirectory = directoryOf({
      'b.txt': '',
      'a.txt': '',
      'c.log': '',
      '.hidden.txt': '',
      'deep/d.txt': '',
      'deep/deeper/e.txt': '',
      'odd[1].txt': '',
    });
    const find = async (path: string | string[]) =>
      (await sourceOf({ path }).splits(baseDirectory)).map(({ id }) => id.replace('@0', ''));
    expect(await find('a.txt')).toEqual(['a.txt']);
    expect(await find('./a.txt')).toEqual(['a.txt']);
    expect(await find('*.txt')).toEqual(['a.txt', 'b.txt', 'odd[1].txt']);
    expect(await find(['b.txt', '*.txt', 'c.log'])).toEqual([
      'a.txt',
      'b.txt',
      'c.log',
      'odd[1].txt',
    ]);
    expect(await find('deep/**')).toEqual(['deep/d.txt', 'deep/deeper/e.txt']);
    expect(await find('**/{d,e}.txt')).toEqual(['deep/d.txt', 'deep/deeper/e.txt']);
    expect(await find('odd[1].txt')).toEqual(['odd[1].txt']);
    expect(await find('.*.txt')).toEqual(['.hidden.txt']);
    expect(await find(join(baseDirectory, '?.log'))).toEqual([join(baseDirectory, 'c.log')]);
    const inner = (await sourceOf({ path: '../*.log' }).splits(join(baseDirectory, 'deep'))).map(
      ({ id }) => id,
    );
    expect(inner).toEqual(['../c.log@0']);
  });

  test('matches globs below a base directory whose name looks like one', async () => {
    const baseDirectory = join(directoryOf({ '{a}[b]/in.txt': 'text' }), '{a}[b]');
    expect(await textsOf(lineSetup(baseDirectory, { path: '*.txt' }))).toEqual(['text']);
  });

  test('follows symbolic links, and ends in spite of a circle of them', async () => {
    const baseDirectory = directoryOf({ 'real/a.txt': 'a' });
    symlinkSync('..', join(baseDirectory, 'real/circle'));
    symlinkSync(join(baseDirectory, 'real/a.txt'), join(baseDirectory, 'linked.txt'));
    const splits = await sourceOf({ path: '**/*.txt' }).splits(baseDirectory);
    expect(splits.map(({ id }) => id)).toEqual(['linked.txt@0', 'real/a.txt@0']);
  });

  test('says which absolute path is missing and where relative ones start', async () => {
    const baseDirectory = directoryOf({ 'data/a.txt': '' });
    const unavailable = async (path: string) => {
      const error = await sourceOf({ path })
        .splits(baseDirectory)
        .catch((thrown) => thrown);
      expect(error.code).toBe('SOURCE_UNAVAILABLE');
      return `${error.message}; ${error.hint}`;
    };
    expect(await unavailable('gone.txt')).toBe(
      `there is no file "${join(baseDirectory, 'gone.txt')}"; relative paths start at "${baseDirectory}"`,
    );
    expect(await unavailable('gone/*.txt')).toContain(`no file matches "${baseDirectory}/gone/*`);
    expect(await unavailable('data')).toContain(`"${baseDirectory}/data/*" reads the files in it`);
    expect(await unavailable('/dev/null')).toContain('is not a regular file');
  });

  test('refuses more splits than a checkpoint can hold', async () => {
    const baseDirectory = directoryOf({ 'in.txt': 'x'.repeat(SPLITS_MAX + 1) });
    await expect(
      sourceOf({ path: '*', splitBytes: 1 }).splits(baseDirectory),
    ).rejects.toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      message: `1 files make ${SPLITS_MAX + 1} splits, limit ${SPLITS_MAX}`,
    });
  });

  test('fails when a file was truncated below its position', async () => {
    const baseDirectory = directoryOf({ 'in.txt': 'one\ntwo\nthree\n' });
    const setup = lineSetup(baseDirectory, { path: 'in.txt' });
    const reading = await openReading(setup, await setup.source.splits(baseDirectory));
    await reading.poll(1);
    await reading.poll(1);
    truncateSync(join(baseDirectory, 'in.txt'), 4);
    const again = await openReading(setup, reading.reader.snapshot());
    await expect(again.poll()).rejects.toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      message: expect.stringContaining('has 4 bytes, but was read up to offset 8 before'),
    });
  });

  test('fails when a file has gone, but not when its range was read before', async () => {
    const baseDirectory = directoryOf({ 'in.txt': 'one\ntwo\n' });
    const setup = lineSetup(baseDirectory, { path: 'in.txt', splitBytes: 4 });
    const splits = await setup.source.splits(baseDirectory);
    const reading = await openReading(setup, splits);
    await reading.rest();
    unlinkSync(join(baseDirectory, 'in.txt'));
    const again = await openReading(setup, reading.reader.snapshot());
    expect(await again.rest()).toEqual([]);
    await expect((await openReading(setup, splits)).poll()).rejects.toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      message: expect.stringContaining(join(baseDirectory, 'in.txt')),
    });
  });

  describe('with malformed records', () => {
    const LINES = ['{"sensor":"a","value":1}', '{"sensor":', '{"sensor":"b","value":2}', 'x\x07y'];
    const create = (onMalformed: SourceContext['onMalformed']): SourceSetup => ({
      source: sourceOf({ path: 'in.json', format: 'json' }),
      schema: READING,
      baseDirectory: directoryOf({ 'in.json': `${LINES.join('\n')}\n` }),
      onMalformed,
    });

    test('names file, offset and line under "fail"', async () => {
      const setup = create('fail');
      const reading = await openReading(setup, await setup.source.splits(setup.baseDirectory));
      await expect(reading.rest()).rejects.toMatchObject({
        code: 'RECORD_MALFORMED',
        message: expect.stringMatching(/^source "in", file "in.json", offset 25 \(line 2\): ./),
        details: ['the record begins with: {"sensor":'],
      });
    });

    test.each([
      'skip',
      'deadLetter',
    ] as const)('passes them to the task under "%s"', async (policy) => {
      const setup = create(policy);
      const reading = await openReading(setup, await setup.source.splits(setup.baseDirectory));
      expect(await reading.rest()).toHaveLength(2);
      expect(
        reading.malformed.map(({ split, offset, excerpt }) => [split, offset, excerpt]),
      ).toEqual([
        ['in.json@0', 25, '{"sensor":'],
        ['in.json@0', 61, 'x\\x07y'],
      ]);
    });
  });

  test('refuses unknown keys and wrong values, each with its path', () => {
    const checked = fileSource({
      path: ['', 3],
      fromat: 'json',
      format: 'xml',
      splitBytes: '5 MB',
    });
    const findings = checked.ok ? [] : checked.findings;
    expect(findings.map((finding) => finding.path[0]).sort()).toEqual([
      'format',
      'fromat',
      'path',
      'splitBytes',
    ]);
    expect(fileSource({})).toEqual({
      ok: false,
      findings: [{ path: ['path'], message: 'missing, expected a path or a list of paths' }],
    });
    expect(fileSource({ path: 'a', splitBytes: 0 })).toMatchObject({ ok: false });
  });

  test('refuses a split that no file source made', async () => {
    const setup = lineSetup('/', { path: 'a' });
    const specs: Json[] = [null, { path: 'a' }, { path: 'a', start: -1, end: null, bytes: 0 }];
    for (const spec of specs) {
      const split = { id: 'a@0', spec, position: undefined };
      await expect(openReading(setup, [split])).rejects.toMatchObject({
        code: 'CHECKPOINT_CORRUPT',
      });
    }
  });
});
