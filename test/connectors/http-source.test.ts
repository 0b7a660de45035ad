import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { httpConnector } from '../../host/connectors/http/http-connector.ts';
import { partitionDirectory } from '../../host/connectors/http/log-directory.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { sourceContract } from '../contracts/source.ts';
import { appendLines, httpSource, openPartition } from '../kit/http-source-logs.ts';
import { openReading } from '../kit/source-reading.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const source = httpSource();

function setupOf(directory: string, id = 'job-1') {
  return { source, schema: LINE_SCHEMA, baseDirectory: directory, job: { id, directory } };
}

function textsOf(rows: readonly string[]): readonly string[] {
  return rows.map((row) => row.slice(24).replaceAll('\0', ''));
}

sourceContract('http', async () => {
  const directory = temporaryDirectory();
  const partitions = 3;
  for (let partition = 0; partition < partitions; partition++) {
    const log = await openPartition(directory, partition);
    for (let request = 0; request < 6; request++) {
      const lines = Array.from(
        { length: 1 + request * 2 },
        (_, i) => `${partition} ${request} ${i}`,
      );
      await appendLines(log, lines);
    }
    await log.finish();
    await log.close();
  }
  return {
    source: httpSource({ partitions }),
    schema: LINE_SCHEMA,
    baseDirectory: directory,
    job: { id: 'job-1', directory },
  };
});

test('hands over records as they become durable, and ends when the input is ended', async () => {
  const directory = temporaryDirectory();
  const log = await openPartition(directory, 0);
  const setup = setupOf(directory);
  const reading = await openReading(setup, await source.splits(''));
  expect(await reading.poll()).toMatchObject({ result: 'idle' });
  for (const text of ['a', 'b', 'c']) {
    await appendLines(log, [text]);
    const { rows } = await reading.poll();
    expect(textsOf(rows)).toEqual([text]);
    expect(reading.reader.lagBytes?.()).toBe(0);
    await reading.poll();
    expect(await log.readPosition()).toBe(log.end);
  }
  await log.finish();
  expect(await reading.poll()).toEqual({ result: 'end', rows: [] });
  await reading.reader.close();
  await log.close();
});

test('does not hand over what is written and not yet durable', async () => {
  const directory = temporaryDirectory();
  const log = await openPartition(directory, 0);
  await appendLines(log, ['a']);
  const folder = partitionDirectory(directory, 'in', 0);
  const durable = readFileSync(join(folder, 'durable'));
  await appendLines(log, ['b']);
  writeFileSync(join(folder, 'durable'), durable);
  const reading = await openReading(setupOf(directory), await source.splits(''));
  expect(textsOf((await reading.poll()).rows)).toEqual(['a']);
  await reading.reader.close();
  await log.close();
});

test('the log of another job, from which a savepoint came, is not confused with this one', async () => {
  const directory = temporaryDirectory();
  const log = await openPartition(directory, 0);
  await appendLines(log, ['a', 'b']);
  const reading = await openReading(setupOf(directory), await source.splits(''));
  await reading.poll();
  const splits = reading.reader.snapshot();
  await reading.reader.close();
  const same = await openReading(setupOf(directory), splits);
  expect((await same.poll()).rows).toEqual([]);
  const other = await openReading(setupOf(directory, 'job-2'), splits);
  expect(textsOf((await other.poll()).rows)).toEqual(['a', 'b']);
  await same.reader.close();
  await other.reader.close();
  await log.close();
});

test('waits for a position that the log does not show yet, as after a crash of the machine', async () => {
  const directory = temporaryDirectory();
  const log = await openPartition(directory, 0);
  await appendLines(log, ['a']);
  const splits = [
    {
      id: 'partition-0',
      spec: { partition: 0 },
      position: { job: 'job-1', at: log.end, taken: 0 },
    },
  ];
  const folder = partitionDirectory(directory, 'in', 0);
  const durable = readFileSync(join(folder, 'durable'));
  rmSync(join(folder, 'durable'));
  const reading = await openReading(setupOf(directory), splits);
  expect(await reading.poll()).toEqual({ result: 'idle', rows: [] });
  writeFileSync(join(folder, 'durable'), durable);
  await appendLines(log, ['b']);
  await reading.reader.close();
  await log.close();
});

test('damage in the log, and a log that begins too late, are told', async () => {
  const directory = temporaryDirectory();
  const log = await openPartition(directory, 0);
  for (let i = 0; i < 40; i++) await appendLines(log, [`record ${i} of a log with several files`]);
  await log.close();
  const folder = partitionDirectory(directory, 'in', 0);
  const [first] = readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .sort();
  const bytes = readFileSync(join(folder, first));
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(join(folder, first), bytes);
  const damaged = await openReading(setupOf(directory), await source.splits(''));
  await expect(damaged.poll()).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
  rmSync(join(folder, first));
  const late = await openReading(setupOf(directory), await source.splits(''));
  await expect(late.poll()).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
  await damaged.reader.close();
  await late.reader.close();
});

test('without a server it says what to do', async () => {
  const setup = setupOf(temporaryDirectory());
  await expect(openReading(setup, await source.splits(''))).rejects.toMatchObject({
    code: 'SOURCE_UNAVAILABLE',
    hint: expect.stringContaining('millrace jobs submit'),
  });
});

test.each([
  [{ format: 'csv' }, 'format'],
  [{ partitions: 0 }, 'partitions'],
  [{ partitions: 65 }, 'partitions'],
  [{ aheadMax: '1KiB' }, 'aheadMax'],
  [{ aheadMax: '65GiB' }, 'aheadMax'],
  [{ port: 80 }, 'port'],
])('refuses the options %j', (options, path) => {
  expect(httpConnector.source?.(options as never)).toMatchObject({
    ok: false,
    findings: [{ path: [path] }],
  });
});

test.each([
  [{ partition: -1 }, undefined],
  [null, undefined],
  [{ partition: 0 }, { job: 'job-1', at: -1, taken: 0 }],
  [{ partition: 0 }, { job: 'job-1', at: 0 }],
  [{ partition: 0 }, 'x'],
])('refuses a split %j at %j', async (spec, position) => {
  const directory = temporaryDirectory();
  await (await openPartition(directory, 0)).close();
  const split = { id: 'partition-0', spec, position };
  await expect(openReading(setupOf(directory), [split])).rejects.toMatchObject({
    code: 'CHECKPOINT_CORRUPT',
  });
});
