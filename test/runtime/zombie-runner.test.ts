import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fenceRunners } from '../../host/runtime/fence-runners.ts';
import { processIdentity } from '../../host/runtime/process-identity.ts';
import { readRemains } from '../../host/runtime/runner-directory.ts';
import { spawnRunner } from '../../host/runtime/spawn-runner.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { until } from '../kit/until.ts';
import { nextEvent } from '../kit/wait-for.ts';
import { wordCountModule } from '../kit/word-count-module.ts';
import { exactCounts } from '../kit/word-count-server.ts';
import { wordCountSpec } from '../kit/word-count-spec.ts';

const ENDLESS = {
  checkpoint: { every: '50ms' },
  sources: {
    lines: {
      connector: 'generator',
      rate: 4_000,
      fields: { text: { words: { of: ['mill', 'race', 'wheel'], count: 2 } } },
    },
  },
  steps: {
    words: { flatMap: 'text.words', from: 'lines' },
    counts: { reduce: 'text.sum', from: 'words', key: 'word' },
  },
  sinks: { out: { from: 'counts', connector: 'file', path: 'out' } },
};

test('a runner that is resumed after another attempt began commits nothing, and ends', {
  timeout: 120_000,
}, async () => {
  const directory = temporaryDirectory();
  const module = await wordCountModule();
  const { spec } = wordCountSpec(directory, [module, module], { pipeline: ENDLESS, threads: 1 });
  onTestFinished(() => fenceRunners(directory, Number.MAX_SAFE_INTEGER));
  const zombie = await spawnRunner(spec);
  const { pid } = await zombie.status();
  onTestFinished(() => {
    if (processIdentity(pid) !== undefined) process.kill(pid, 'SIGKILL');
  });
  await nextEvent(zombie, 'checkpoint', (event) => event.checkpoint.state === 'completed');
  process.kill(pid, 'SIGSTOP');
  zombie.detach();
  // As if it ran on another machine: nobody here can kill it.
  const file = join(directory, 'runner-1.json');
  renameSync(file, `${file}.hidden`);
  const job = await spawnRunner({ ...spec, attempt: 2 });
  await nextEvent(job, 'checkpoint', (event) => event.checkpoint.state === 'completed');
  process.kill(pid, 'SIGCONT');
  await until('it has ended by itself', () => processIdentity(pid) === undefined, 60_000);
  expect(await job.status()).toMatchObject({ attempt: 2, state: 'running' });
  await job.stop();
  // Every count of every word once: what the zombie made is in no part.
  const counts = exactCounts(directory);
  expect(Object.keys(counts).sort()).toEqual(['mill', 'race', 'wheel']);
  // How the job ended is not what the zombie thinks.
  expect(readRemains(directory, 2)?.outcome.kind).toBe('stopped');
});
