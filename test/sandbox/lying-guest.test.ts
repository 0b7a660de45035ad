import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { MillraceError } from '../../host/errors.ts';
import { createSandbox } from '../../host/sandbox/create-sandbox.ts';
import type { CompiledModule } from '../../host/sandbox/guest.ts';
import { AMPLE_LIMITS, numberRows } from '../kit/guest-runs.ts';
import {
  finishGuest,
  guestOf,
  handMadeGuest,
  INPUT_ADDRESS,
  NUMBERS_ROW_BYTES,
} from '../kit/hand-made-guest.ts';
import { op, TYPE } from '../kit/wasm-builder.ts';

/** Lies per kind and run; `MILLRACE_FUZZ_RUNS` asks for more. */
const RUNS = Number(process.env.MILLRACE_FUZZ_RUNS ?? 2_500);
const MEMORY_BYTES = 4 * 65_536;

const sandbox = createSandbox();
const number = (index: number) => [op.get(0), op.load(16 + 8 * index)];
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => number(from + i)).flat();

/** Numbers that lies are made of: edges of memory, of the input and of 32 bits, and anything. */
const telling = fc.constantFrom(
  ...[0, 1, 7, 8, 16, 80, 88, -1, -8, -80, 0x7fff_fff8, -0x8000_0000, 65_536, MEMORY_BYTES],
  ...[MEMORY_BYTES - 8, MEMORY_BYTES - 80, MEMORY_BYTES + 8, INPUT_ADDRESS, INPUT_ADDRESS + 80],
);
const anything = fc.oneof(telling, fc.integer(), fc.integer({ min: 0, max: MEMORY_BYTES }));
const address = fc.oneof(fc.constant(INPUT_ADDRESS), anything);
const length = fc.oneof(fc.constant(NUMBERS_ROW_BYTES), anything);
const count = fc.oneof(fc.constant(1), anything);
const run = fc.tuple(address, length, count);

type Run = readonly [address: number, length: number, count: number];

/** Whether a run of rows is one that the host must take: the input row itself, or no rows at all. */
function honest([at, bytes, rows]: Run): boolean {
  const start = at >>> 0;
  if (rows === 0 && bytes === 0) return start % 8 === 0 && start <= MEMORY_BYTES;
  return start === INPUT_ADDRESS && bytes === NUMBERS_ROW_BYTES && rows === 1;
}

/** The code a call fails with; undefined when it does not. */
function failure(module: CompiledModule, numbersOfRow: readonly number[], keyed = false) {
  const instance = sandbox.instantiate(module, AMPLE_LIMITS, () => {});
  const rows = numberRows(numbersOfRow);
  try {
    if (!keyed) instance.run('lie', rows);
    else {
      const states = numberRows();
      instance.runKeyed('lie', { rows, states, keys: 1, emit: 'none', merge: false });
    }
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof MillraceError)) throw thrown;
    return thrown.code;
  }
}

describe('a guest that lies', () => {
  let once: CompiledModule;
  let twice: CompiledModule;
  let states: CompiledModule;

  beforeAll(async () => {
    once = await sandbox.compile(
      guestOf(({ emit }) => ({
        lie: { kind: 'flatMap', code: [...numbers(0, 4), op.call(emit), ...number(4)] },
      })),
    );
    twice = await sandbox.compile(
      guestOf(({ emit }) => ({
        lie: {
          kind: 'flatMap',
          code: [...numbers(0, 4), op.call(emit), ...numbers(4, 8), op.call(emit), op.i32(0)],
        },
      })),
    );
    states = await sandbox.compile(
      guestOf(({ state }) => ({
        // The ordinal is written where the row's tag is, then the row is handed back.
        lie: {
          kind: 'reduce',
          code: [
            ...[op.get(0), ...number(3), op.store(4)],
            ...[...numbers(0, 3), op.call(state), op.i32(0)],
          ],
        },
      })),
    );
  });

  test('about the run it emits is caught', () => {
    fc.assert(
      fc.property(run, fc.boolean(), fc.constantFrom(0, 0, 0, 1, -1), (lie, last, status) => {
        const code = failure(once, [...lie, last ? 1 : 0, status]);
        expect(code).toBe(honest(lie) && status === 0 ? undefined : 'ABI_VIOLATION');
      }),
      { numRuns: RUNS },
    );
  });

  test('about being done is caught', () => {
    const flag = fc.constantFrom(0, 1, 2, -1);
    fc.assert(
      fc.property(run, flag, run, flag, (first, sealed, second, last) => {
        const code = failure(twice, [...first, sealed, ...second, last]);
        const good = honest(first) && sealed === 0 && honest(second);
        expect(code).toBe(good ? undefined : 'ABI_VIOLATION');
      }),
      { numRuns: RUNS },
    );
  });

  test('about states and their ordinals is caught', () => {
    const ordinal = fc.oneof(fc.constant(0), anything);
    fc.assert(
      fc.property(run, ordinal, (lie, tag) => {
        const code = failure(states, [...lie, tag], true);
        // Handing nothing back is a lie too: the key had a row.
        const good = honest(lie) && lie[2] === 1 && tag === 0;
        expect(code).toBe(good ? undefined : 'ABI_VIOLATION');
      }),
      { numRuns: RUNS },
    );
  });

  test('about its input area is caught', async () => {
    const guest = handMadeGuest();
    const { builder } = guest;
    builder.global(TYPE.i32, true, op.i32(0));
    // The first call tells where the next area shall be; a larger batch asks for it.
    const buffer = builder.function({
      params: [TYPE.i32],
      results: [TYPE.i32],
      code: [op.globalGet(0)],
    });
    builder.exported('mr_buffer', 'function', buffer);
    const module = await sandbox.compile(
      finishGuest(guest, {
        lie: { kind: 'flatMap', code: [...number(0), op.globalSet(0), op.i32(0)] },
      }),
    );
    const large = numberRows(...Array.from({ length: 1000 }, () => [0]));
    const wanted = 2 * 65_536;
    fc.assert(
      fc.property(anything, (where) => {
        const instance = sandbox.instantiate(module, AMPLE_LIMITS, () => {});
        instance.run('lie', numberRows([where]));
        const start = where >>> 0;
        const good = start % 8 === 0 && start + wanted <= MEMORY_BYTES;
        const call = () => instance.run('lie', large);
        if (good) expect(call().count).toBe(0);
        else expect(call).toThrow(expect.objectContaining({ code: 'ABI_VIOLATION' }));
      }),
      { numRuns: RUNS },
    );
  });

  test('about how many rows a map or a filter makes is caught', async () => {
    const echoTimes = (times: number) =>
      guestOf(({ emit }) => {
        const again = [op.get(0), op.get(1), op.get(2), op.i32(0), op.call(emit)];
        const code = [...Array.from({ length: times }, () => again).flat(), op.i32(0)];
        return { map: { kind: 'map', code }, filter: { kind: 'filter', code } };
      });
    for (const [times, name, says] of [
      [0, 'map', /0 rows for 1/],
      [2, 'map', /2 rows for 1/],
      [2, 'filter', /2 rows for 1/],
    ] as const) {
      const module = await sandbox.compile(echoTimes(times));
      const instance = sandbox.instantiate(module, AMPLE_LIMITS, () => {});
      expect(() => instance.run(name, numberRows([1]))).toThrow(says);
    }
  });

  test('by changing rows after it emitted them is caught', async () => {
    const { instance } = await (async () => {
      const module = await sandbox.compile(
        guestOf(({ emit }) => ({
          lie: {
            kind: 'map',
            code: [
              ...[op.get(0), op.get(1), op.get(2), op.i32(1), op.call(emit)],
              ...[op.get(0), op.i32(0x7fff_fff8), op.store(0), op.i32(0)],
            ],
          },
        })),
      );
      return { instance: sandbox.instantiate(module, AMPLE_LIMITS, () => {}) };
    })();
    expect(() => instance.run('lie', numberRows([1]))).toThrow(
      expect.objectContaining({ code: 'ABI_VIOLATION' }),
    );
  });
});
