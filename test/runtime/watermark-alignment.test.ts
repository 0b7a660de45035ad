import { expect, test } from 'vitest';
import type { Plan } from '../../host/dataflow/plan.ts';
import { WATERMARK_MAX_MS, WATERMARK_MIN_MS } from '../../host/model/element.ts';
import { WatermarkAlignment } from '../../host/runtime/watermark-alignment.ts';

const source = (group: string | undefined, maxDriftMs = 0) => ({
  kind: 'source',
  eventTime: group === undefined ? undefined : { alignment: { group, maxDriftMs } },
});
/** Chains: two sources of group a, one of b, one of none. */
const PLAN = {
  chains: [source('a', 100), source('a', 50), source('b', 10), source(undefined)].map(
    (operator) => ({ operators: [operator] }),
  ),
} as unknown as Plan;
const TASKS = [{ chain: 0 }, { chain: 0 }, { chain: 1 }, { chain: 2 }, { chain: 3 }];
const told = (index: number, watermarkMs: number, idle = false) => ({
  index,
  watermarkMs,
  idle,
  lagBytes: undefined,
  operators: [],
});

test('sources of a group are read no further than the drift ahead of the slowest', () => {
  const alignment = new WatermarkAlignment(PLAN, TASKS);
  expect(alignment.update([told(0, 1_000), told(3, 7)])).toEqual({ a: 1_100, b: 17 });
  expect(alignment.update([told(1, 900)])).toEqual({ a: 1_000, b: 17 });
  expect(alignment.update([told(1, 900), told(4, 3)])).toBeUndefined();
  expect(alignment.update([told(2, WATERMARK_MIN_MS)])).toEqual({
    a: WATERMARK_MIN_MS + 50,
    b: 17,
  });
});

test('nobody waits for a source that is idle or has ended', () => {
  const alignment = new WatermarkAlignment(PLAN, TASKS);
  alignment.update([told(0, 1_000), told(1, 400), told(2, 2_000), told(3, 0)]);
  expect(alignment.update([told(1, 400, true)])).toEqual({ a: 1_100, b: 10 });
  expect(alignment.update([told(0, WATERMARK_MAX_MS)])).toEqual({ a: 2_050, b: 10 });
});

test('without groups there is nothing to say', () => {
  const plan = { chains: [{ operators: [source(undefined)] }] } as unknown as Plan;
  expect(new WatermarkAlignment(plan, [{ chain: 0 }]).update([told(0, 5)])).toBeUndefined();
});
