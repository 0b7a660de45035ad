import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Pipeline } from '../../host/dataflow/pipeline.ts';
import { createLocalBlobStore } from '../../host/storage/local-blob-store.ts';
import { type CollectSink, createCollectSink } from '../kit/collect-sink.ts';
import { createFailingStorage } from '../kit/failing-storage.ts';
import { createJobBench, type JobBench } from '../kit/job-bench.ts';
import { until } from '../kit/until.ts';
import { nextEvent, untilRead } from '../kit/wait-for.ts';
import { expectEveryCountOnce, wordPipeline } from '../kit/word-pipeline.ts';

const LINES = 1000;
const RATE = 2000;
/** So far each reader goes before the test lets the job end. */
const HOLD = 200;

function linesOf(bench: JobBench, file: string): Record<string, unknown>[] {
  const text = readFileSync(join(bench.directory, file), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function logOf(bench: JobBench): string {
  return readFileSync(join(bench.directory, 'log.jsonl'), 'utf8');
}

describe('a checkpoint', () => {
  test.each([
    '.state',
    'manifest-',
  ])('that finds the disk full at "%s" fails, the job goes on and says so', async (blob) => {
    const bench = createJobBench({
      pipeline: wordPipeline({ lines: LINES, rate: RATE, hold: HOLD }),
      parallelism: 2,
    });
    const storage = createFailingStorage(createLocalBlobStore(bench.directory));
    const job = await bench.start({ parts: { storage } });
    await untilRead(job, 'counts', 50);
    storage.fail(blob);
    const failed = nextEvent(job, 'checkpoint', (event) => event.checkpoint.state === 'failed');
    await expect(job.checkpoint()).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' });
    expect((await failed).checkpoint.reason).toContain('no space left on device');
    expect(logOf(bench)).toMatch(/no space left on device; the job goes on/);
    expect((await job.status()).state).toBe('running');
    const next = await job.checkpoint();
    expect(next.state).toBe('completed');
    expect((await job.metrics()).checkpoints).toEqual({ completed: 1, failed: 1 });
    expect(readdirSync(join(bench.directory, 'checkpoints'))).toEqual([`${next.checkpoint}`]);
    bench.openGate();
    await job.ended;
    expectEveryCountOnce(bench.committed('out'), LINES);
  });

  test('that the sink cannot prepare fails, and the next one commits its output as well', async () => {
    const { sink, bench } = collecting(wordPipeline({ lines: LINES, rate: RATE, hold: HOLD }));
    const job = await bench.start();
    await untilRead(job, 'counts', 50);
    sink.fail('preCommit');
    await expect(job.checkpoint()).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' });
    expect(sink.committed).toHaveLength(0);
    await job.checkpoint();
    expect(sink.committed.length).toBeGreaterThan(0);
    bench.openGate();
    await job.ended;
    expectEveryCountOnce(sink.committed, LINES);
  });

  test('that the sink cannot commit ends the attempt, and the next one commits it', async () => {
    const { sink, bench } = collecting(wordPipeline({ lines: LINES, rate: RATE, hold: HOLD }));
    const first = await bench.start();
    await untilRead(first, 'counts', 50);
    sink.fail('commit');
    await expect(first.checkpoint()).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' });
    expect(await first.ended).toMatchObject({ kind: 'failed', error: { code: 'STORAGE_FAILED' } });
    const second = await bench.start();
    expect(sink.committed.length).toBeGreaterThan(0);
    bench.openGate();
    await second.ended;
    expectEveryCountOnce(sink.committed, LINES);
  });

  test('at the end is tried again when it fails', async () => {
    const bench = createJobBench({ pipeline: wordPipeline({ lines: 20 }) });
    const storage = createFailingStorage(createLocalBlobStore(bench.directory));
    storage.fail('manifest-', 1);
    const job = await bench.start({ parts: { storage } });
    expect(await job.ended).toEqual({ kind: 'finished' });
    expectEveryCountOnce(bench.committed('out'), 20);
  });

  test('at a stop that fails leaves the job running', async () => {
    const bench = createJobBench({
      pipeline: wordPipeline({ lines: LINES, rate: RATE, hold: HOLD }),
    });
    const storage = createFailingStorage(createLocalBlobStore(bench.directory));
    const job = await bench.start({ parts: { storage } });
    await untilRead(job, 'counts', 10);
    storage.fail('manifest-', 1);
    await expect(job.stop()).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' });
    expect((await job.status()).state).toBe('running');
    bench.openGate();
    expect(await job.ended).toEqual({ kind: 'finished' });
    expectEveryCountOnce(bench.committed('out'), LINES);
  });

  test('that takes too long is given up', async () => {
    const bench = createJobBench({
      pipeline: {
        checkpoint: { every: 'off', timeout: '100ms' },
        sources: {
          in: {
            connector: 'generator',
            record: 'text.Event',
            rate: 1e6,
            fields: { id: { sequence: {} } },
          },
        },
        steps: { dealt: { keyBy: 'id', from: 'in' } },
        sinks: { out: { from: 'dealt', connector: 'gated' } },
      },
      parallelism: 2,
    });
    const job = await bench.start();
    await untilRead(job, 'in', 5_000);
    // The barrier stands behind rows that the sink does not take.
    await expect(job.checkpoint()).rejects.toThrow(/did not answer within 100 ms/);
    bench.openGate();
    await until('the sink has caught up', () => job.checkpoint().catch(() => undefined));
  });

  test('is taken by itself at the interval', async () => {
    const bench = createJobBench({
      pipeline: wordPipeline({
        lines: LINES,
        rate: RATE,
        hold: HOLD,
        checkpoint: { every: '20ms' },
      }),
    });
    const job = await bench.start();
    for (let i = 0; i < 3; i += 1) {
      await nextEvent(job, 'checkpoint', (event) => event.checkpoint.state === 'completed');
    }
  });

  test('tells how long tasks stood still and how much was written', async () => {
    const bench = createJobBench({
      pipeline: wordPipeline({ lines: LINES, rate: RATE, hold: HOLD }),
    });
    const job = await bench.start();
    await untilRead(job, 'counts', 50);
    const { bytes, pauseMs, durationMs } = await job.checkpoint();
    expect(bytes).toBeGreaterThan(0);
    expect(pauseMs).toBeGreaterThan(0);
    expect(pauseMs).toBeLessThan(durationMs);
  });
});

describe('dead letters', () => {
  const pipeline: Omit<Pipeline, 'name'> = {
    checkpoint: { every: 'off' },
    sources: {
      lines: {
        connector: 'gated',
        hold: HOLD,
        count: LINES,
        rate: RATE,
        splits: 2,
        fields: { text: { choice: ['fine', 'poison'] } },
      },
    },
    steps: { upper: { map: 'text.upper', from: 'lines', onError: 'deadLetter' } },
    sinks: { out: { from: 'upper', connector: 'memory' } },
  };

  test.each([
    0, 2,
  ])('are written once with the checkpoint, across a crash and a failed checkpoint, on %i threads', async (threads) => {
    const bench = createJobBench({ pipeline, parallelism: 2, threads });
    const storage = createFailingStorage(createLocalBlobStore(bench.directory));
    const first = await bench.start({ parts: { storage } });
    await untilRead(first, 'lines', 50);
    storage.fail('manifest-');
    await expect(first.checkpoint()).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' });
    await first.checkpoint();
    await untilRead(first, 'lines', 300);
    await bench.kill();
    // As if the crash had come while lines were being added.
    const file = join(bench.directory, 'dead-letters-1.jsonl');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.slice(0, -30));
    const second = await bench.start();
    bench.openGate();
    await second.ended;
    const letters = linesOf(bench, 'dead-letters-2.jsonl');
    expect(letters.length + bench.committed('out').length).toBe(LINES);
    expect(letters.length).toBeGreaterThan(LINES / 4);
    expect(letters[0]).toMatchObject({
      kind: 'record',
      step: 'upper',
      function: 'upper',
      code: 'GUEST_TRAP',
      digest: 'v1',
    });
    expect(Buffer.from(String(letters[0].row), 'base64').toString()).toContain('poison');
  });

  test('hold malformed records of a source that wants it', async () => {
    const bench = createJobBench({
      pipeline: {
        sources: {
          in: {
            connector: 'file',
            path: '*.jsonl',
            format: 'json',
            record: 'text.Event',
            onError: 'deadLetter',
          },
        },
        sinks: { out: { from: 'in', connector: 'memory' } },
      },
    });
    writeFileSync(
      join(bench.directory, 'in.jsonl'),
      '{"id":1,"version":"a"}\n{"id":\n{"id":2,"version":"b"}\n',
    );
    const job = await bench.start();
    await job.ended;
    expect(bench.committed('out')).toHaveLength(2);
    expect(linesOf(bench, 'dead-letters-1.jsonl')).toMatchObject([
      { kind: 'malformed', source: 'in', offset: 23 },
    ]);
    const { operators } = await job.metrics();
    expect(operators.find((one) => one.id === 'in')?.deadLetters).toBe(1);
  });
});

/** A bench whose sink `out` is a `CollectSink`. */
function collecting(pipeline: Omit<Pipeline, 'name'>): { bench: JobBench; sink: CollectSink } {
  const sink = createCollectSink();
  const out = { from: 'counts', connector: 'collect' };
  const bench = createJobBench({
    pipeline: { ...pipeline, sinks: { out } },
    parallelism: 2,
    connectors: [sink.connector],
  });
  return { bench, sink };
}
