import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { startTestServer } from '../kit/test-server.ts';
import { until } from '../kit/until.ts';
import {
  exactCounts,
  isAlive,
  overGenerator,
  reaches,
  show,
  startWordCountServer,
  submit,
} from '../kit/word-count-server.ts';

/** Several processes start one after the other; a busy machine needs its time for that. */
const SLOW = { timeout: 90_000 };

test('a killed runner is replaced from its checkpoint, and the output is exact', SLOW, async () => {
  const one = await startWordCountServer();
  const { server, folder } = one;
  const id = await submit(one, overGenerator(4_000, 16_000));
  for (const restarts of [0, 1]) {
    const job = await until('a checkpoint of the attempt', async () => {
      const now = await show(server, id);
      const { checkpoints } = await server.request<{ checkpoints: object[] }>(
        `/v1/jobs/${id}/checkpoints`,
      );
      return now.restarts === restarts && now.pid !== null && checkpoints.length > restarts && now;
    });
    process.kill(job.pid as number, 'SIGKILL');
  }
  const job = await reaches(server, id, 'finished');
  expect(job.restarts).toBe(2);
  const counts = exactCounts(folder);
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(64_000);
  const { exceptions } = await server.request<{ exceptions: object[] }>(
    `/v1/jobs/${id}/exceptions`,
  );
  expect(exceptions).toMatchObject([
    { code: 'RUNNER_LOST', attempt: 1, scope: 'task' },
    { code: 'RUNNER_LOST', attempt: 2, scope: 'task' },
  ]);
});

test('jobs go on while there is no server, and the next one takes them up', SLOW, async () => {
  const one = await startWordCountServer();
  const { data, folder, server } = one;
  const endless = await submit(one, overGenerator(1_000));
  const { pid } = await until('it has a runner', async () => {
    const job = await show(server, endless);
    return job.pid !== null && job;
  });
  const ending = await submit(
    { ...one, folder: temporaryDirectory() },
    overGenerator(4_000, 4_000),
  );
  await reaches(server, ending, 'running');
  await server.close();
  await until('the other has ended', () =>
    readdirSync(join(data, 'jobs', ending)).includes('outcome.json'),
  );
  expect(isAlive(pid as number)).toBe(true);
  const next = await startTestServer(data);
  expect(await reaches(next, endless, 'running')).toMatchObject({ attempt: 1, restarts: 0 });
  await until('its runner answers', async () => (await show(next, endless)).pid === pid);
  expect(await reaches(next, ending, 'finished')).toMatchObject({ attempt: 1 });
  await next.request(`/v1/jobs/${endless}/stop`, { method: 'POST' });
  exactCounts(folder);
});

test('a runner that died while there was no server is replaced by the next', SLOW, async () => {
  const one = await startWordCountServer();
  const { data, folder, server } = one;
  const id = await submit(one, overGenerator(4_000, 16_000));
  const { pid } = await until('it has a checkpoint', async () => {
    const { checkpoints } = await server.request<{ checkpoints: object[] }>(
      `/v1/jobs/${id}/checkpoints`,
    );
    return checkpoints.length > 0 && show(server, id);
  });
  await server.close();
  process.kill(pid as number, 'SIGKILL');
  const next = await startTestServer(data);
  expect(await reaches(next, id, 'finished')).toMatchObject({ attempt: 2, restarts: 1 });
  const counts = exactCounts(folder);
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(64_000);
});
