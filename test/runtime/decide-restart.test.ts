import { describe, expect, test } from 'vitest';
import type { RestartStrategy } from '../../host/dataflow/restart-strategy.ts';
import { MillraceError } from '../../host/errors.ts';
import { RESTART_BACKOFF_MAX_MS, RESTART_HEALTHY_MS, RESTARTS_MAX } from '../../host/limits.ts';
import { decideRestart, NO_FAILURES } from '../../host/runtime/decide-restart.ts';

const LOST = new MillraceError('RUNNER_LOST', 'it is gone', { hint: 'look for it' });
const FULL = new MillraceError('STORAGE_FAILED', 'the disk is full');

/** A job that fails again and again. */
function failingJob(strategy: RestartStrategy | undefined, random = () => 0.5) {
  let memory = NO_FAILURES;
  let restarts = 0;
  let nowMs = 0;
  return {
    /** Fails after so long; answers the wait, or the error with which it is given up. */
    fail(afterMs: number, error = LOST): number | MillraceError {
      nowMs += afterMs;
      const failure = { job: 'count-1', error, strategy, restarts, memory, nowMs, random };
      const decision = decideRestart(failure);
      if (decision.kind === 'fail') return decision.error;
      restarts += 1;
      memory = decision.memory;
      return decision.delayMs;
    },
  };
}

describe('restart strategies', () => {
  test('none gives a job up at its first failure', () => {
    expect(failingJob({ kind: 'none' }).fail(10)).toMatchObject({
      code: 'RESTARTS_EXHAUSTED',
      message:
        'job "count-1" failed, and its restart strategy is "none", last with RUNNER_LOST: it is gone',
      hint: 'look for it',
    });
  });

  test('fixedDelay restarts so often in all, however long it went well between', () => {
    const job = failingJob({ kind: 'fixedDelay', attempts: 2, delayMs: 50 });
    expect([job.fail(1), job.fail(10 ** 9)]).toEqual([50, 50]);
    expect(job.fail(10 ** 9)).toMatchObject({
      code: 'RESTARTS_EXHAUSTED',
      message: expect.stringContaining('failed after 2 restarts'),
    });
  });

  const BACKOFF = {
    kind: 'exponentialBackoff',
    initialBackoffMs: 100,
    maxBackoffMs: 500,
    backoffMultiplier: 2,
    resetBackoffThresholdMs: 10_000,
    jitterFactor: 0,
    attemptsBeforeResetBackoff: undefined,
  } as const;

  test('exponentialBackoff waits longer each time, up to a bound, and begins anew after a quiet time', () => {
    const job = failingJob(BACKOFF);
    const waits = [0, 1, 1, 1, 1].map((afterMs) => job.fail(afterMs));
    expect(waits).toEqual([100, 200, 400, 500, 500]);
    // The last wait is no quiet time.
    expect(job.fail(10_499)).toBe(500);
    expect(job.fail(10_500)).toBe(100);
  });

  test('exponentialBackoff gives up after so many failures in a row, when it is told to', () => {
    const job = failingJob({ ...BACKOFF, attemptsBeforeResetBackoff: 2 });
    expect([job.fail(1), job.fail(1)]).toEqual([100, 200]);
    expect(job.fail(20_000)).toBe(100);
    expect(job.fail(1)).toBe(200);
    expect(job.fail(1)).toMatchObject({
      message: expect.stringContaining('failed 3 times in a row'),
    });
  });

  test('exponentialBackoff varies its waits by a share of them, within the bound', () => {
    const waitsOf = (value: number) => {
      const job = failingJob({ ...BACKOFF, jitterFactor: 0.5 }, () => value);
      return [1, 1, 1, 1].map((afterMs) => job.fail(afterMs));
    };
    expect(waitsOf(0)).toEqual([50, 100, 200, 250]);
    expect(waitsOf(0.999999)).toEqual([150, 300, 500, 500]);
  });

  test('failureRate gives up when one interval has one failure more than it may', () => {
    const job = failingJob({
      kind: 'failureRate',
      maxFailuresPerInterval: 2,
      failureRateIntervalMs: 1_000,
      delayMs: 10,
    });
    for (let i = 0; i < 50; i++) expect(job.fail(501)).toBe(10);
    expect(job.fail(100)).toMatchObject({
      message: expect.stringContaining('failed 3 times within 1000 ms'),
    });
  });

  test('a fault that would be met again is not met again', () => {
    const fault = new MillraceError('SINK_UNAVAILABLE', 'no such directory');
    const job = failingJob({ kind: 'fixedDelay', attempts: 9, delayMs: 1 });
    expect(job.fail(1, fault)).toBe(fault);
  });

  test('a fault of ours gets another try', () => {
    expect(failingJob(undefined).fail(1, new MillraceError('INTERNAL', 'oops'))).toBeTypeOf(
      'number',
    );
  });
});

describe('without a strategy', () => {
  test('a job is given up after so many failures in a row', () => {
    const job = failingJob(undefined);
    for (let i = 0; i < RESTARTS_MAX; i++) expect(job.fail(1)).toBeTypeOf('number');
    expect(job.fail(1)).toMatchObject({ code: 'RESTARTS_EXHAUSTED' });
  });

  test('a job that went well for a while starts counting anew', () => {
    const job = failingJob(undefined);
    const quietMs = RESTART_HEALTHY_MS + RESTART_BACKOFF_MAX_MS;
    for (let i = 0; i < 5 * RESTARTS_MAX; i++) expect(job.fail(quietMs)).toBeTypeOf('number');
  });

  test('a job waits for storage as long as it takes, and is asked again soon after', () => {
    const job = failingJob(undefined);
    const waits = Array.from({ length: 100 }, () => job.fail(1, FULL));
    expect(waits.at(-1)).toBe(RESTART_BACKOFF_MAX_MS);
    // Nothing of that is held against it.
    for (let i = 0; i < RESTARTS_MAX; i++) expect(job.fail(1)).toBeTypeOf('number');
  });

  test('with one, storage is a fault like any other', () => {
    const job = failingJob({ kind: 'fixedDelay', attempts: 1, delayMs: 1 });
    expect([job.fail(1, FULL), job.fail(1, FULL)]).toMatchObject([
      1,
      { code: 'RESTARTS_EXHAUSTED' },
    ]);
  });
});
