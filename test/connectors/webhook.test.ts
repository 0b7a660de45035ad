import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../host/clock.ts';
import type { ConnectorOptions } from '../../host/connectors/connector.ts';
import { sinkFiles } from '../../host/connectors/file/sink-files.ts';
import type { Sink, SinkContext, SinkWriter } from '../../host/connectors/sink.ts';
import { postOverHttp, readRetryAfter } from '../../host/connectors/webhook/post.ts';
import { type WebhookParts, webhookSink } from '../../host/connectors/webhook/webhook-sink.ts';
import type { Json } from '../../host/model/json.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { type SinkPlace, sinkContract } from '../contracts/sink.ts';
import { freePort } from '../kit/free-port.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { encodeBatch } from '../kit/rows.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { until } from '../kit/until.ts';
import { type ReceiverFault, startWebhookReceiver } from '../kit/webhook-receiver.ts';

const realParts: WebhookParts = {
  files: sinkFiles,
  clock: systemClock,
  post: postOverHttp,
  random: () => 0,
};

function sinkOf(options: ConnectorOptions, parts = realParts): Sink {
  const checked = webhookSink(options, parts);
  if (!checked.ok) throw new Error(JSON.stringify(checked.findings));
  return checked.value;
}

async function receiver() {
  const started = await startWebhookReceiver();
  onTestFinished(() => started.stop());
  return started;
}

const lines = (...texts: readonly string[]) =>
  encodeBatch(
    LINE_SCHEMA,
    texts.map((text) => ({ text })),
  );

/** Files of the spool that hold bytes, or wait for their checkpoint. */
function waitingIn(baseDirectory: string): string[] {
  const spool = join(baseDirectory, 'webhook-spool');
  return readdirSync(spool, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => statSync(path).size > 0 || path.includes('/.'));
}

async function placeOf(options: ConnectorOptions, faults: readonly ReceiverFault[] = []) {
  const server = await receiver();
  const baseDirectory = temporaryDirectory();
  let posts = 0;
  const parts: WebhookParts = {
    ...realParts,
    // Pauses are over at once.
    clock: { ...systemClock, after: (_delayMs, callback) => systemClock.after(0, callback) },
    post: (request) => {
      posts += 1;
      if (faults.length > 0 && posts % 2 === 1) server.inject(faults[(posts >> 1) % faults.length]);
      return postOverHttp(request);
    },
  };
  const place: SinkPlace = {
    start: () => sinkOf({ url: server.url, ...options }, parts),
    baseDirectory,
    visible: async () => server.texts(),
    deliver() {},
    leftovers: async () => waitingIn(baseDirectory).length,
  };
  return place;
}

sinkContract('webhook', () => placeOf({}));
sinkContract('webhook, a request a batch', () => placeOf({ batchBytes: 1 }));
sinkContract('webhook, while every request fails once', () =>
  placeOf({}, [
    { kind: 'reset', effect: true },
    { kind: 'status', status: 503 },
    { kind: 'reset', effect: false },
    { kind: 'status', status: 429 },
    { kind: 'status', status: 409 },
  ]),
);

async function openWriter(
  options: ConnectorOptions,
  more: Partial<SinkContext> & { readonly parts?: WebhookParts } = {},
) {
  const { parts, ...rest } = more;
  const context: SinkContext = {
    schema: LINE_SCHEMA,
    id: 'out',
    job: 'job',
    attempt: 1,
    task: 0,
    parallelism: 1,
    baseDirectory: temporaryDirectory(),
    wake() {},
    deliver() {},
    ...rest,
  };
  const sink = sinkOf(options, parts);
  await sink.recover(context, []);
  const writer = await sink.open(context);
  onTestFinished(() => writer.close());
  return { sink, writer, context };
}

async function commitNext(writer: SinkWriter, checkpoint: number): Promise<Json> {
  const transaction = await writer.preCommit(checkpoint);
  await writer.commit(transaction);
  return transaction;
}

describe('webhook sink', () => {
  test('posts lines of JSON with a key of job, sink, task, checkpoint and part', async () => {
    const server = await receiver();
    const baseDirectory = temporaryDirectory();
    writeFileSync(join(baseDirectory, 'token'), 'abc\n');
    const options = {
      url: server.url,
      headers: { 'X-Team': 'a' },
      tokenFile: 'token',
      batchBytes: 1,
    };
    const { writer } = await openWriter(options, { baseDirectory, job: 'a job', task: 3 });
    writer.write(lines('a', 'b'));
    writer.write(lines('c'));
    await commitNext(writer, 7);
    const [first, second] = [...server.taken];
    expect(first[0]).toMatch(/^a%20job\/part-out-3-7\/[0-9a-f-]{36}$/);
    expect(first[1]).toBe('{"text":"a"}\n{"text":"b"}\n');
    expect(second[0]).toBe(first[0].replace('out-3-7', 'out-3-7.2'));
    expect(server.requests[0].headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      'x-team': 'a',
      authorization: 'Bearer abc',
    });
  });

  test('gives two jobs of one name different keys', async () => {
    const server = await receiver();
    const baseDirectory = temporaryDirectory();
    for (const text of ['first', 'second']) {
      const { writer } = await openWriter({ url: server.url }, { baseDirectory });
      writer.write(lines(text));
      await commitNext(writer, 1);
    }
    expect(server.texts()).toEqual(['first', 'second']);
  });

  test('claims exactly-once only where the receiver is said to honour keys', () => {
    const url = 'https://host/path';
    expect(sinkOf({ url }).guarantee).toBe('at-least-once');
    expect(sinkOf({ url, idempotent: true }).guarantee).toBe('exactly-once');
  });

  test('H2 holds the task back while the receiver is away, tries with growing pauses, and goes on', async () => {
    const server = await receiver();
    const clock = new ManualClock();
    let wakes = 0;
    const parts = { ...realParts, clock, random: () => 1 };
    const { writer } = await openWriter({ url: server.url }, { parts, wake: () => void wakes++ });
    server.status = 503;
    writer.write(lines('a'));
    expect(writer.full).toBe(false);
    const committed = commitNext(writer, 1);
    const pauses: number[] = [];
    for (let i = 0; i < 10; i++) {
      const [pauseMs] = await until('a pause', () => clock.waiting.length > 0 && clock.waiting);
      expect(writer.full).toBe(true);
      pauses.push(pauseMs);
      if (i === 9) server.status = 200;
      clock.advance(pauseMs);
    }
    await committed;
    expect(pauses).toEqual([200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
    expect(writer.full).toBe(false);
    expect(wakes).toBe(1);
    expect(server.texts()).toEqual(['a']);
    expect(new Set(server.requests.map(({ key }) => key)).size).toBe(1);
  });

  test('waits as long as the receiver asks for, within reason', async () => {
    const server = await receiver();
    const clock = new ManualClock();
    const { writer } = await openWriter({ url: server.url }, { parts: { ...realParts, clock } });
    const busy = { kind: 'status', status: 429 } as const;
    server.inject({ ...busy, retryAfter: '7' }, { ...busy, retryAfter: '999999' });
    writer.write(lines('a'));
    const committed = commitNext(writer, 1);
    for (const pauseMs of [7_000, 300_000]) {
      expect(await until('a pause', () => clock.waiting.length > 0 && clock.waiting)).toEqual([
        pauseMs,
      ]);
      clock.advance(pauseMs);
    }
    await committed;
    expect(readRetryAfter('Thu, 01 Jan 1970 00:00:09 GMT', 4_000)).toBe(5_000);
    expect(readRetryAfter('soon', 0)).toBeUndefined();
  });

  test.each([
    { status: 400, hint: 'for good' },
    { status: 403, hint: 'tokenFile' },
    { status: 413, hint: 'batchBytes' },
    { status: 302, hint: 'redirects' },
  ])('D2 stops at status $status and keeps the body for the next start', async ({
    status,
    hint,
  }) => {
    const server = await receiver();
    const { writer, sink, context } = await openWriter({ url: server.url });
    writer.write(lines('a'));
    const transaction = await writer.preCommit(1);
    server.inject({ kind: 'status', status });
    await expect(writer.commit(transaction)).rejects.toMatchObject({
      code: 'SINK_UNAVAILABLE',
      message: `sink "out": ${new URL(server.url).origin} answers with status ${status}, saying "no, thanks"`,
      hint: expect.stringContaining(hint),
    });
    expect(server.requests).toHaveLength(1);
    await writer.close();
    await sink.recover({ ...context, attempt: 2 }, [transaction]);
    expect(server.texts()).toEqual(['a']);
  });

  test('gives up a receiver that says nothing, and sends again with the same key', async () => {
    const server = await receiver();
    const { writer } = await openWriter({ url: server.url, timeout: '50ms' });
    server.inject({ kind: 'silent' });
    writer.write(lines('a'));
    await commitNext(writer, 1);
    expect(server.requests).toHaveLength(2);
    expect(server.texts()).toEqual(['a']);
  });

  test('a start waits for the receiver for a while and then says so, without the secrets of the URL', async () => {
    const server = await receiver();
    const { writer, context } = await openWriter({ url: server.url });
    writer.write(lines('a'));
    const transaction = await writer.preCommit(1);
    await writer.close();
    const clock = {
      nowMs: 0,
      after(delayMs: number, callback: () => void) {
        this.nowMs += delayMs;
        return systemClock.after(0, callback);
      },
    };
    const parts: WebhookParts = {
      ...realParts,
      clock: { ...systemClock, monotonicMs: () => clock.nowMs, after: clock.after.bind(clock) },
    };
    const url = `http://127.0.0.1:${await freePort()}/?secret=1`;
    const recovered = sinkOf({ url }, parts).recover(context, [transaction]);
    await expect(recovered).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: `sink "out" gets no answer from ${new URL(url).origin}: ECONNREFUSED`,
    });
    expect(clock.nowMs).toBeGreaterThan(5_000);
    await sinkOf({ url: server.url }).recover(context, [transaction]);
    expect(server.texts()).toEqual(['a']);
  });

  test('a task that closes gives its delivery up, and the next start sends it', async () => {
    const server = await receiver();
    const { writer, sink, context } = await openWriter({ url: server.url });
    server.inject({ kind: 'silent' });
    writer.write(lines('a'));
    const transaction = await writer.preCommit(1);
    const committed = writer.commit(transaction);
    const refused = expect(committed).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await until('a request', () => server.requests.length === 1);
    await writer.close();
    await refused;
    await sink.recover({ ...context, attempt: 2 }, [transaction]);
    expect(server.texts()).toEqual(['a']);
  });

  test('Q1 tells a body that was sent from one that somebody removed, and keeps no others', async () => {
    const server = await receiver();
    const { writer, sink, context } = await openWriter({ url: server.url });
    const spool = join(context.baseDirectory, 'webhook-spool/job-job/sink-out');
    for (const checkpoint of [1, 2, 3]) {
      writer.write(lines(`${checkpoint}`));
      await commitNext(writer, checkpoint);
    }
    expect(readdirSync(spool)).toEqual(['part-out-0-3.json']);
    expect(readFileSync(join(spool, 'part-out-0-3.json'))).toHaveLength(0);
    writer.write(lines('4'));
    const transaction = await writer.preCommit(4);
    await writer.close();
    rmSync(spool, { recursive: true });
    await expect(sink.recover(context, [transaction])).rejects.toMatchObject({
      code: 'SINK_UNAVAILABLE',
      message: expect.stringContaining('has lost'),
    });
    expect(server.texts()).toEqual(['1', '2', '3']);
  });

  test.each([
    7,
    { run: 'x' },
    { run: '../x', file: null },
    { run: 'x', file: { parts: [1] } },
  ])('refuses the transaction %j', async (transaction) => {
    const { sink, context } = await openWriter({ url: 'http://127.0.0.1:9/' });
    await expect(sink.recover(context, [transaction as Json])).rejects.toMatchObject({
      code: 'CHECKPOINT_CORRUPT',
    });
  });

  test('refuses options, each with its path', () => {
    const options = {
      url: 'ftp://host',
      headers: { 'Bad Name': 'x' },
      timeout: 0,
      batchBytes: 'much',
      mode: 1,
    };
    const checked = webhookSink(options, realParts);
    expect(checked.ok ? [] : checked.findings.map(({ path }) => path[0])).toEqual([
      'url',
      'headers',
      'timeout',
      'batchBytes',
      'mode',
    ]);
    const keyed = webhookSink(
      { url: 'http://host', headers: { 'idempotency-key': 'x' } },
      realParts,
    );
    expect(keyed.ok).toBe(false);
  });

  test('names the file when it cannot read its token', async () => {
    const sink = sinkOf({ url: 'http://host', tokenFile: 'nowhere' });
    const context = { baseDirectory: '/', id: 'out', job: 'job', attempt: 1, parallelism: 1 };
    await expect(
      sink.recover({ ...context, schema: LINE_SCHEMA, deliver() {} }, []),
    ).rejects.toMatchObject({
      code: 'SINK_UNAVAILABLE',
      message: expect.stringContaining('/nowhere'),
    });
  });
});
