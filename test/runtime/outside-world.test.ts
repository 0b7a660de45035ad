import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { RowObject } from '../../host/abi/row-object.ts';
import { createS3BlobStore } from '../../host/storage/s3-blob-store.ts';
import { startFakeS3 } from '../kit/fake-s3.ts';
import { createJobBench } from '../kit/job-bench.ts';
import { type PostgresServer, postgresMissing, startPostgres } from '../kit/postgres-server.ts';
import { until } from '../kit/until.ts';
import { startWebhookReceiver } from '../kit/webhook-receiver.ts';
import { expectEveryCountOnce, wordPipeline } from '../kit/word-pipeline.ts';

const LINES = 2_000;
const counting = wordPipeline({ lines: LINES, rate: 1_000, checkpoint: { every: '100ms' } });

const missing = postgresMissing();
describe.skipIf(missing !== undefined)(
  `a job into PostgreSQL${missing ? `: ${missing}` : ''}`,
  () => {
    let server: PostgresServer;
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(() => server?.stop());

    test.each([
      0, 2,
    ])('inserts every count once while server and workers are killed, on %i threads', async (threads) => {
      const table = `counts_${threads}`;
      const rows = () => server.ask(`select word, count from ${table}`).catch(() => []);
      const sinks = { out: { from: 'counts', connector: 'postgres', url: server.url, table } };
      const bench = createJobBench({ pipeline: { ...counting, sinks }, threads, parallelism: 2 });
      await bench.start();
      await until('the first rows', async () => (await rows()).length > 0);
      await server.kill();
      await server.start();
      const before = (await rows()).length;
      await until('rows after the server came back', async () => (await rows()).length > before);
      await bench.kill();
      const job = await bench.start();
      expect(await job.ended).toEqual({ kind: 'finished' });
      expectEveryCountOnce((await rows()) as readonly RowObject[], LINES);
      expect(await server.ask('select count(*)::int as staged from millrace_staged')).toEqual([
        { staged: 0 },
      ]);
    });
  },
);

describe('a job into a webhook', () => {
  test.each([
    0, 2,
  ])('posts every count once while receiver and workers fail, on %i threads', async (threads) => {
    const receiver = await startWebhookReceiver();
    onTestFinished(() => receiver.stop());
    const records = () =>
      [...receiver.taken.values()].flatMap((body) =>
        body
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line) as RowObject),
      );
    const sinks = { out: { from: 'counts', connector: 'webhook', url: receiver.url } };
    const bench = createJobBench({ pipeline: { ...counting, sinks }, threads, parallelism: 2 });
    await bench.start();
    await until('the first records', () => records().length > 0);
    receiver.status = 503;
    const refused = receiver.requests.length;
    await until('requests that are refused', () => receiver.requests.length > refused + 2);
    receiver.status = 200;
    const before = records().length;
    await until('records after the receiver came back', () => records().length > before);
    receiver.inject({ kind: 'reset', effect: true }, { kind: 'reset', effect: false });
    await bench.kill();
    const job = await bench.start();
    expect(await job.ended).toEqual({ kind: 'finished' });
    expectEveryCountOnce(records(), LINES);
  });
});

describe('a job from a directory that grows', () => {
  test.each([
    0, 2,
  ])('counts every word once, restored at another parallelism meanwhile, on %i threads', async (threads) => {
    const bench = createJobBench({
      pipeline: {
        ...counting,
        sources: { lines: { connector: 'file', path: 'in-*.txt', discover: '20ms' } },
      },
      threads,
      parallelism: 3,
    });
    let files = 0;
    const addFiles = (count: number) => {
      for (let i = 0; i < count; i++) {
        const path = join(bench.directory, `new-${files}`);
        writeFileSync(path, 'the mill\nrace\n'.repeat(20));
        renameSync(path, join(bench.directory, `in-${files++}.txt`));
      }
    };
    addFiles(3);
    await bench.start();
    const all = () => bench.committed('out').length >= files * 60;
    await until('counts of the first files', all);
    addFiles(4);
    await until('counts of the next files', all);
    addFiles(3);
    await bench.kill();
    addFiles(2);
    await bench.start({ parallelism: 2 });
    addFiles(2);
    await until('counts of all files', all);
    const perWord = Map.groupBy(bench.committed('out'), ({ word }) => word);
    for (const [word, records] of perWord) {
      const counts = records.map(({ count }) => Number(count)).sort((a, b) => a - b);
      expect(counts, String(word)).toEqual(Array.from({ length: files * 20 }, (_, i) => i + 1));
    }
    expect(perWord.size).toBe(3);
  });
});

describe('a job with its checkpoints in S3', () => {
  test('goes on from them while every third request fails and after its workers were killed', async () => {
    const server = await startFakeS3({
      everyThird: [
        { kind: 'status', status: 503, code: 'SlowDown' },
        { kind: 'reset', effect: true },
        { kind: 'torn' },
      ],
    });
    onTestFinished(() => server.stop());
    const storage = createS3BlobStore({ ...server.options, prefix: 'jobs' });
    const bench = createJobBench({ pipeline: counting, parallelism: 2, parts: { storage } });
    let job = await bench.start();
    for (let kills = 0; kills < 2; kills++) {
      const before = bench.runs('out').length;
      await until('two more commits', () => bench.runs('out').length > before + 3);
      await bench.kill();
      job = await bench.start();
    }
    expect(await job.ended).toEqual({ kind: 'finished' });
    expectEveryCountOnce(bench.committed('out'), LINES);
    expect(server.requests.some((line) => line.startsWith('GET /blobs/jobs/'))).toBe(true);
  });
});
