/** Random turns of the command function, and the comparison with its oracle. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { COUNT_TTL_MS, OPERATIONS, PAGES_TTL_MS } from './process-commands.ts';
import { ProcessOracle } from './process-oracle.ts';
import type { ProcessTasks } from './process-tasks.ts';

const KEYS = ['a', 'b', 'ab', '', 'é', 'another key of more bytes'];

const command = fc.record({
  key: fc.constantFrom(...KEYS),
  op: fc.constantFrom(...OPERATIONS),
  arg: fc.integer({ min: -3, max: 12 }),
  time: fc.integer({ min: 0, max: 60 }),
});

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('batch' as const),
      commands: fc.array(command, { maxLength: 14 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('watermark' as const),
      by: fc.integer({ min: 0, max: 25 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('time' as const),
      by: fc.integer({ min: 0, max: 90 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('restart' as const),
      parallelism: fc.constantFrom(1, 2, 3),
    }),
  },
);

/** A turn of a test: records, time, or a restart at another parallelism. */
export type ProcessStep = typeof step extends fc.Arbitrary<infer T> ? T : never;

export const processSteps = fc.array(step, { maxLength: 14 });

/** Feeds both and compares, key by key, what they said. */
export function checkAgainstOracle(steps: readonly ProcessStep[], tasks: ProcessTasks): void {
  const oracle = new ProcessOracle();
  let [watermarkMs, nowMs] = [0, 1_000];
  const look = () => {
    // A round of timers a look; what is due, and what that sets, is less than so many rounds.
    tasks.time(nowMs, 40);
    oracle.time(nowMs);
  };
  look();
  for (const one of steps) {
    switch (one.kind) {
      case 'batch':
        tasks.feed(
          one.commands.map(({ key, op, arg, time }) => ({
            record: { key, op, arg: BigInt(arg) },
            time: BigInt(time),
          })),
        );
        for (const { key, op, arg, time } of one.commands) oracle.command(key, op, { arg, time });
        break;
      case 'watermark':
        watermarkMs += one.by;
        tasks.watermark(watermarkMs);
        oracle.watermark(watermarkMs);
        break;
      case 'time':
        nowMs += one.by;
        look();
        break;
      case 'restart':
        tasks.restart(one.parallelism);
        look();
        break;
    }
  }
  const said = new Map<string, object[]>();
  for (const { side, record, time } of tasks.out) {
    const { key, text } = record as { key: string; text: string };
    said.set(key, [...(said.get(key) ?? []), { side, text, time: Number(time) }]);
  }
  for (const key of KEYS) {
    // Main and side output are two streams: each has its order.
    for (const side of [undefined, 'odd']) {
      const of = (list: readonly { side?: string | undefined }[] = []) =>
        list.filter((each) => each.side === side);
      expect(of(said.get(key))).toEqual(of(oracle.replies.get(key)));
    }
  }
  // In the end everything that has a time to live is gone, and its memory with it.
  nowMs += COUNT_TTL_MS + PAGES_TTL_MS + 100;
  tasks.watermark(Number.MAX_SAFE_INTEGER);
  oracle.watermark(Number.MAX_SAFE_INTEGER);
  look();
  nowMs += COUNT_TTL_MS + PAGES_TTL_MS + 100;
  look();
  const held = tasks.tasks.reduce((sum, { counters }) => sum + counters.stateEntries, 0);
  expect(held).toBe(oracle.alive + oracle.pages + oracle.timers);
  expect(oracle.pages + oracle.timers).toBe(0);
}
