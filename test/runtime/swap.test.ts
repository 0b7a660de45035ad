import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { UpdateRecord } from '../../host/runtime/update-record.ts';
import { createLocalBlobStore } from '../../host/storage/local-blob-store.ts';
import { eventPipeline } from '../kit/event-pipeline.ts';
import { createFailingStorage, type FailingStorage } from '../kit/failing-storage.ts';
import { createJobBench, type JobBench } from '../kit/job-bench.ts';
import { nextEvent, untilRead } from '../kit/wait-for.ts';
import { expectEveryCountOnce, wordPipeline } from '../kit/word-pipeline.ts';

const EVENTS = 3000;
const RATE = 3000;
/** So far each reader goes before the test lets the job end. */
const HOLD = 600;

const settled = (update: UpdateRecord) => update.state === 'settled';

function storedUpdates(bench: JobBench): readonly UpdateRecord[] {
  return JSON.parse(readFileSync(join(bench.directory, 'updates.json'), 'utf8'));
}

/** Every event once, and in every task the old version before the barrier of `cut` and the new one after it. */
function expectOneCut(bench: JobBench, cut: number): void {
  const ids = bench.committed('out').map(({ id }) => Number(id));
  expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: EVENTS }, (_, i) => i));
  const tasks = new Set<number>();
  for (const { task, checkpoint, records } of bench.runs('out')) {
    tasks.add(task);
    const versions = [...new Set(records.map((record) => record.version))];
    expect({ checkpoint, versions }).toEqual({
      checkpoint,
      versions: [checkpoint <= cut ? 'v1' : 'v2'],
    });
  }
  expect(tasks.size).toBe(2);
}

describe.each([0, 1, 2])('hot swap on %i threads', (threads) => {
  test('cuts every task at the same barrier and loses and repeats nothing', async () => {
    const bench = createJobBench({
      pipeline: eventPipeline({
        events: EVENTS,
        rate: RATE,
        hold: HOLD,
        checkpoint: { every: '50ms' },
      }),
      threads,
      parallelism: 2,
    });
    const job = await bench.start();
    await untilRead(job, 'events', 500);
    const done = nextEvent(job, 'update', ({ update }) => settled(update));
    const armed = await job.update(bench.update('stamped', 'v2'));
    expect(armed).toMatchObject({ update: 1, state: 'armed', step: 'stamped' });
    const { update } = await done;
    expect(update.times.map((time) => time.state)).toEqual([
      'requested',
      'admitted',
      'staged',
      'armed',
      'swapped',
      'settled',
    ]);
    expect(update.checkpoint).toBe(armed.checkpoint);
    expect(update.pauses.map((pause) => pause.task)).toEqual([0, 1]);
    expect((await job.status()).modules.stamped).toEqual({ ref: 'text@v2', digest: 'v2' });
    bench.openGate();
    await job.ended;
    expectOneCut(bench, armed.checkpoint as number);
    expect(storedUpdates(bench)).toEqual([update]);
  });

  test('keeps keyed state', async () => {
    const pipeline = wordPipeline({ lines: 1000, rate: 1500, hold: 100 });
    const bench = createJobBench({ pipeline, threads, parallelism: 2 });
    const job = await bench.start();
    await untilRead(job, 'counts', 500);
    const done = nextEvent(job, 'update', ({ update }) => settled(update));
    await job.update(bench.update('counts', 'v2'));
    await done;
    bench.openGate();
    await job.ended;
    expectEveryCountOnce(bench.committed('out'), 1000);
  });

  test('a restart runs the version of the checkpoint', async () => {
    const pipeline = eventPipeline({ events: EVENTS, rate: RATE, hold: HOLD });
    const bench = createJobBench({ pipeline, threads, parallelism: 2 });
    const first = await bench.start();
    await untilRead(first, 'events', 200);
    const done = nextEvent(first, 'update', ({ update }) => settled(update));
    const { checkpoint } = await first.update(bench.update('stamped', 'v2'));
    await done;
    await bench.kill();
    const second = await bench.start();
    expect((await second.status()).modules.stamped.digest).toBe('v2');
    bench.openGate();
    await second.ended;
    expectOneCut(bench, checkpoint as number);
  });

  test('a checkpoint that fails after the swap leaves it to the next', async () => {
    const bench = createJobBench({
      pipeline: eventPipeline({ events: EVENTS, rate: RATE, hold: HOLD }),
      threads,
      parallelism: 2,
    });
    const storage = createFailingStorage(createLocalBlobStore(bench.directory));
    const job = await bench.start({ parts: { storage } });
    await untilRead(job, 'events', 200);
    storage.fail('manifest-');
    const failed = nextEvent(job, 'checkpoint', ({ checkpoint }) => checkpoint.state === 'failed');
    const done = nextEvent(job, 'update', ({ update }) => settled(update));
    const { checkpoint: cut } = await job.update(bench.update('stamped', 'v2'));
    expect((await failed).checkpoint.checkpoint).toBe(cut);
    expect((await job.status()).modules.stamped.digest).toBe('v1');
    const { checkpoint } = await job.checkpoint();
    expect((await done).update.reason).toContain(`checkpoint ${checkpoint} carries`);
    expect((await job.status()).modules.stamped.digest).toBe('v2');
    bench.openGate();
    await job.ended;
    const ids = bench.committed('out').map(({ id }) => Number(id));
    expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: EVENTS }, (_, i) => i));
  });
});

describe('hot swap', () => {
  /** A job that has begun and whose disk can be filled. */
  async function running(): Promise<{
    bench: JobBench;
    job: Awaited<ReturnType<JobBench['start']>>;
    storage: FailingStorage;
  }> {
    const bench = createJobBench({
      pipeline: eventPipeline({ events: EVENTS, rate: RATE, hold: HOLD }),
      parallelism: 2,
    });
    const storage = createFailingStorage(createLocalBlobStore(bench.directory));
    const job = await bench.start({ parts: { storage } });
    await untilRead(job, 'events', 100);
    return { bench, job, storage };
  }

  test('is undone by a restart before any checkpoint has it, and the record says so', async () => {
    const { bench, job, storage } = await running();
    const { checkpoint } = await job.checkpoint();
    storage.fail('manifest-', 1000);
    const failed = nextEvent(job, 'checkpoint', (event) => event.checkpoint.state === 'failed');
    await job.update(bench.update('stamped', 'v2'));
    await failed;
    await bench.kill();
    const second = await bench.start();
    expect((await second.status()).modules.stamped.digest).toBe('v1');
    const [update] = storedUpdates(bench);
    expect(update.state).toBe('refused');
    bench.openGate();
    await second.ended;
    expect(new Set(bench.committed('out').map((record) => record.version))).toEqual(
      new Set(['v1']),
    );
    expect(bench.committed('out')).toHaveLength(EVENTS);
    expect(checkpoint).toBeGreaterThan(0);
  });

  test('one update of a step at a time', async () => {
    const { bench, job } = await running();
    const first = job.update(bench.update('stamped', 'v2'));
    await expect(job.update(bench.update('stamped', 'v3'))).rejects.toMatchObject({
      code: 'UPDATE_CONFLICT',
    });
    expect((await first).state).toBe('armed');
  });

  test('a second update takes over from the first', async () => {
    const { bench, job } = await running();
    for (const digest of ['v2', 'v3', 'v1']) {
      const done = nextEvent(job, 'update', ({ update }) => settled(update));
      await job.update(bench.update('stamped', digest));
      expect((await done).update.to.digest).toBe(digest);
    }
    expect(storedUpdates(bench).map((update) => update.update)).toEqual([1, 2, 3]);
  });

  test('refuses a step that is not there, or runs no function', async () => {
    const { bench, job } = await running();
    for (const step of ['stampd', 'events', 'constructor']) {
      await expect(job.update(bench.update(step, 'v2'))).rejects.toMatchObject({
        code: 'STEP_NOT_FOUND',
      });
    }
  });

  test('refuses a module that does not fit and goes on as before', async () => {
    const { bench, job } = await running();
    const update = await job.update(bench.update('stamped', 'odd'));
    expect(update).toMatchObject({ state: 'refused', checkpoint: undefined });
    expect(update.reason).toContain('its output is Word { word: string, count: i64 }');
    expect((await job.update(bench.update('stamped', 'v2'))).state).toBe('armed');
  });

  test('refuses bytes that are not those of the digest', async () => {
    const { bench, job } = await running();
    const update = await job.update({ ...bench.update('stamped', 'v2'), path: 'v3' });
    expect(update.reason).toContain('have digest v3, not v2');
  });

  test('refuses an update that the end of the job overtakes', async () => {
    const { bench, job, storage } = await running();
    storage.fail('manifest-', 1000);
    await job.update(bench.update('stamped', 'v2'));
    await job.cancel();
    expect(storedUpdates(bench)[0]).toMatchObject({ state: 'refused' });
  });
});
