import { describe, expect, test } from 'vitest';
import type { StoredJob } from '../../host/control/stored-job.ts';
import { SupervisedJob } from '../../host/control/supervised-job.ts';
import { MillraceError } from '../../host/errors.ts';
import {
  CANCEL_TIMEOUT_MS,
  EXCEPTIONS_MAX,
  RESTART_BACKOFF_MAX_MS,
  RESTART_BACKOFF_MS,
  RESTART_HEALTHY_MS,
  RESTARTS_MAX,
} from '../../host/limits.ts';
import { FakeRunners, RUNNER_LOST } from '../kit/fake-runners.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { until } from '../kit/until.ts';

const SUBMITTED: StoredJob = {
  format: 1,
  id: 'count-1',
  pipeline: {},
  plan: {
    name: 'count',
    parallelism: 1,
    keyGroups: 128,
    checkpoint: { everyMs: undefined, timeoutMs: 1, retained: 1, minPauseMs: 0, unaligned: false },
    baseDirectory: '/',
    chains: [],
    edges: [],
  },
  modules: { words: { ref: 'text@1', digest: 'v1' } },
  digests: ['v1'],
  state: 'created',
  desired: 'running',
  attempt: 0,
  restarts: 0,
  createdAtMs: 0,
  startedAtMs: null,
  endedAtMs: null,
  error: null,
  exceptions: [],
};

/** A job, the runners it gets, and what the disk holds of it. */
class Bench {
  readonly runners = new FakeRunners();
  readonly clock = new ManualClock();
  disk: StoredJob = SUBMITTED;
  diskFull = false;
  job = this.#create(SUBMITTED);

  #create(stored: StoredJob): SupervisedJob {
    return new SupervisedJob(stored, {
      directory: '/jobs/count-1',
      runners: this.runners,
      clock: this.clock,
      threads: 1,
      save: async (job) => {
        if (this.diskFull) throw new MillraceError('STORAGE_FAILED', 'the disk is full');
        this.disk = job;
      },
      modulePath: (digest) => `/modules/${digest}`,
      log: () => {},
    });
  }

  /** Another server over the same disk and runners. */
  async restart(): Promise<void> {
    await this.job.close();
    this.job = this.#create(this.disk);
    this.job.takeUp();
  }

  reaches(state: string): Promise<true> {
    return until(`the job is ${state}`, () => this.job.stored.state === state && true);
  }

  /** Lets the backoff go by and waits for the attempt. */
  async nextAttempt(attempt: number): Promise<void> {
    await this.reaches('restarting');
    this.clock.advance(RESTART_BACKOFF_MAX_MS);
    await until('it is started', () => this.runners.started.length === attempt);
    await this.reaches('running');
  }
}

async function running(): Promise<Bench> {
  const bench = new Bench();
  bench.job.start();
  await bench.reaches('running');
  return bench;
}

const jobFault = new MillraceError('SINK_UNAVAILABLE', 'no such directory', { hint: 'make it' });

describe('a supervised job', () => {
  test('runs with what was submitted and ends with its runner', async () => {
    const bench = await running();
    expect(bench.runners.latest.spec).toMatchObject({
      id: 'count-1',
      attempt: 1,
      modulePaths: { v1: '/modules/v1' },
    });
    bench.runners.latest.end({ kind: 'finished' });
    await bench.job.final;
    expect(bench.disk).toMatchObject({ state: 'finished', attempt: 1, restarts: 0, error: null });
  });

  test('is started again when its runner is lost, each time after twice the wait', async () => {
    const bench = await running();
    for (const [i, delayMs] of [1, 2, 4, 8]
      .map((factor) => factor * RESTART_BACKOFF_MS)
      .entries()) {
      bench.runners.latest.lose();
      await bench.reaches('restarting');
      expect(bench.clock.waiting).toEqual([delayMs]);
      bench.clock.advance(delayMs - 1);
      expect(bench.runners.started).toHaveLength(i + 1);
      bench.clock.advance(1);
      await bench.reaches('running');
      expect(bench.runners.latest.spec.attempt).toBe(i + 2);
    }
    expect(bench.disk).toMatchObject({ restarts: 4, error: { code: 'RUNNER_LOST' } });
  });

  test('leaves the savepoint of a stop though its runner was lost, or says that it did not', async () => {
    const bench = await running();
    bench.runners.stopFailure = RUNNER_LOST;
    const stopping = bench.job.stop('/nowhere/kept');
    const refused = expect(stopping).rejects.toMatchObject({
      code: 'JOB_STATE',
      hint: 'it ended before one was taken',
    });
    await until('it was asked', () => bench.runners.latest.asked.length > 0);
    expect(bench.disk).toMatchObject({ desired: 'stopped', savepoint: '/nowhere/kept' });
    bench.runners.stopFailure = undefined;
    bench.runners.latest.lose();
    await bench.reaches('restarting');
    bench.clock.advance(RESTART_BACKOFF_MAX_MS);
    await bench.job.final;
    expect(bench.runners.started.map(({ asked }) => asked)).toEqual([
      ['stop with /nowhere/kept'],
      ['stop with /nowhere/kept'],
    ]);
    // This runner only said so: nothing is there.
    await refused;
  });

  test('is given up after too many failures in a row, with the last one named', async () => {
    const bench = new Bench();
    bench.runners.failures = Array(RESTARTS_MAX + 1).fill(RUNNER_LOST);
    bench.job.start();
    for (let i = 0; i < RESTARTS_MAX; i++) {
      await until('it waits', () => bench.clock.waiting.length === 1);
      bench.clock.advance(RESTART_BACKOFF_MAX_MS);
    }
    await bench.job.final;
    expect(bench.disk).toMatchObject({ state: 'failed', attempt: RESTARTS_MAX + 1 });
    expect(bench.disk.error?.code).toBe('RESTARTS_EXHAUSTED');
    expect(bench.disk.error?.message).toContain('RUNNER_LOST: it is gone');
    expect(bench.disk.exceptions).toHaveLength(RESTARTS_MAX + 1);
  });

  test('forgets failures after it was well for a while', async () => {
    const bench = await running();
    for (let attempt = 2; attempt <= RESTARTS_MAX + 4; attempt++) {
      bench.clock.advance(RESTART_HEALTHY_MS);
      bench.runners.latest.lose();
      await bench.nextAttempt(attempt);
      expect(bench.disk.memory?.failuresInARow).toBe(1);
    }
  });

  test('is not started again after a fault that it would meet again', async () => {
    const bench = await running();
    bench.runners.latest.end({ kind: 'failed', error: jobFault.report() });
    await bench.job.final;
    expect(bench.disk).toMatchObject({ state: 'failed', error: jobFault.report(), attempt: 1 });
    expect(bench.clock.waiting).toEqual([]);
  });

  test('remembers so many failures and no more', async () => {
    const bench = await running();
    for (let attempt = 2; attempt <= EXCEPTIONS_MAX + 3; attempt++) {
      bench.clock.advance(RESTART_HEALTHY_MS);
      bench.runners.latest.lose();
      await bench.nextAttempt(attempt);
    }
    expect(bench.disk.exceptions).toHaveLength(EXCEPTIONS_MAX);
    expect(bench.disk.exceptions.at(-1)?.attempt).toBe(EXCEPTIONS_MAX + 2);
  });

  test('that is stopped while it waits for its restart is started and stopped', async () => {
    const bench = await running();
    bench.runners.latest.lose();
    await bench.reaches('restarting');
    const stopped = bench.job.stop();
    await until('the wish is stored', () => bench.disk.desired === 'stopped');
    bench.clock.advance(RESTART_BACKOFF_MAX_MS);
    await stopped;
    expect(bench.runners.latest.asked).toEqual(['stop']);
    expect(bench.disk.state).toBe('stopped');
  });

  test('goes on when its last checkpoint fails', async () => {
    const bench = await running();
    bench.runners.stopFailure = new MillraceError('CHECKPOINT_FAILED', 'the disk is full');
    await expect(bench.job.stop()).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' });
    expect(bench.disk).toMatchObject({ state: 'running', desired: 'running' });
    bench.runners.stopFailure = undefined;
    expect(await bench.job.stop()).toMatchObject({ checkpoint: 7 });
    expect(bench.disk.state).toBe('stopped');
  });

  test('that does not end when it is cancelled is killed', async () => {
    const bench = await running();
    bench.runners.deaf = true;
    const cancelled = bench.job.cancel();
    await until('it was told', () => bench.runners.latest.asked.includes('cancel'));
    expect(bench.runners.killed).toEqual([]);
    bench.clock.advance(CANCEL_TIMEOUT_MS);
    await cancelled;
    expect(bench.runners.killed).toEqual([1]);
    expect(bench.disk).toMatchObject({ state: 'cancelled', restarts: 0 });
  });

  test('that is cancelled while it waits for its restart is not started', async () => {
    const bench = await running();
    bench.runners.latest.lose();
    await bench.reaches('restarting');
    await bench.job.cancel();
    expect(bench.disk.state).toBe('cancelled');
    bench.clock.advance(RESTART_BACKOFF_MAX_MS);
    expect(bench.runners.started).toHaveLength(1);
  });

  test('is paused again after a restart', async () => {
    const bench = await running();
    await bench.job.pause();
    bench.runners.latest.lose();
    await bench.nextAttempt(2);
    await until('it is paused', () => bench.runners.latest.asked.includes('pause'));
    await bench.job.resume();
    expect(bench.runners.latest.asked).toEqual(['pause', 'resume']);
  });

  test('names a new digest on disk before a runner may need it', async () => {
    const bench = await running();
    await bench.job.update('words', { ref: 'text@2', digest: 'v2' } as never);
    expect(bench.disk.digests).toEqual(['v1', 'v2']);
    expect(bench.runners.latest.asked).toEqual(['update words text@2 /modules/v2']);
    bench.runners.latest.lose();
    await bench.nextAttempt(2);
    expect(bench.runners.latest.spec.modulePaths).toEqual({ v1: '/modules/v1', v2: '/modules/v2' });
  });

  test('changes nothing that it could not store', async () => {
    const bench = await running();
    bench.diskFull = true;
    const full = { code: 'STORAGE_FAILED' };
    await expect(bench.job.stop()).rejects.toMatchObject(full);
    await expect(bench.job.pause()).rejects.toMatchObject(full);
    await expect(
      bench.job.update('words', { ref: 'text@2', digest: 'v2' } as never),
    ).rejects.toMatchObject(full);
    expect(bench.runners.latest.asked).toEqual([]);
    expect(bench.job.stored).toMatchObject({ desired: 'running', digests: ['v1'] });
  });

  test('is started again though the disk is full, and the attempts are not mixed up later', async () => {
    const bench = await running();
    bench.diskFull = true;
    bench.runners.latest.lose();
    await bench.nextAttempt(2);
    bench.diskFull = false;
    expect(bench.disk.attempt).toBe(1);
    await bench.restart();
    await bench.reaches('running');
    expect(bench.job.stored.attempt).toBe(2);
    bench.runners.latest.lose();
    await bench.nextAttempt(3);
    expect(bench.runners.latest.spec.attempt).toBe(3);
  });

  test.each([
    'be stopped',
    'be paused',
    'be resumed',
    'be cancelled',
  ])('that has ended cannot %s', async (what) => {
    const bench = await running();
    bench.runners.latest.end({ kind: 'finished' });
    await bench.job.final;
    const asks: Record<string, () => Promise<unknown>> = {
      'be stopped': () => bench.job.stop(),
      'be paused': () => bench.job.pause(),
      'be resumed': () => bench.job.resume(),
      'be cancelled': () => bench.job.cancel(),
    };
    await expect(asks[what]()).rejects.toMatchObject({
      code: 'JOB_STATE',
      message: `job "count-1" is finished and cannot ${what}`,
    });
  });
});

describe('after a restart of the server', () => {
  test('a runner that lives is taken up', async () => {
    const bench = await running();
    await bench.restart();
    await bench.reaches('running');
    expect(bench.runners.started).toHaveLength(1);
    bench.runners.latest.end({ kind: 'finished' });
    await bench.job.final;
    expect(bench.disk.state).toBe('finished');
  });

  test('a runner that was let go of is left running', async () => {
    const bench = await running();
    await bench.job.close();
    expect(bench.runners.latest).toMatchObject({ asked: [], detached: true });
    expect(bench.disk.state).toBe('running');
  });

  test.each([
    [{ kind: 'finished' }, 'finished'],
    [{ kind: 'stopped', checkpoint: 3 }, 'stopped'],
    [{ kind: 'failed', error: jobFault.report() }, 'failed'],
  ] as const)('an attempt that ended meanwhile, %o, counts', async (outcome, state) => {
    const bench = await running();
    await bench.job.close();
    bench.runners.latest.end(outcome);
    await bench.restart();
    await bench.job.final;
    expect(bench.disk.state).toBe(state);
  });

  test('a runner that was lost meanwhile is replaced', async () => {
    const bench = await running();
    await bench.job.close();
    bench.runners.latest.lose();
    await bench.restart();
    await bench.nextAttempt(2);
    expect(bench.disk).toMatchObject({ attempt: 2, restarts: 1 });
  });

  test('a wish that was stored but not carried out is pursued', async () => {
    const bench = await running();
    await bench.job.close();
    bench.disk = { ...bench.disk, desired: 'stopped' };
    await bench.restart();
    await bench.job.final;
    expect(bench.disk.state).toBe('stopped');
  });

  test('a job that was stored but never started is started', async () => {
    const bench = new Bench();
    await bench.restart();
    await bench.reaches('running');
    expect(bench.runners.latest.spec.attempt).toBe(1);
  });

  test('a job that has ended stays as it is', async () => {
    const bench = await running();
    await bench.job.cancel();
    const before = bench.disk;
    await bench.restart();
    await bench.job.final;
    expect(bench.disk).toEqual(before);
    expect(bench.runners.started).toHaveLength(1);
  });
});
