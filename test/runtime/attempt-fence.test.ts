import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ATTEMPTS_REMEMBERED } from '../../host/limits.ts';
import { latestAttempt, takeFence } from '../../host/runtime/attempt-fence.ts';
import { createMemoryBlobStore } from '../../host/storage/memory-blob-store.ts';
import { createJobBench } from '../kit/job-bench.ts';
import { untilRead } from '../kit/wait-for.ts';
import { expectEveryCountOnce, wordPipeline } from '../kit/word-pipeline.ts';

const OVER = { code: 'ATTEMPT_FENCED' };

describe('the fence of an attempt', () => {
  const storage = createMemoryBlobStore();
  const take = (attempt: number, owner = 'one', store = storage) =>
    takeFence(store, { id: 'job', attempt }, owner);

  test('is taken once, and ends the attempts before it', async () => {
    const first = await take(1);
    await first.begin([]);
    await first.assertHeld();
    await expect(take(1, 'another')).rejects.toMatchObject({
      ...OVER,
      hint: expect.stringContaining('prefix for checkpoints'),
    });
    const second = await take(2);
    await expect(first.assertHeld()).rejects.toMatchObject({
      ...OVER,
      message: 'attempt 1 of job "job" is over: attempt 2 has begun',
    });
    await second.assertHeld();
    expect(await latestAttempt(storage)).toBe(2);
  });

  test('is not taken by an attempt that is over before it begins', async () => {
    const store = createMemoryBlobStore();
    await take(7, 'one', store);
    await expect(take(6, 'one', store)).rejects.toMatchObject(OVER);
  });

  test('keeps an attempt that was overtaken in its start from having any effect', async () => {
    const store = createMemoryBlobStore();
    const slow = await take(1, 'one', store);
    await (await take(2, 'two', store)).begin([]);
    await expect(slow.begin([])).rejects.toMatchObject(OVER);
  });

  test('says which checkpoints count: what the newest note names, and what came from its attempt', async () => {
    const store = createMemoryBlobStore();
    const [one, two] = [await take(1, 'one', store), { checkpoint: 2, attempt: 1 }];
    expect(one.counts({ checkpoint: 1, attempt: 0 })).toBe(true);
    await one.begin([]);
    await (await take(2, 'two', store)).begin([two]);
    const third = await take(3, 'three', store);
    expect(third.counts(two)).toBe(true);
    expect(third.counts({ checkpoint: 3, attempt: 2 })).toBe(true);
    // Written by the first attempt after the second had begun.
    expect(third.counts({ checkpoint: 3, attempt: 1 })).toBe(false);
    // The second's note is late, and changes nothing any more.
    await third.begin([two]);
    expect((await take(4, 'four', store)).counts({ checkpoint: 9, attempt: 2 })).toBe(false);
  });

  test('does not begin with a damaged note', async () => {
    const store = createMemoryBlobStore();
    await (await take(1, 'one', store)).begin([]);
    for (const text of [
      '',
      '{',
      '{"attempt":1}',
      '{"attempt":2,"counted":[]}',
      '{"attempt":1,"counted":[{}]}',
    ]) {
      await store.put('attempts/1.json', new TextEncoder().encode(text));
      const attempt = 10 + text.length;
      await expect(take(attempt, 'next', store)).rejects.toMatchObject({
        code: 'CHECKPOINT_CORRUPT',
        message: expect.stringContaining('"attempts/1.json"'),
      });
      await store.delete(`attempts/${attempt}.fence`);
    }
  });

  test('leaves a bounded number of files', async () => {
    const store = createMemoryBlobStore();
    for (let attempt = 1; attempt <= 50; attempt++) {
      await (await take(attempt, 'one', store)).begin([]);
    }
    expect(await store.list('')).toHaveLength(2 * ATTEMPTS_REMEMBERED);
  });
});

describe.each([0, 2])('two attempts at once, on %i threads', (threads) => {
  test('the earlier one ends at its next checkpoint, and commits nothing', async () => {
    const pipeline = wordPipeline({ lines: 900, rate: 3_000, hold: 150 });
    const bench = createJobBench({ pipeline, threads, parallelism: 2 });
    const earlier = await bench.start();
    await untilRead(earlier, 'lines', 20);
    const { checkpoint } = await earlier.checkpoint();
    await untilRead(earlier, 'lines', 60);
    const later = await bench.start();
    expect((await later.status()).checkpoint?.checkpoint).toBe(checkpoint);
    await expect(earlier.checkpoint()).rejects.toMatchObject({
      code: 'CHECKPOINT_FAILED',
      message: expect.stringContaining('attempt 2 has begun'),
    });
    expect(await earlier.ended).toMatchObject({ kind: 'failed', error: OVER });
    bench.openGate();
    expect(await later.ended).toEqual({ kind: 'finished' });
    expectEveryCountOnce(bench.committed('out'), 900);
  });

  test('what the earlier one still wrote is passed over for good', async () => {
    const pipeline = wordPipeline({ lines: 600, rate: 3_000, hold: 150 });
    const bench = createJobBench({ pipeline, threads });
    const earlier = await bench.start();
    await untilRead(earlier, 'lines', 20);
    await earlier.checkpoint();
    await untilRead(earlier, 'lines', 60);
    await bench.start().then((later) => later.cancel());
    await expect(earlier.checkpoint()).rejects.toThrow();
    await earlier.ended;
    const folders = readdirSync(join(bench.directory, 'checkpoints'));
    expect(folders).toEqual(['1', '2']);
    const last = await bench.start();
    expect((await last.status()).checkpoint?.checkpoint).toBe(1);
    bench.openGate();
    await last.ended;
    expectEveryCountOnce(bench.committed('out'), 600);
  });

  test('dead letters of the earlier one are taken over, but for those of later checkpoints', async () => {
    const bench = createJobBench({ pipeline: wordPipeline({ lines: 40 }), threads });
    const job = await bench.start();
    await job.ended;
    writeFileSync(join(bench.directory, 'dead-letters-1.jsonl'), '{"checkpoint":1}\n');
    const again = await bench.start();
    await again.ended;
    expect(readdirSync(bench.directory).filter((name) => name.startsWith('dead-'))).toEqual([
      'dead-letters-2.jsonl',
    ]);
  });
});
