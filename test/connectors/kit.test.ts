import { describe, expect, test } from 'vitest';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { sinkContract } from '../contracts/sink.ts';
import { sourceContract } from '../contracts/source.ts';
import { createCollectSink } from '../kit/collect-sink.ts';
import { encodeBatch } from '../kit/rows.ts';
import { openReading, readAll, type SourceSetup } from '../kit/source-reading.ts';
import { ABORT, createTestSource, EOF, PAUSE, type TestInput } from '../kit/test-source.ts';

const texts = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ text: `record ${from + i}` }));

function lineSource(...splits: readonly (readonly TestInput[])[]) {
  const source = createTestSource({ schema: LINE_SCHEMA, splits, recordsPerPoll: 3 });
  const setup: SourceSetup = { source: source.source, schema: LINE_SCHEMA, baseDirectory: '/' };
  return { source, setup, splits: () => source.source.splits('/') };
}

sourceContract('TestSource', async () => lineSource(texts(0, 20), [], texts(20, 33)).setup);

sinkContract('CollectSink', async () => {
  const collect = createCollectSink();
  return {
    start: () => collect.sink,
    baseDirectory: '/',
    visible: async () => collect.committed.map((record) => String(record.text)),
    deliver() {},
    leftovers: async () => collect.pending,
  };
});

describe('TestSource', () => {
  test('fails at an ABORT once, after what stands before it was handed over', async () => {
    const { source, setup, splits } = lineSource([{ text: 'a' }, ABORT, { text: 'b' }]);
    const reading = await openReading(setup, await splits());
    expect((await reading.poll()).rows).toHaveLength(1);
    const snapshot = reading.reader.snapshot();
    await expect(reading.poll()).rejects.toMatchObject({ code: 'TASK_FAILED' });
    expect(source.aborts).toBe(1);
    expect(await (await openReading(setup, snapshot)).rest()).toHaveLength(1);
    expect(await readAll(setup)).toHaveLength(2);
  });

  test('stands still at a PAUSE until it is resumed', async () => {
    const { source, setup, splits } = lineSource([{ text: 'a' }, PAUSE, { text: 'b' }]);
    const reading = await openReading(setup, await splits());
    await reading.poll();
    expect((await reading.poll()).result).toBe('idle');
    await source.paused();
    source.resume();
    expect(await reading.rest()).toHaveLength(1);
  });

  test('ends at an EOF, and goes on behind it from the snapshot', async () => {
    const { setup, splits } = lineSource([{ text: 'a' }, EOF, { text: 'b' }, { text: 'c' }]);
    const reading = await openReading(setup, await splits());
    expect(await reading.rest()).toHaveLength(1);
    const again = await openReading(setup, reading.reader.snapshot());
    expect(await again.rest()).toHaveLength(2);
  });
});

describe('CollectSink', () => {
  const context = {
    schema: LINE_SCHEMA,
    id: 'out',
    job: 'job',
    attempt: 1,
    task: 0,
    parallelism: 1,
    baseDirectory: '/',
    deliver() {},
  };

  test('fails the calls it is told to, and loses nothing by it', async () => {
    const collect = createCollectSink();
    const writer = await collect.sink.open({ ...context, wake() {} });
    writer.write(encodeBatch(LINE_SCHEMA, [{ text: 'a' }]));
    collect.fail('preCommit');
    await expect(writer.preCommit(1)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    const transaction = await writer.preCommit(2);
    collect.fail('commit');
    await expect(writer.commit(transaction)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await writer.commit(transaction);
    await collect.until((records) => records.length === 1);
    expect(collect.committed).toEqual([{ text: 'a' }]);
    expect(collect.written).toBe(1);
  });

  test('holds its writers back while it is blocked', async () => {
    const collect = createCollectSink();
    let wakes = 0;
    const writer = await collect.sink.open({ ...context, wake: () => void wakes++ });
    collect.block();
    expect(writer.full).toBe(true);
    collect.unblock();
    expect(writer.full).toBe(false);
    expect(wakes).toBe(1);
  });
});
