import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { RecordSchema } from '../../host/model/schema.ts';
import { clangMissing, compileC, compileText, needsClang, WASI_REACTOR } from '../kit/clang.ts';
import { failureOf, numberRows, startGuest } from '../kit/guest-runs.ts';
import { addBuffer, finishGuest, handMadeGuest } from '../kit/hand-made-guest.ts';
import { decodeBatch, encodeBatch } from '../kit/rows.ts';
import { op, TYPE } from '../kit/wasm-builder.ts';

const { i32, i64 } = TYPE;
const WASI = 'wasi_snapshot_preview1';
const I64_ZERO = [0x42, 0];
const AT = 4096;

/** Writes the result of one WASI call into the first number of the row, and memory at `AT` into the next two. */
async function answerOf(
  name: string,
  params: readonly number[],
  args: readonly (readonly number[])[],
  data: readonly number[] = [],
) {
  const guest = handMadeGuest();
  // Imports come before functions, and the kit's guest has three.
  const call = guest.builder.importFunction(WASI, name, params, name === 'proc_exit' ? [] : [i32]);
  addBuffer(guest);
  guest.builder.data(AT, data);
  const result =
    name === 'proc_exit' ? [...args, op.call(call), op.i32(0)] : [...args, op.call(call)];
  const upload = finishGuest(guest, {
    f: {
      kind: 'map',
      code: [
        ...[op.get(0), ...result, op.store(16)],
        ...[op.get(0), op.i32(AT), op.load(), op.store(24)],
        ...[op.get(0), op.i32(AT + 4), op.load(), op.store(32)],
        ...[op.get(0), op.get(1), op.get(2), op.i32(1), op.call(guest.emit), op.i32(0)],
      ],
    },
  });
  const { instance, log } = await startGuest(upload);
  const { bytes } = instance.run('f', numberRows([0]));
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { answer: [16, 24, 32].map((offset) => view.getInt32(offset, true)), log };
}

const breach = expect.objectContaining({ code: 'ABI_VIOLATION' });

describe('the world of a WASI guest', () => {
  test('has no arguments, no environment and no files', async () => {
    const sizes = [op.i32(AT), op.i32(AT + 4)];
    for (const name of ['args_sizes_get', 'environ_sizes_get']) {
      const { answer } = await answerOf(name, [i32, i32], sizes, [9, 9, 9, 9, 9, 9, 9, 9]);
      expect(answer).toEqual([0, 0, 0]);
    }
    const { answer } = await answerOf('fd_prestat_get', [i32, i32], [op.i32(3), op.i32(AT)]);
    expect(answer[0]).toBe(8);
  });

  test('has a clock that moves by reading it, the same on every run', async () => {
    const read = [op.i32(0), I64_ZERO, op.i32(AT)];
    const first = await answerOf('clock_time_get', [i32, i64, i32], read);
    expect(first.answer).toEqual([0, 1_000_000, 0]);
    expect((await answerOf('clock_time_get', [i32, i64, i32], read)).answer).toEqual(first.answer);
  });

  test('has randomness that is the same on every run', async () => {
    const fill = [op.i32(AT), op.i32(8)];
    const first = await answerOf('random_get', [i32, i32], fill);
    expect(first.answer[1]).not.toBe(0);
    expect((await answerOf('random_get', [i32, i32], fill)).answer).toEqual(first.answer);
  });

  test('has standard output and error, which go to the log line by line', async () => {
    // One vector: 7 bytes at AT + 16.
    const data = [...[0x10, 0x10, 0, 0, 7, 0, 0, 0], ...Array(8).fill(0)];
    data.push(...new TextEncoder().encode('one\ntwo'));
    const write = (fd: number) => [op.i32(fd), op.i32(AT), op.i32(1), op.i32(AT + 8)];
    const types = [i32, i32, i32, i32];
    const { answer, log } = await answerOf('fd_write', types, write(1), data);
    expect(answer[0]).toBe(0);
    expect(log).toEqual(['info: one', 'info: two']);
    expect((await answerOf('fd_write', types, write(2), data)).log[0]).toBe('warn: one');
    expect((await answerOf('fd_write', types, write(3), data)).answer[0]).toBe(8);
  });

  test('leaves the descriptors of the host alone', async () => {
    const close = await answerOf('fd_close', [i32], [op.i32(1)]);
    expect(close.answer[0]).toBe(0);
    expect(process.stdout.writable).toBe(true);
    const seek = [op.i32(1), I64_ZERO, op.i32(0), op.i32(AT)];
    expect((await answerOf('fd_seek', [i32, i64, i32, i32], seek)).answer[0]).toBe(70);
    const read = [op.i32(0), op.i32(AT), op.i32(0), op.i32(AT)];
    expect((await answerOf('fd_read', [i32, i32, i32, i32], read)).answer).toEqual([0, 0, 0]);
  });

  test('ends the call, not the process, when the guest exits', async () => {
    await expect(answerOf('proc_exit', [i32], [op.i32(3)])).rejects.toMatchObject({
      code: 'GUEST_TRAP',
      message: 'function "f" trapped: the guest called proc_exit(3)',
    });
  });

  test.each([
    ['args_sizes_get', [i32, i32], [op.i32(-4), op.i32(0)]],
    ['environ_sizes_get', [i32, i32], [op.i32(0), op.i32(1 << 30)]],
    ['clock_time_get', [i32, i64, i32], [op.i32(0), I64_ZERO, op.i32(-1)]],
    ['clock_res_get', [i32, i32], [op.i32(0), op.i32(-7)]],
    ['random_get', [i32, i32], [op.i32(-5), op.i32(10)]],
    ['fd_write', [i32, i32, i32, i32], [op.i32(1), op.i32(-8), op.i32(1), op.i32(0)]],
    ['fd_write', [i32, i32, i32, i32], [op.i32(1), op.i32(0), op.i32(0), op.i32(-2)]],
    ['fd_read', [i32, i32, i32, i32], [op.i32(0), op.i32(0), op.i32(0), op.i32(-2)]],
    ['fd_fdstat_get', [i32, i32], [op.i32(1), op.i32(-2)]],
  ])('checks the addresses given to %s', async (name, params, args) => {
    await expect(answerOf(name, params, args)).rejects.toEqual(breach);
  });

  test('checks the vectors given to fd_write', async () => {
    const write = (vectors: number, count: number) => [
      ...[op.i32(1), op.i32(vectors), op.i32(count), op.i32(0)],
    ];
    const types = [i32, i32, i32, i32];
    const outside = [...[0, 0, 0, 0], ...[0, 0, 0, 0x7f]];
    await expect(answerOf('fd_write', types, write(AT, 1), outside)).rejects.toEqual(breach);
    expect((await answerOf('fd_write', types, write(AT, 1 << 20))).answer[0]).toBe(28);
  });
});

const PERSON: RecordSchema = {
  name: 'Person',
  fields: [
    { name: 'name', type: { kind: 'string' } },
    { name: 'age', type: { kind: 'i32' } },
  ],
};

describe.skipIf(clangMissing !== undefined)(needsClang('a guest in C over a WASI libc'), () => {
  const source = join(import.meta.dirname, '../guests/c-hello/hello.c');
  const include = `-I${join(import.meta.dirname, '../../guest-sdk/c')}`;
  let hello: Uint8Array;

  beforeAll(() => {
    hello = compileC(source, [...WASI_REACTOR, include]);
  });

  test('maps rows and prints to the log', async () => {
    const { instance, log } = await startGuest(hello);
    const people = encodeBatch(PERSON, [
      { name: 'Ada', age: 36 },
      { name: 'Müller', age: -1 },
    ]);
    const [greet] = instance.module.description.functions;
    expect(decodeBatch(greet.output, instance.run('greet', people))).toEqual([
      { text: 'hello, Ada', letters: 3, half: 18 },
      { text: 'hello, Müller', letters: 7, half: null },
    ]);
    expect(log).toEqual(['info: greeted 2 people in 80 bytes']);
  });

  test('maps batches of any size, with fuel that depends on the rows alone', async () => {
    const { instance } = await startGuest(hello);
    const [greet] = instance.module.description.functions;
    const batch = (rows: number) =>
      encodeBatch(
        PERSON,
        Array.from({ length: rows }, (_, i) => ({ name: `n${i}`.repeat(1 + (i % 40)), age: i })),
      );
    for (const rows of [1, 5_000, 20_000, 3]) {
      const output = decodeBatch(greet.output, instance.run('greet', batch(rows)));
      expect(output).toHaveLength(rows);
      expect(output.at(-1)).toMatchObject({ half: (rows - 1) / 2 });
    }
    const fuel = instance.lastFuel;
    instance.run('greet', batch(3));
    expect(instance.lastFuel).toBe(fuel);
  });

  test('stops when its fuel is used up', async () => {
    const { instance } = await startGuest(hello, { fuelPerRecord: 100 });
    const people = encodeBatch(PERSON, [{ name: 'Ada', age: 1 }]);
    expect(failureOf(() => instance.run('greet', people)).code).toBe('FUEL_EXHAUSTED');
  });
});

describe.skipIf(clangMissing !== undefined)(
  needsClang('the guest in the README of the C SDK'),
  () => {
    test('keeps the hot readings, compiled as the README says', async () => {
      const sdk = join(import.meta.dirname, '../../guest-sdk/c');
      const [, source] = /```c\n(.*?)```/s.exec(readFileSync(join(sdk, 'README.md'), 'utf8')) ?? [];
      const flags = ['--target=wasm32', '-nostdlib', '-Wl,--no-entry', '-mbulk-memory', `-I${sdk}`];
      const { instance } = await startGuest(compileText(source, flags));
      const [{ input }] = instance.module.description.functions;
      const readings = [
        { sensor: 'a', celsius: 31 },
        { sensor: 'b', celsius: 30 },
        { sensor: 'c', celsius: 99.5 },
      ];
      const output = instance.run('hot', encodeBatch(input, readings));
      expect(decodeBatch(input, output)).toEqual([readings[0], readings[2]]);
    });
  },
);
