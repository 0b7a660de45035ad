import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Pipeline } from '../../host/dataflow/pipeline.ts';
import { attachRunner } from '../../host/runtime/attach-runner.ts';
import { fenceRunners } from '../../host/runtime/fence-runners.ts';
import type { JobSpec } from '../../host/runtime/job-spec.ts';
import { processIdentity } from '../../host/runtime/process-identity.ts';
import { readRemains, readRunnerFile } from '../../host/runtime/runner-directory.ts';
import { startRunnerProcess } from '../../host/runtime/runner-process.ts';
import { spawnRunner } from '../../host/runtime/spawn-runner.ts';
import { startJob } from '../../host/runtime/start-job.ts';
import { createWarmRunner } from '../../host/runtime/warm-runner.ts';
import { runningJobContract } from '../contracts/running-job.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { until } from '../kit/until.ts';
import { wordCountModule } from '../kit/word-count-module.ts';
import { wordCountSpec } from '../kit/word-count-spec.ts';

let modules: readonly [Uint8Array, Uint8Array];

beforeAll(async () => {
  modules = [await wordCountModule(), await wordCountModule('!')];
});

for (const threads of [0, 1]) {
  runningJobContract(`in this process, ${threads} threads`, async (pipeline) => {
    const { spec, update } = wordCountSpec(temporaryDirectory(), modules, { pipeline, threads });
    const job = await startJob(spec);
    onTestFinished(() => job.cancel());
    return { job, update };
  });
}

runningJobContract('in a process of its own', async (pipeline) => {
  const { spec, update } = wordCountSpec(temporaryDirectory(), modules, { pipeline, threads: 1 });
  const job = await spawnRunner(spec);
  onTestFinished(() => endRunners(spec));
  return { job, update };
});

runningJobContract('in a process that was taken up', async (pipeline) => {
  const { spec, update } = wordCountSpec(temporaryDirectory(), modules, { pipeline, threads: 1 });
  const starter = await spawnRunner(spec);
  onTestFinished(() => endRunners(spec));
  const taken = await attachRunner(spec.directory);
  if (taken === undefined) return { job: starter, update }; // it has ended already
  starter.detach();
  return { job: taken, update };
});

const ENDLESS: Omit<Pipeline, 'name'> = {
  checkpoint: { every: '100ms' },
  sources: {
    lines: {
      connector: 'generator',
      rate: 1_000,
      fields: { text: { words: { of: ['mill'], count: 1 } } },
    },
  },
  steps: { words: { flatMap: 'text.words', from: 'lines' } },
  sinks: { out: { from: 'words', connector: 'file', path: 'out' } },
};

function endless(directory = temporaryDirectory()): JobSpec {
  mkdirSync(directory, { recursive: true });
  return wordCountSpec(directory, modules, { pipeline: ENDLESS, threads: 1 }).spec;
}

async function start(spec: JobSpec, options = {}) {
  onTestFinished(() => endRunners(spec));
  return await spawnRunner(spec, options);
}

function endRunners(spec: JobSpec): Promise<void> {
  return fenceRunners(spec.directory, Number.MAX_SAFE_INTEGER);
}

function isRunning(pid: number): boolean {
  return processIdentity(pid) !== undefined;
}

describe('a runner', () => {
  test('leaves its outcome, and neither process nor socket', async () => {
    const spec = endless();
    const job = await start(spec);
    const { pid } = await job.status();
    const file = readRunnerFile(spec.directory, 1);
    expect(file).toMatchObject({ pid, attempt: 1 });
    const { checkpoint } = await job.stop();
    await until('it has gone', () => !isRunning(pid));
    expect(readRemains(spec.directory, 1)?.outcome).toEqual({ kind: 'stopped', checkpoint });
    expect(existsSync(file?.socket as string)).toBe(false);
    expect(readRunnerFile(spec.directory, 1)).toBeUndefined();
    expect(await attachRunner(spec.directory)).toBeUndefined();
  });

  test('that is killed rejects what is asked of it, and leaves nothing to be taken up', async () => {
    const spec = endless();
    const job = await start(spec);
    const { pid } = await job.status();
    process.kill(pid, 'SIGKILL');
    const lost = { code: 'RUNNER_LOST' };
    await expect(job.ended).rejects.toMatchObject(lost);
    await expect(job.status()).rejects.toMatchObject(lost);
    await expect(job.checkpoint()).rejects.toMatchObject(lost);
    expect(await attachRunner(spec.directory)).toBeUndefined();
    expect(readRemains(spec.directory, 1)).toBeUndefined();
  });

  test('answers several clients at once', async () => {
    const spec = endless();
    const first = await start(spec);
    const second = await attachRunner(spec.directory);
    expect(await second?.status()).toMatchObject(await first.status().then(({ pid }) => ({ pid })));
    first.detach();
    expect((await second?.checkpoint())?.state).toBe('completed');
    second?.detach();
  });

  test('is killed before the next attempt starts, also when it was stopped', async () => {
    const spec = endless();
    const { pid } = await (await start(spec)).status();
    process.kill(pid, 'SIGSTOP');
    const next = await spawnRunner({ ...spec, attempt: 2 });
    expect(isRunning(pid)).toBe(false);
    expect(await next.status()).toMatchObject({ attempt: 2, state: 'running' });
    expect(readRunnerFile(spec.directory, 1)).toBeUndefined();
  });

  test('goes on from the checkpoint of the attempt before', async () => {
    const spec = endless();
    const job = await start(spec);
    const { checkpoint } = await job.checkpoint();
    process.kill((await job.status()).pid, 'SIGKILL');
    const next = await spawnRunner({ ...spec, attempt: 2 });
    expect((await next.checkpoint()).checkpoint).toBeGreaterThan(checkpoint);
  });

  test('that comes late leaves by itself', async () => {
    const spec = endless();
    const { directory } = spec;
    writeFileSync(join(directory, 'spec.json'), JSON.stringify({ ...spec, attempt: 2 }));
    const logPath = join(directory, 'late.log');
    const late = startRunnerProcess({ logPath, directory, cacheDirectory: undefined });
    const assigned = late.assign({ directory, attempt: 1 }, logPath, 10_000);
    await expect(assigned).rejects.toThrow(/ended/);
    expect(readdirSync(directory).filter((name) => name.startsWith('runner-'))).toEqual([]);
  });

  test('is found when its directory is too deep for a socket', async () => {
    const spec = endless(join(temporaryDirectory(), 'd'.repeat(120)));
    const job = await start(spec);
    const socket = readRunnerFile(spec.directory, 1)?.socket as string;
    expect(socket.startsWith(spec.directory)).toBe(false);
    await job.cancel();
    await until('the socket has gone', () => !existsSync(socket));
  });

  test('knows nothing of the environment that it does not need', async () => {
    process.env.MILLRACE_SECRET = 'secret';
    onTestFinished(() => {
      delete process.env.MILLRACE_SECRET;
    });
    const { pid } = await (await start(endless())).status();
    if (process.platform !== 'linux') return;
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    expect(environment.filter((entry) => entry.startsWith('MILLRACE'))).toEqual([]);
  });

  test('uses no CPU while there is nothing to do', async () => {
    const spec = endless();
    const job = await start(spec);
    await job.pause();
    const before = (await job.metrics()).process.cpuMs;
    const startedMs = performance.now();
    await until('a while has gone by', () => performance.now() - startedMs > 1_000);
    const used = (await job.metrics()).process.cpuMs - before;
    expect(used).toBeLessThan(250);
  });

  test('that cannot be started says so', async () => {
    const spec = endless();
    const damaged = { ...spec, modulePaths: {} };
    await expect(spawnRunner(damaged)).rejects.toMatchObject({ code: 'MODULE_NOT_FOUND' });
  });
});

describe('a warm runner', () => {
  test('takes the next job, and is followed by another', async () => {
    const directory = temporaryDirectory();
    const warm = createWarmRunner(join(directory, 'cache'));
    onTestFinished(() => warm.close());
    warm.prepare();
    expect(readdirSync(join(directory, 'cache'))).toHaveLength(1);
    const spec = endless(join(directory, 'job'));
    const job = await start(spec, { warm });
    expect((await job.status()).state).toBe('running');
    expect(readdirSync(spec.directory)).toContain('runner-1.log');
    const second = warm.take();
    expect(second?.running).toBe(true);
    second?.discard();
    expect(warm.take()).toBeUndefined();
  });

  test('leaves no file when it is closed', () => {
    const directory = temporaryDirectory();
    const warm = createWarmRunner(directory);
    warm.prepare();
    warm.close();
    expect(readdirSync(directory)).toEqual([]);
    warm.prepare();
    expect(warm.take()).toBeUndefined();
  });
});
