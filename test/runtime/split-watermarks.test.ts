import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Element, WATERMARK_MIN_MS } from '../../host/model/element.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { boundedOutOfOrderness, cutBatch } from '../../host/runtime/cut-batch.ts';
import { SplitWatermarks } from '../../host/runtime/split-watermarks.ts';
import { timedBatch } from '../kit/timed-rows.ts';

const EMPTY: RecordSchema = { name: 'Empty', fields: [{ name: 'n', type: { kind: 'i32' } }] };
const rowsAt = (times: readonly (number | undefined)[]) =>
  timedBatch(
    EMPTY,
    times.map((time) => ({
      record: { n: 0 },
      time: time === undefined ? undefined : BigInt(time),
    })),
  );
const ROW_BYTES = rowsAt([0]).bytes.length;
const BOUND_MS = 3;

/** Times of rows and watermarks, in order. */
function described(elements: readonly Element[]): (string | number)[] {
  return elements.flatMap((element): (string | number)[] => {
    if (element.kind === 'watermark') return [`w${element.timeMs}`];
    if (element.kind !== 'batch') return [];
    const { bytes, count } = element.batch;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Array.from({ length: count }, (_, i) =>
      Number(view.getBigInt64(i * ROW_BYTES + 8, true)),
    );
  });
}

/** One poll: runs of rows, each of a split. */
function poll(
  clocks: SplitWatermarks,
  runs: readonly (readonly [split: number | undefined, ...times: (number | undefined)[]])[],
  sentMs = WATERMARK_MIN_MS,
): Element[] {
  let at = 0;
  for (const [split, ...times] of runs) {
    if (split !== undefined) clocks.rows(split, at);
    at += times.length * ROW_BYTES;
  }
  const batch = rowsAt(runs.flatMap(([, ...times]) => times));
  const rows = { batch, runs: clocks.takeRuns() };
  return cutBatch(rows, clocks, boundedOutOfOrderness(BOUND_MS), sentMs);
}

describe('watermarks by split', () => {
  test('the task has the lowest of its splits, and those that have ended hold nothing back', () => {
    const clocks = new SplitWatermarks(undefined, undefined);
    clocks.opened(0);
    clocks.opened(1);
    poll(clocks, [[0, 100]]);
    expect(clocks.watermarkMs).toBe(WATERMARK_MIN_MS);
    poll(clocks, [
      [0, 200],
      [1, 50],
    ]);
    expect(clocks.watermarkMs).toBe(50 - BOUND_MS - 1);
    clocks.ended(1);
    expect(clocks.watermarkMs).toBe(46);
    clocks.tick(0, false);
    expect(clocks.watermarkMs).toBe(196);
  });

  test('a split that ends holds back the watermark until its last rows are through', () => {
    const clocks = new SplitWatermarks(undefined, undefined);
    clocks.opened(0);
    clocks.opened(1);
    clocks.rows(0, 0);
    clocks.rows(1, ROW_BYTES);
    clocks.ended(1);
    const rows = { batch: rowsAt([100, 5]), runs: clocks.takeRuns() };
    expect(described(cutBatch(rows, clocks, boundedOutOfOrderness(3), WATERMARK_MIN_MS))).toEqual([
      100, 5,
    ]);
  });

  test('what a record makes late comes behind the watermark, however records are read together', () => {
    const clocks = new SplitWatermarks(undefined, undefined);
    const elements = poll(clocks, [[undefined, 10, 20, undefined, 17, 16, 30, 17]]);
    const none = -(2 ** 63);
    expect(described(elements)).toEqual([10, 20, none, 17, 'w16', 16, 30, 'w26', 17]);
  });

  test('a split of another time makes nothing late', () => {
    const clocks = new SplitWatermarks(undefined, undefined);
    clocks.opened(0);
    clocks.opened(1);
    expect(
      described(
        poll(clocks, [
          [0, 1_000],
          [1, 3],
          [0, 2_000],
          [1, 4],
        ]),
      ),
    ).toEqual([1_000, 3, 2_000, 4]);
  });

  test('the cuts of one large poll are those of polls of a record each', () => {
    const record = fc.tuple(fc.nat(2), fc.option(fc.nat(40), { nil: undefined }));
    fc.assert(
      fc.property(fc.array(record, { maxLength: 30 }), fc.nat(6), (records, size) => {
        const run = (perPoll: number) => {
          const clocks = new SplitWatermarks(undefined, undefined);
          for (const split of [0, 1, 2]) clocks.opened(split);
          let sent = WATERMARK_MIN_MS;
          const late: string[] = [];
          for (let i = 0; i < records.length; i += perPoll) {
            for (const element of poll(clocks, records.slice(i, i + perPoll), sent)) {
              if (element.kind === 'watermark') {
                expect(element.timeMs).toBeGreaterThan(sent);
                sent = element.timeMs;
              } else {
                const isLate = (time: number | string) => Number(time) <= sent;
                late.push(...described([element]).map((time) => `${time} ${isLate(time)}`));
              }
            }
          }
          return late;
        };
        expect(run(size + 1)).toEqual(run(1));
      }),
      { numRuns: 500 },
    );
  });

  test('a split without records becomes idle, and is awake with the next', () => {
    const clocks = new SplitWatermarks(100, undefined);
    clocks.opened(0);
    clocks.opened(1);
    clocks.tick(0, false);
    poll(clocks, [[0, 50]]);
    clocks.tick(99, false);
    expect(clocks.watermarkMs).toBe(WATERMARK_MIN_MS);
    expect(clocks.idleAtMs).toBe(100);
    poll(clocks, [[0, 60]]);
    clocks.tick(100, false);
    expect(clocks.watermarkMs).toBe(56);
    expect(clocks.isIdle).toBe(false);
    clocks.tick(199, false);
    expect(clocks.isIdle).toBe(true);
    expect(clocks.idleAtMs).toBeUndefined();
    poll(clocks, [[1, 20]]);
    expect(clocks.isIdle).toBe(false);
    expect(clocks.watermarkMs).toBe(56);
  });

  test('a source that is not read is not idle', () => {
    const clocks = new SplitWatermarks(100, undefined);
    clocks.opened(0);
    for (const nowMs of [0, 80, 160, 240]) clocks.tick(nowMs, true);
    expect(clocks.isIdle).toBe(false);
    expect(clocks.idleAtMs).toBe(340);
  });

  test('goes on from the watermark of the checkpoint', () => {
    const clocks = new SplitWatermarks(undefined, 500);
    clocks.opened(0);
    poll(clocks, [[0, 20]]);
    expect(clocks.watermarkMs).toBe(500);
  });
});
