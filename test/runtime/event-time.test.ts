import { describe, expect, test } from 'vitest';
import type { Split } from '../../host/connectors/source.ts';
import { newCounters } from '../../host/dataflow/operator.ts';
import type { EventTimeSpec, SourceSpec } from '../../host/dataflow/plan.ts';
import { WATERMARK_INTERVAL_MS } from '../../host/limits.ts';
import { type Element, WATERMARK_MAX_MS, WATERMARK_MIN_MS } from '../../host/model/element.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { assignFromField } from '../../host/runtime/assign-event-time.ts';
import { SourceInput } from '../../host/runtime/source-input.ts';
import { SplitWatermarks } from '../../host/runtime/split-watermarks.ts';
import { createTestSource, PAUSE, type TestInput } from '../kit/test-source.ts';

const READING: RecordSchema = {
  name: 'Reading',
  fields: [
    { name: 'value', type: { kind: 'i64' } },
    { name: 'at', type: { kind: 'optional', of: { kind: 'timestamp' } } },
  ],
};

const EVENT_TIME: EventTimeSpec = { fieldIndex: 1, outOfOrdernessMs: 10, idleMs: undefined };

const SPEC: SourceSpec = {
  kind: 'source',
  id: 'readings',
  connector: 'test',
  options: {},
  schema: READING,
  onMalformed: 'fail',
  eventTime: EVENT_TIME,
};

async function inputOf(
  records: readonly TestInput[],
  watermarkMs?: number,
  eventTime: Partial<EventTimeSpec> = {},
) {
  const test = createTestSource({ splits: [records], schema: READING, recordsPerPoll: 1 });
  const splits: Split[] = [{ id: 'split-0', spec: 0, position: undefined }];
  const counters = newCounters();
  const holder: { input?: SourceInput } = {};
  const reader = await test.source.open(splits, {
    schema: READING,
    id: 'readings',
    task: 0,
    parallelism: 1,
    onMalformed: 'fail',
    malformed: () => {},
    baseDirectory: '/',
    wake: () => holder.input?.wake(),
  });
  const input = new SourceInput({
    spec: { ...SPEC, eventTime: { ...EVENT_TIME, ...eventTime } },
    reader,
    counters,
    assign: assignFromField(READING, 1),
    splits: new SplitWatermarks(eventTime.idleMs, watermarkMs),
  });
  holder.input = input;
  return { input, test, counters };
}

/** What comes next, times of rows included, with time standing still unless told. */
function describeElement(element: Element | undefined): unknown {
  if (element?.kind !== 'batch') return element;
  const { bytes } = element.batch;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { time: view.getBigInt64(8, true) };
}

const at = (ms: number | null) => ({ value: 1, at: ms });

describe('a source with event time', () => {
  test('gives rows the time of the field, none where it is null, and ends with the last watermark', async () => {
    const { input, counters } = await inputOf([at(1000), at(null), at(-5)]);
    const all = Array.from({ length: 8 }, (_, i) =>
      describeElement(input.next(i * WATERMARK_INTERVAL_MS)),
    );
    expect(all.filter((one) => one !== undefined)).toEqual([
      { time: 1000n },
      { kind: 'watermark', timeMs: 989 },
      { time: -(2n ** 63n) },
      { time: -5n },
      { kind: 'watermark', timeMs: WATERMARK_MAX_MS },
      { kind: 'end' },
    ]);
    expect(counters).toMatchObject({ recordsOut: 3, batches: 3 });
  });

  test('the watermark never falls, and is not sent more often than the interval', async () => {
    const { input } = await inputOf([at(1000), at(500), at(2000), at(3000), PAUSE]);
    expect(describeElement(input.next(100))).toEqual({ time: 1000n });
    expect(input.next(100)).toEqual({ kind: 'watermark', timeMs: 989 });
    expect(describeElement(input.next(100))).toEqual({ time: 500n });
    expect(input.watermarkMs).toBe(989);
    expect(describeElement(input.next(101))).toEqual({ time: 2000n });
    expect(describeElement(input.next(102))).toEqual({ time: 3000n });
    expect(input.next(103)).toBeUndefined();
    expect(input.next(100 + WATERMARK_INTERVAL_MS)).toEqual({ kind: 'watermark', timeMs: 2989 });
  });

  test('goes on from the watermark of the checkpoint', async () => {
    const { input } = await inputOf([at(1000)], 5000);
    expect(input.next(0)).toEqual({ kind: 'watermark', timeMs: 5000 });
    expect(describeElement(input.next(0))).toEqual({ time: 1000n });
    expect(input.watermarkMs).toBe(5000);
  });
});

describe('a source with an idle time', () => {
  test('tells when it has had no record for so long, and when it has one again', async () => {
    const { input, test: source } = await inputOf([at(1000), PAUSE, at(5000)], undefined, {
      idleMs: 300,
    });
    expect(describeElement(input.next(0))).toEqual({ time: 1000n });
    expect(input.next(0)).toEqual({ kind: 'watermark', timeMs: 989 });
    expect(input.next(299)).toBeUndefined();
    expect(input.dueMs).toBe(300);
    expect(input.next(300)).toEqual({ kind: 'watermark', timeMs: 989, idle: true });
    expect(input.isIdle).toBe(true);
    expect(input.next(400)).toBeUndefined();
    source.resume();
    expect(input.next(500)).toEqual({ kind: 'watermark', timeMs: 989 });
    expect(input.isMidway).toBe(true);
    expect(describeElement(input.next(500))).toEqual({ time: 5000n });
    expect(input.isIdle).toBe(false);
  });
});

describe('a source with marks for its watermark', () => {
  test('has the watermark that its records say, and no other', async () => {
    const { input } = await inputOf([at(1000), at(null), at(3000)], undefined, {
      watermarkIndex: 0,
    });
    expect(describeElement(input.next(0))).toEqual({ time: 1000n });
    expect(input.watermarkMs).toBe(1);
    expect(describeElement(input.next(0))).toEqual({ kind: 'watermark', timeMs: 1 });
  });
});

describe('a source that is aligned with others', () => {
  test('is not read while it is ahead of them', async () => {
    const { input } = await inputOf([at(1000), at(2000)], undefined, {
      alignment: { group: 'all', maxDriftMs: 100 },
    });
    input.align({ all: 500, others: 5 });
    expect(describeElement(input.next(0))).toEqual({ time: 1000n });
    expect(input.next(0)).toEqual({ kind: 'watermark', timeMs: 989 });
    expect(input.next(10)).toBeUndefined();
    input.align({ all: 989 });
    expect(describeElement(input.next(10))).toEqual({ time: 2000n });
  });
});

describe('a source', () => {
  test('answers a trigger before anything else, idle, paused or not', async () => {
    const { input, test: source } = await inputOf([at(1), PAUSE, at(2)]);
    input.trigger(1);
    expect(input.next(0)).toEqual({ kind: 'barrier', checkpoint: 1 });
    input.pause();
    expect(input.next(0)).toBeUndefined();
    input.trigger(2);
    expect(input.next(0)).toEqual({ kind: 'barrier', checkpoint: 2 });
    expect(input.watermarkMs).toBe(WATERMARK_MIN_MS);
    input.resume();
    expect(describeElement(input.next(0))).toEqual({ time: 1n });
    while (input.next(0) !== undefined);
    input.trigger(3);
    expect(input.next(0)).toEqual({ kind: 'barrier', checkpoint: 3 });
    expect(input.next(0)).toBeUndefined();
    source.resume();
    expect(describeElement(input.next(0))).toEqual({ time: 2n });
  });
});
