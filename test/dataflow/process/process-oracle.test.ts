import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEngineStateTable } from '../../../host/state/engine-state-table.ts';
import { createHeapTimerTable } from '../../../host/state/heap-timer-table.ts';
import { createMapStateTable } from '../../../host/state/map-state-table.ts';
import { createMapTimerTable } from '../../../host/state/map-timer-table.ts';
import { createFakeSandbox } from '../../kit/fake-sandbox.ts';
import {
  COUNT_TTL_MS,
  commandFunction,
  OPERATIONS,
  PAGES_TTL_MS,
  SPEC,
} from '../../kit/process-commands.ts';
import { ProcessOracle } from '../../kit/process-oracle.ts';
import { ProcessTasks } from '../../kit/process-tasks.ts';

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

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const LIVES = [
  ['map', createMapStateTable, createMapTimerTable],
  ['engine', createEngineStateTable, createHeapTimerTable],
] as const;

/** Feeds both and compares, key by key, what they said. */
function check(
  steps: readonly Step[],
  parallelism: number,
  [, createStateTable, createTimerTable]: (typeof LIVES)[number],
): void {
  const sandbox = createFakeSandbox();
  const module = sandbox.module('v1', [commandFunction()]);
  const tasks = new ProcessTasks(
    { spec: SPEC, sandbox, module, createStateTable, createTimerTable },
    parallelism,
  );
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

describe('a process function equals one that knows no batches', () => {
  for (const life of LIVES) {
    for (const parallelism of [1, 3]) {
      test(`with the ${life[0]} tables, in ${parallelism} tasks`, () => {
        const run = fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
          check(steps, parallelism, life);
        });
        fc.assert(run, { numRuns: 600 });
      });
    }
  }
});
