import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readStorageLocation } from '../../host/storage/storage-location.ts';
import { type FakeS3, startFakeS3 } from '../kit/fake-s3.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { startTestServer, wasm } from '../kit/test-server.ts';
import { until } from '../kit/until.ts';
import { wordCountModule } from '../kit/word-count-module.ts';
import {
  exactCounts,
  overGenerator,
  reaches,
  show,
  submit,
  type WordCountServer,
} from '../kit/word-count-server.ts';

const SLOW = { timeout: 120_000 };
let s3: FakeS3;

beforeAll(async () => {
  s3 = await startFakeS3();
  const { accessKeyId, secretAccessKey } = s3.options.credentials;
  vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await s3.stop();
});

async function startServer(prefix: string): Promise<WordCountServer> {
  const { endpoint, region, bucket } = s3.options;
  const url = `s3://${bucket}/${prefix}?endpoint=${endpoint}&region=${region}`;
  const checkpoints = readStorageLocation(url, process.env);
  const [data, folder] = [temporaryDirectory(), temporaryDirectory()];
  const server = await startTestServer(data, { checkpoints });
  await server.request('/v1/modules/text', wasm(await wordCountModule(), 'POST'));
  return { data, folder, server };
}

function filesWith(text: string, directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path, 'latin1').includes(text));
}

function manifests(prefix: string): number {
  return [...s3.objects.keys()].filter(
    (key) => key.startsWith(`${prefix}/`) && key.includes('/manifest-'),
  ).length;
}

test(
  'a job with its checkpoints in S3 survives its runner, and leaves nothing when it is removed',
  SLOW,
  async () => {
    const one = await startServer('team/a');
    const id = await submit(one, overGenerator(4_000, 12_000));
    await until('it has a checkpoint', () => manifests(`team/a/${id}`) > 0);
    process.kill((await reaches(one.server, id, 'running')).pid as number, 'SIGKILL');
    expect(await reaches(one.server, id, 'finished')).toMatchObject({ attempt: 2, restarts: 1 });
    const counts = exactCounts(one.folder);
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(48_000);
    // Neither the job's files nor its log hold the secret.
    expect(filesWith('fake/secret+key', one.data)).toEqual([]);
    await one.server.request(`/v1/jobs/${id}?purge=true`, { method: 'DELETE' });
    expect([...s3.objects.keys()].filter((key) => key.startsWith(`team/a/${id}/`))).toEqual([]);
  },
);

test(
  'an S3 that refuses fails checkpoints and restarts with a clear error, and the job goes on when it is over',
  SLOW,
  async () => {
    const one = await startServer('b');
    const id = await submit(one, overGenerator(2_000, 20_000));
    await until('it has a checkpoint', () => manifests(`b/${id}`) > 0);
    s3.trouble = { kind: 'status', status: 403, code: 'AccessDenied' };
    const failed = await until('a checkpoint has failed', async () => {
      const path = `/v1/jobs/${id}/checkpoints`;
      type Listed = { checkpoints: readonly { readonly state: string; readonly reason: string }[] };
      const { checkpoints } = await one.server.request<Listed>(path);
      return checkpoints.find((checkpoint) => checkpoint.state === 'failed');
    });
    expect(failed.reason).toMatch(/bucket "blobs" at http.*: status 403, AccessDenied/);
    const { pid, state } = await show(one.server, id);
    expect(state).toBe('running');
    process.kill(pid as number, 'SIGKILL');
    const waiting = await until('it waits', async () => {
      const job = await show(one.server, id);
      return job.error?.code === 'STORAGE_FAILED' && job;
    });
    expect(waiting.error?.hint).toContain('the key needs the right');
    s3.trouble = undefined;
    await reaches(one.server, id, 'finished');
    const counts = exactCounts(one.folder);
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(80_000);
  },
);
