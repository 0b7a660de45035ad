import { describe, expect, test } from 'vitest';
import { createRowKernel } from '../../../host/abi/create-row-kernel.ts';
import { createProcessOperator } from '../../../host/dataflow/operators/process/process-operator.ts';
import type { ProcessSpec } from '../../../host/dataflow/process-spec.ts';
import { TIMER_ROUNDS_MAX } from '../../../host/limits.ts';
import { WATERMARK_MAX_MS } from '../../../host/model/element.ts';
import { createStateTable } from '../../../host/state/create-state-table.ts';
import type { FakeContext, FakeProcess } from '../../kit/fake-process.ts';
import { createFakeSandbox } from '../../kit/fake-sandbox.ts';
import { batchOf } from '../../kit/keyed-rows.ts';
import { COMMAND, commandFunction, REPLY, SPEC } from '../../kit/process-commands.ts';
import { ProcessTasks } from '../../kit/process-tasks.ts';

type OnTimer = (timeMs: number, context: FakeContext, key: string) => void;

/** Tasks of a function whose records set a timer each, at `arg`; `ptimer` one of the clock. */
function tasksOf(onTimer: OnTimer, part: Partial<ProcessSpec> = {}): ProcessTasks {
  const sandbox = createFakeSandbox();
  const body: FakeProcess = {
    kind: 'process',
    process({ op, arg }, context) {
      if (op === 'ptimer') context.setProcessingTimer(Number(arg));
      else context.setTimer(Number(arg));
    },
    onTimer: (timeMs, { key }, context) => onTimer(timeMs, context, String(key)),
  };
  const module = sandbox.module('v1', [{ ...commandFunction(), body: { process: body } }]);
  const tasks = new ProcessTasks({ spec: { ...SPEC, ...part }, sandbox, module }, 2);
  tasks.time(1_000);
  return tasks;
}

const at = (arg: number, key = 'a', op = 'timer') => ({
  record: { key, op, arg: BigInt(arg) },
  time: 0n,
});
const say: OnTimer = (timeMs, context, key) => context.emit({ key, text: `${timeMs}` });
const texts = (tasks: ProcessTasks) => tasks.take().map(({ record }) => record.text);

describe('timers of event time', () => {
  test('that are already due fire with the next watermark', () => {
    const tasks = tasksOf(say);
    tasks.watermark(50);
    tasks.feed([at(10), at(50)]);
    expect(texts(tasks)).toEqual([]);
    tasks.watermark(51);
    expect(texts(tasks)).toEqual(['10', '50']);
  });

  test('beyond all times fire when the input ends, and no sooner', () => {
    const tasks = tasksOf(say);
    tasks.feed([at(2 ** 60), at(Number.MAX_SAFE_INTEGER), at(-(2 ** 60), 'b')]);
    tasks.watermark(Number.MIN_SAFE_INTEGER + 1);
    expect(texts(tasks)).toEqual([`${Number.MIN_SAFE_INTEGER}`]);
    tasks.watermark(2 ** 52);
    tasks.restart(3);
    expect(texts(tasks)).toEqual([]);
    tasks.watermark(WATERMARK_MAX_MS);
    // Both are at the end of all times, so they are one.
    expect(texts(tasks)).toEqual([`${Number.MAX_SAFE_INTEGER}`]);
  });

  test('that set others fire these too, each once, when the input ends', () => {
    const tasks = tasksOf((timeMs, context, key) => {
      say(timeMs, context, key);
      if (timeMs < 40) context.setTimer(timeMs + 10);
    });
    tasks.feed([at(10), at(35, 'b')]);
    tasks.watermark(WATERMARK_MAX_MS);
    expect(texts(tasks).sort()).toEqual(['10', '20', '30', '35', '40', '45']);
  });

  test('that set ever new ones come to an end with the input, and the log says so', () => {
    const tasks = tasksOf((timeMs, context) => context.setTimer(timeMs + 1));
    tasks.feed([at(1)]);
    tasks.watermark(WATERMARK_MAX_MS);
    expect(tasks.logged.join()).toContain('timers set ever new ones');
    expect(tasks.tasks.map(({ counters }) => counters.stateEntries)).toEqual([0, 0]);
  });

  test('that set others at their own time end the job and not the clock', () => {
    const tasks = tasksOf((timeMs, context) => {
      // Deleted and set again: a new timer each time.
      context.setTimer(timeMs);
    });
    tasks.feed([at(1)]);
    expect(() => tasks.watermark(5)).toThrow(
      expect.objectContaining({
        code: 'TIMER_LOOP',
        message: expect.stringContaining(`${TIMER_ROUNDS_MAX} times`),
      }),
    );
  });

  test('that fail meet the policy of the step, each alone', () => {
    const failing: OnTimer = (timeMs, context, key) => {
      if (timeMs % 3 === 0) context.guest.trap('a third');
      say(timeMs, context, key);
    };
    const skipping = tasksOf(failing);
    const keys = Array.from({ length: 30 }, (_, i) => at(i, `key ${i}`));
    skipping.feed(keys);
    skipping.watermark(100);
    expect(texts(skipping).length).toBe(20);
    // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
    const letters = tasksOf(failing, { onError: { retries: 1, backoffMs: 0, then: 'deadLetter' } });
    letters.feed(keys);
    letters.watermark(100);
    expect(texts(letters).length).toBe(20);
    expect(letters.deadLetters.length).toBe(10);
    // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
    const strict = tasksOf(failing, { onError: { retries: 0, backoffMs: 0, then: 'fail' } });
    strict.feed([at(3)]);
    expect(() => strict.watermark(100)).toThrow('failed on a record');
  });
});

describe('timers of the clock', () => {
  test('fire when the clock has come to them, also those that were overdue at a restart', () => {
    const tasks = tasksOf(say);
    tasks.feed([at(1_500, 'a', 'ptimer'), at(2_500, 'b', 'ptimer')]);
    tasks.time(1_499);
    expect(texts(tasks)).toEqual([]);
    tasks.time(1_500);
    expect(texts(tasks)).toEqual(['1500']);
    tasks.restart(3);
    tasks.time(9_999);
    expect(texts(tasks)).toEqual(['2500']);
  });

  test('never make a task look at the clock without pause', () => {
    const tasks = tasksOf((_, context) => context.setProcessingTimer(0));
    tasks.feed([at(0, 'a', 'ptimer')]);
    for (let nowMs = 1_001; nowMs < 1_010; nowMs++) {
      tasks.time(nowMs);
      for (const task of tasks.tasks) expect(task.dueMs).toBeGreaterThan(nowMs);
    }
  });

  test('do not fire for a watermark', () => {
    const tasks = tasksOf(say);
    tasks.feed([at(2_000, 'a', 'ptimer')]);
    tasks.watermark(WATERMARK_MAX_MS);
    expect(texts(tasks)).toEqual([]);
  });
});

test('a million timers that are due fire in a second of this processor or little more', () => {
  const sandbox = createFakeSandbox();
  const module = sandbox.module('v1', [commandFunction()]);
  // What a guest takes is not the matter here: this one does nothing.
  const instantiate: typeof sandbox.instantiate = (compiled, limits, log) => {
    const instance = sandbox.instantiate(compiled, limits, log);
    const empty = { bytes: new Uint8Array(0), count: 0 };
    return Object.assign(Object.create(instance), {
      ...{ module: compiled, lastFuel: 0, memoryBytes: 0 },
      runProcess: (_: string, call: Parameters<typeof instance.runProcess>[1]) => {
        const timers = new Uint8Array(call.source === 'first' ? call.keys * 16 : 0);
        const view = new DataView(timers.buffer);
        for (let i = 0; i < timers.length; i += 16) {
          view.setUint32(i, i / 16, true);
          view.setUint32(i + 8, 1 + ((i / 16) % 1_000), true);
        }
        return {
          output: empty,
          states: empty,
          sides: [],
          timers,
          maps: [],
          metrics: new Float64Array(0),
        };
      },
    });
  };
  const kernel = createRowKernel();
  const operator = createProcessOperator(
    { ...SPEC, output: REPLY },
    {
      context: {
        task: 0,
        keyGroups: 128,
        range: { start: 0, end: 128 },
        hashed: true,
        log() {},
        deadLetter() {},
      },
      ...{ sandbox: { ...sandbox, instantiate }, module, kernel, createStateTable },
    },
  );
  const out = { batch() {}, side() {} };
  operator.onTime(1_000, out);
  const total = 1_000_000;
  for (let i = 0; i < total; i += 20_000) {
    const objects = Array.from({ length: 20_000 }, (_, j) => ({
      key: `${i + j}`,
      op: '',
      arg: 0n,
    }));
    const batch = batchOf(COMMAND, objects);
    kernel.hashKeys(batch, SPEC.key);
    operator.onBatch(batch, out);
  }
  expect(operator.counters.stateEntries).toBe(total);
  const before = process.cpuUsage();
  operator.onWatermark(1_000, out);
  const { user } = process.cpuUsage(before);
  expect(operator.counters.stateEntries).toBe(0);
  expect(operator.counters.stateBytes).toBe(0);
  // Processor time, twice what it takes on an idle machine: tests run beside each other.
  expect(user / 1_000).toBeLessThan(2_000);
});
