import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { builtinConnectors } from '../../host/connectors/registry.ts';
import { checkPipeline } from '../../host/dataflow/pipeline.ts';
import { runPipeline } from '../../host/runtime/run-pipeline.ts';
import { readStorageLocation } from '../../host/storage/storage-location.ts';
import { type FakeS3, startFakeS3 } from '../kit/fake-s3.ts';
import { GATE_FILE, gatedConnector } from '../kit/gated-connector.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { untilRead } from '../kit/wait-for.ts';
import { wordCountModule } from '../kit/word-count-module.ts';

let s3: FakeS3;
let module: Uint8Array;

beforeAll(async () => {
  [s3, module] = await Promise.all([startFakeS3(), wordCountModule()]);
  const { accessKeyId, secretAccessKey } = s3.options.credentials;
  vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await s3.stop();
});

function setUp(prefix: string) {
  const folder = temporaryDirectory();
  const pipeline = checkPipeline({
    name: 'far',
    modules: { text: './word-count.ts' },
    sources: {
      lines: {
        connector: 'gated',
        hold: 100,
        count: 600,
        fields: { text: { choice: ['a'] } },
      },
    },
    steps: {
      words: { flatMap: 'text.words', from: 'lines' },
      counts: { reduce: 'text.sum', from: 'words', key: 'word' },
    },
    sinks: { out: { from: 'counts', connector: 'file', path: 'out' } },
  });
  const { endpoint, region, bucket } = s3.options;
  const url = `s3://${bucket}/${prefix}?endpoint=${endpoint}&region=${region}`;
  const options = {
    baseDirectory: folder,
    checkpoints: readStorageLocation(url, process.env),
    modules: { text: module },
    parts: { connectors: new Map([...builtinConnectors, ['gated', gatedConnector(folder)]]) },
  };
  return { folder, pipeline, options };
}

test('a run goes on from its checkpoints in S3, in another data directory, and then leaves none', async () => {
  const { folder, pipeline, options } = setUp('runs');
  const stop = new AbortController();
  const first = await runPipeline(pipeline, {
    ...options,
    data: join(folder, 'here'),
    signal: stop.signal,
    onJob: (job) => void untilRead(job, 'lines', 50).then(() => stop.abort()),
  });
  expect(first.outcome.kind).toBe('stopped');
  expect(
    [...s3.objects.keys()].some((key) => /^runs\/far\/checkpoints\/1\/manifest/.test(key)),
  ).toBe(true);
  writeFileSync(join(folder, GATE_FILE), '');
  const second = await runPipeline(pipeline, { ...options, data: join(folder, 'elsewhere') });
  expect(second.outcome.kind).toBe('finished');
  const read = second.metrics.operators.find((one) => one.id === 'lines')?.recordsOut ?? 0;
  expect(read).toBeLessThanOrEqual(550);
  expect(readdirSync(join(folder, 'out')).every((name) => name.startsWith('part-'))).toBe(true);
  expect([...s3.objects.keys()].filter((key) => key.includes('/checkpoints/'))).toEqual([]);
});

test('a run whose S3 refuses from the start says so, and what to do', async () => {
  const { pipeline, options } = setUp('refused');
  s3.trouble = { kind: 'status', status: 403, code: 'InvalidAccessKeyId' };
  const restart = { kind: 'none' } as const;
  await expect(runPipeline(pipeline, { ...options, restart })).rejects.toMatchObject({
    message: expect.stringMatching(/bucket "blobs" at http.*status 403, InvalidAccessKeyId/),
    hint: expect.stringContaining('does not know the access key'),
  });
  s3.trouble = undefined;
});
