import { PassThrough, Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import type { Connector, ConnectorOptions } from '../../host/connectors/connector.ts';
import type { SinkContext } from '../../host/connectors/sink.ts';
import type { SourceContext } from '../../host/connectors/source.ts';
import {
  createStdinConnector,
  stdinConnector,
} from '../../host/connectors/stdin/stdin-connector.ts';
import {
  createStdoutConnector,
  stdoutConnector,
} from '../../host/connectors/stdout/stdout-connector.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { decodeBatch, encodeBatch } from '../kit/rows.ts';
import { openReading } from '../kit/source-reading.ts';

function setupOf(connector: Connector, options: ConnectorOptions = {}) {
  const checked = connector.source!(options);
  if (!checked.ok) throw new Error(JSON.stringify(checked.findings));
  return { source: checked.value, schema: LINE_SCHEMA, baseDirectory: '/' };
}

function texts(rows: readonly string[]): string[] {
  const bytes = new Uint8Array(Buffer.from(rows.join(''), 'latin1'));
  return decodeBatch(LINE_SCHEMA, { bytes, count: rows.length }).map(({ text }) => String(text));
}

describe('stdin connector', () => {
  test('reads lines as they come, sleeps in between, and ends with the stream', async () => {
    const input = new PassThrough();
    const setup = setupOf(createStdinConnector(() => input));
    const reading = await openReading(setup, await setup.source.splits('/'));
    expect(await reading.poll()).toEqual({ result: 'idle', rows: [] });
    input.write('one\ntw');
    const polled = await reading.poll();
    expect([polled.result, texts(polled.rows)]).toEqual(['idle', ['one']]);
    expect(reading.reader.snapshot()[0].position).toBe(4);
    input.end('o\nthree');
    expect(texts(await reading.rest())).toEqual(['two', 'three']);
    expect(reading.reader.snapshot()[0].position).toBe(13);
    await reading.reader.close();
  });

  test('reads chunks larger than its buffer', async () => {
    const input = new PassThrough({ highWaterMark: 8 << 20 });
    const lines = Array.from({ length: 300_000 }, (_, i) => `line ${i}`);
    input.end(lines.join('\n'));
    const setup = setupOf(createStdinConnector(() => input));
    const reading = await openReading(setup, await setup.source.splits('/'));
    expect(texts(await reading.rest())).toEqual(lines);
    await reading.reader.close();
  });

  test('is read by one task; the others end at once', async () => {
    const setup = setupOf(createStdinConnector(() => new PassThrough()));
    expect(await setup.source.splits('/')).toHaveLength(1);
    const reading = await openReading(setup, [], 1);
    expect(await reading.poll()).toEqual({ result: 'end', rows: [] });
    await reading.reader.close();
  });

  test('goes on with what the stream has after a restart', async () => {
    const input = new PassThrough();
    const setup = setupOf(createStdinConnector(() => input));
    const reading = await openReading(setup, await setup.source.splits('/'));
    input.write('one\n');
    expect(await reading.poll()).toMatchObject({ rows: [expect.anything()] });
    await reading.reader.close();
    input.end('two\n');
    const again = await openReading(setup, reading.reader.snapshot());
    expect(texts(await again.rest())).toEqual(['two']);
    expect(again.reader.snapshot()[0].position).toBe(8);
    await again.reader.close();
    const ended = await openReading(setup, again.reader.snapshot());
    expect(await ended.rest()).toEqual([]);
    await ended.reader.close();
  });

  test('says so when the stream breaks', async () => {
    const input = new PassThrough();
    const setup = setupOf(createStdinConnector(() => input));
    const reading = await openReading(setup, await setup.source.splits('/'));
    expect((await reading.poll()).result).toBe('idle');
    input.destroy(new Error('gone'));
    await expect(reading.poll()).rejects.toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      message: 'standard input cannot be read: gone',
    });
    await reading.reader.close();
  });

  test('names the offset of a malformed record', async () => {
    const input = new PassThrough();
    input.end('{"text":"a"}\n{\n');
    const setup = setupOf(
      createStdinConnector(() => input),
      { format: 'json' },
    );
    const reading = await openReading(setup, await setup.source.splits('/'));
    await expect(reading.rest()).rejects.toMatchObject({
      code: 'RECORD_MALFORMED',
      message: expect.stringContaining('source "in", standard input, offset 13: '),
    });
    await reading.reader.close();
  });

  test('refuses formats that are no text', () => {
    expect(stdinConnector.source!({ format: 'rows' })).toMatchObject({
      ok: false,
      findings: [{ path: ['format'] }],
    });
  });
});

/** A standard output whose reader takes its time. */
function slowOutput(highWaterMark = 16) {
  const chunks: string[] = [];
  const waiting: (() => void)[] = [];
  const stream = new Writable({
    highWaterMark,
    write(chunk, _encoding, done) {
      waiting.push(() => {
        chunks.push(String(chunk));
        done();
      });
    },
  });
  return {
    stream,
    text: () => chunks.join(''),
    /** Takes the oldest chunk; waits for the stream to pass on what that frees. */
    async take() {
      waiting.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

async function openWriter(stream: Writable, options: ConnectorOptions, more: Partial<SinkContext>) {
  const checked = createStdoutConnector(() => stream).sink!(options);
  if (!checked.ok) throw new Error(JSON.stringify(checked.findings));
  expect(checked.value.guarantee).toBe('at-least-once');
  return checked.value.open({
    schema: LINE_SCHEMA,
    id: 'out',
    job: 'job',
    attempt: 1,
    task: 0,
    parallelism: 1,
    baseDirectory: '/',
    wake() {},
    deliver() {},
    ...more,
  });
}

describe('stdout connector', () => {
  test('writes at once, and holds the task back while the reader is slow', async () => {
    const output = slowOutput();
    let wakes = 0;
    const writer = await openWriter(output.stream, {}, { wake: () => void wakes++ });
    writer.write(encodeBatch(LINE_SCHEMA, [{ text: 'a' }]));
    expect(writer.full).toBe(false);
    writer.write(encodeBatch(LINE_SCHEMA, [{ text: 'b' }]));
    expect(writer.full).toBe(true);
    await output.take();
    await output.take();
    expect(writer.full).toBe(false);
    expect(wakes).toBe(1);
    expect(output.text()).toBe('{"text":"a"}\n{"text":"b"}\n');
    await writer.close();
    expect(output.stream.listenerCount('drain')).toBe(0);
  });

  test('O2 completes a checkpoint only when its output is out', async () => {
    const output = slowOutput(1 << 20);
    const writer = await openWriter(output.stream, {}, {});
    writer.write(encodeBatch(LINE_SCHEMA, [{ text: 'a' }]));
    let done = false;
    const preCommit = writer.preCommit(1).then((transaction) => {
      done = true;
      return transaction;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    await output.take();
    expect(await preCommit).toBeNull();
    await writer.commit(null);
    await writer.close();
  });

  test('O3 answers SINK_UNAVAILABLE when the reader has gone', async () => {
    const stream = new Writable({
      highWaterMark: 1,
      write(_chunk, _encoding, done) {
        setImmediate(() => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })));
      },
    });
    const woken = Promise.withResolvers<void>();
    const writer = await openWriter(stream, {}, { wake: woken.resolve });
    writer.write(encodeBatch(LINE_SCHEMA, [{ text: 'a' }]));
    expect(writer.full).toBe(true);
    await woken.promise;
    expect(writer.full).toBe(false);
    expect(() => writer.write(encodeBatch(LINE_SCHEMA, [{ text: 'b' }]))).toThrow(
      'sink "out": the reader of standard output has gone',
    );
    await expect(writer.preCommit(1)).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
    await writer.close();
  });

  test('writes the header of a csv once for all tasks', async () => {
    const output = slowOutput(1 << 20);
    for (const task of [0, 1]) {
      const writer = await openWriter(output.stream, { format: 'csv' }, { task });
      writer.write(encodeBatch(LINE_SCHEMA, [{ text: `of ${task}` }]));
      const closed = writer.close();
      await output.take();
      await output.take();
      await closed;
    }
    expect(output.text().split(/\r?\n/)).toEqual(['text', 'of 0', 'of 1', '']);
  });

  test('refuses formats that are no text', () => {
    expect(stdoutConnector.sink!({ format: 'rows', color: true })).toMatchObject({
      ok: false,
      findings: [{ path: ['format'] }, { path: ['color'] }],
    });
  });
});

/** A task's view of a stdin reader, without the kit: nothing wakes it after it is closed. */
test('a closed stdin reader wakes nobody', async () => {
  const input = new PassThrough();
  const { source } = setupOf(createStdinConnector(() => input));
  let wakes = 0;
  const context: SourceContext = {
    schema: LINE_SCHEMA,
    id: 'in',
    task: 0,
    parallelism: 1,
    onMalformed: 'fail',
    malformed() {},
    baseDirectory: '/',
    wake: () => void wakes++,
  };
  const reader = await source.open(await source.splits('/'), context);
  reader.poll(new BatchBuilder(), 100);
  await reader.close();
  input.write('late\n');
  await new Promise((resolve) => setImmediate(resolve));
  expect(wakes).toBe(0);
});
