import { describe, expect, test } from 'vitest';
import { SPARE_MEMORY_BYTES_MAX } from '../../host/limits.ts';
import { createInstance } from '../../host/sandbox/instance.ts';
import { SpareMemories } from '../../host/sandbox/spare-memories.ts';
import { AMPLE_LIMITS, failureOf, numberRows, startGuest } from '../kit/guest-runs.ts';
import { guestOf, INPUT_ADDRESS, NUMBERS_ROW_BYTES } from '../kit/hand-made-guest.ts';
import { op, TYPE } from '../kit/wasm-builder.ts';

const SEEN = 20_000;
const DATA = 30_000;
const PAGE = 65_536;

/** Logs the byte at an address. */
const tell = (log: number, at: number) => [op.i32(1), op.i32(at), op.i32(1), op.call(log)];

/** `show` logs what it finds in memory and in a global, writes over it, and traps; `size` grows and emits nothing. */
const marks = () =>
  guestOf(({ builder, log }) => {
    builder.data(DATA, [0x64]).data(SEEN - 1, [0x2e]);
    builder.global(TYPE.i32, true, op.i32(0x67));
    const write = (at: number) => [op.i32(at), op.i32(0x7878_7878), op.store()];
    return {
      show: {
        kind: 'flatMap',
        code: [
          ...[op.i32(SEEN + 8), op.globalGet(0), op.store()],
          ...[...tell(log, DATA), ...tell(log, SEEN), ...tell(log, SEEN + 8)],
          ...[...write(DATA), ...write(SEEN), op.i32(0x78), op.globalSet(0), op.unreachable],
        ],
      },
      grow: { kind: 'flatMap', code: [op.i32(2), op.grow, op.drop, op.i32(0)] },
    };
  });

describe('the instance that takes the place of a dead one', () => {
  test('finds memory and globals as a new one does', async () => {
    const { instance, log } = await startGuest(marks());
    const replace = () =>
      createInstance(instance.module, AMPLE_LIMITS, (_level, text) => log.push(text));
    failureOf(() => instance.run('show', numberRows([1])));
    const first = log.splice(0).map((line) => line.slice(-1));
    for (let i = 0; i < 5; i++) {
      const next = replace();
      failureOf(() => next.run('show', numberRows([1])));
      expect(log.splice(0).map((line) => line.slice(-1))).toEqual(first);
    }
    // Data, a zero (escaped), the global.
    expect(first).toEqual(['d', '}', 'g']);
  });

  test('works beside others: no two that live share a memory', async () => {
    const { instance } = await startGuest(
      guestOf(({ emit }) => ({
        echo: {
          kind: 'map',
          code: [op.get(0), op.get(1), op.get(2), op.i32(1), op.call(emit), op.i32(0)],
        },
        die: { kind: 'map', code: [op.unreachable] },
      })),
    );
    const start = () => createInstance(instance.module, AMPLE_LIMITS, () => {});
    const live = [start(), start(), start()];
    for (let round = 0; round < 20; round++) {
      const outputs = live.map((one, i) => one.run('echo', numberRows([round * 10 + i])));
      const values = outputs.map(({ bytes }) =>
        new DataView(bytes.buffer, bytes.byteOffset).getInt32(16, true),
      );
      expect(values).toEqual([round * 10, round * 10 + 1, round * 10 + 2]);
      failureOf(() => live[round % 3].run('die', numberRows([1])));
      live[round % 3] = start();
    }
  });

  test('is dead for good itself when it fails', async () => {
    const { instance } = await startGuest(marks());
    failureOf(() => instance.run('show', numberRows([1])));
    const next = createInstance(instance.module, AMPLE_LIMITS, () => {});
    expect(failureOf(() => instance.run('grow', numberRows([1]))).message).toMatch(/is dead/);
    expect(next.run('grow', numberRows([1])).count).toBe(0);
  });
});

describe('spare memories', () => {
  test('are handed out cleared, to who may have as much', () => {
    const spare = new SpareMemories();
    const used = new WebAssembly.Memory({ initial: 2, maximum: 10 });
    new Uint8Array(used.buffer).fill(7);
    spare.give(used, 10);
    expect(spare.take(1, 9)).not.toBe(used);
    const taken = spare.take(1, 10);
    expect(taken).toBe(used);
    expect(new Uint8Array(taken.buffer).every((byte) => byte === 0)).toBe(true);
    expect(spare.take(1, 10)).not.toBe(used);
  });

  test('are few and small', () => {
    const spare = new SpareMemories();
    const pages = SPARE_MEMORY_BYTES_MAX / PAGE + 1;
    const large = new WebAssembly.Memory({ initial: pages, maximum: 100 });
    spare.give(large, 100);
    expect(spare.take(1, 100)).not.toBe(large);
    const given = Array.from(
      { length: 10 },
      () => new WebAssembly.Memory({ initial: 1, maximum: 5 }),
    );
    for (const memory of given) spare.give(memory, 5);
    const taken = Array.from({ length: 10 }, () => spare.take(1, 5));
    expect(taken.filter((memory) => given.includes(memory))).toHaveLength(4);
  });
});

test('a row of numbers lies where the guests of these tests take it', () => {
  expect(INPUT_ADDRESS + NUMBERS_ROW_BYTES).toBeLessThan(SEEN);
});
