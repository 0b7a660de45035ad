import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { takeFence } from '../../host/runtime/attempt-fence.ts';
import { createCheckpointStore } from '../../host/runtime/checkpoint-store.ts';
import type { Manifest } from '../../host/runtime/manifest.ts';
import { createLocalBlobStore } from '../../host/storage/local-blob-store.ts';
import { createCommandBench } from '../kit/command-bench.ts';

const MANIFEST: Omit<Manifest, 'checkpoint'> = {
  format: 1,
  job: 'count-1',
  attempt: 1,
  completedAtMs: 0,
  keyGroups: 4,
  modules: {},
  operators: {},
  final: false,
};

test('doctor reads the newest checkpoint of each job back, and says which is damaged', async () => {
  const bench = createCommandBench();
  const directory = join(bench.directory, 'data/jobs/count-1');
  const storage = createLocalBlobStore(directory);
  const fence = await takeFence(storage, { id: 'count-1', attempt: 1 }, 'test');
  await fence.begin([]);
  const store = createCheckpointStore(storage, { job: 'count-1', attempt: 1 });
  for (const checkpoint of [1, 2]) await store.complete({ ...MANIFEST, checkpoint }, '');
  const look = async () => {
    const checks = await bench.json<
      readonly { readonly name: string; readonly state: string; readonly found: string }[]
    >('doctor', '--data', 'data');
    return checks.find(({ name }) => name === 'checkpoints');
  };
  expect(await look()).toMatchObject({ state: 'ok', found: '1 jobs can start from their newest' });
  const [manifest] = readdirSync(join(directory, 'checkpoints/2'));
  truncateSync(join(directory, 'checkpoints/2', manifest), 50);
  expect(await look()).toMatchObject({
    state: 'warning',
    found: 'job "count-1": CHECKPOINT_CORRUPT: manifest of checkpoint 2 is damaged',
  });
});
