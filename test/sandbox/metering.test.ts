import { describe, expect, test } from 'vitest';
import { CALL_DEPTH_MAX, MEMORY_PAGES_MAX, TABLE_ENTRIES_MAX } from '../../host/limits.ts';
import { meteredInstance } from '../kit/metered-run.ts';
import { op, TYPE, unsigned, WasmBuilder } from '../kit/wasm-builder.ts';

const { i32, f64, funcref } = TYPE;

type Code = (readonly number[])[];

/** Locals: 0 the parameter, 1 a counter, 2 a sum. Runs `body` as often as the parameter says. */
const repeat = (...body: Code): number[] =>
  op.block(
    op.loop(
      op.get(1),
      op.get(0),
      op.lessThan,
      op.isZero,
      op.brIf(1),
      ...body,
      op.get(1),
      op.i32(1),
      op.add,
      op.set(1),
      op.br(0),
    ),
  );

/** A module whose export `f` takes and returns an i32; earlier functions come from `before`. */
function moduleOf(code: Code, before: (builder: WasmBuilder) => void = () => {}) {
  const builder = new WasmBuilder().memory(1);
  before(builder);
  const f = builder.function({ params: [i32], results: [i32], locals: [[2, i32]], code });
  return builder.exported('f', 'function', f).build();
}

const fuelOf = (module: Uint8Array, argument: number): number => {
  const { fuel, fuelLeft } = meteredInstance(module).run('f', [argument]);
  expect(fuelLeft).toBeGreaterThanOrEqual(0);
  return fuel;
};

/** A function too costly to be charged by its callers. */
const COSTLY = Array.from({ length: 60 }, () => [...op.i32(1), ...op.drop]).flat();

describe('fuel', () => {
  test.each([
    ['a division of four numbers', 231, 228],
    ['a square root of two', 239, 236],
    ['a product of 64-bit numbers', 213, 206],
  ])('of a vector is more for %s than for a sum', (_name, slow, fast) => {
    const vector = [0xfd, 12, ...Array<number>(16).fill(1)];
    const unary = slow === 239;
    const module = (subcode: number) =>
      moduleOf([
        ...[vector, ...(unary ? [] : [vector])],
        ...[[0xfd, ...unsigned(subcode)], [...op.drop], op.i32(0)],
      ]);
    expect(fuelOf(module(slow), 0) - fuelOf(module(fast), 0)).toBeGreaterThanOrEqual(8);
  });

  const loop = moduleOf([repeat(op.get(2), op.get(1), op.add, op.set(2)), op.get(2)]);

  test('is the same on every run and in every instance', () => {
    const instance = meteredInstance(loop);
    const first = instance.run('f', [1000]);
    expect(instance.run('f', [1000])).toEqual(first);
    expect(meteredInstance(loop).run('f', [1000])).toEqual(first);
    expect(first.outcome).toBe(499_500);
  });

  test('grows by the same amount with each iteration, at least one per instruction', () => {
    const step = fuelOf(loop, 1) - fuelOf(loop, 0);
    expect(step).toBeGreaterThanOrEqual(12);
    expect(fuelOf(loop, 1001) - fuelOf(loop, 1000)).toBe(step);
  });

  test('is charged for calls too, from a loop that keeps it in a local', () => {
    const module = (calls: number) =>
      moduleOf(
        [
          repeat(op.get(2), op.i32(1), op.add, op.set(2)),
          ...Array.from({ length: calls }, () => op.call(0)),
          op.get(2),
        ],
        (builder) => builder.function({ code: [COSTLY] }),
      );
    const one = fuelOf(module(2), 5) - fuelOf(module(1), 5);
    expect(one).toBeGreaterThanOrEqual(60);
    expect(fuelOf(module(5), 5) - fuelOf(module(2), 5)).toBe(3 * one);
  });

  test('survives an early return from a loop', () => {
    const early = moduleOf([
      repeat(op.get(1), op.i32(100), op.lessThan, op.isZero, op.if(op.i32(7), op.return)),
      op.i32(8),
    ]);
    expect(meteredInstance(early).run('f', [100]).outcome).toBe(8);
    expect(meteredInstance(early).run('f', [200]).outcome).toBe(7);
    const step = fuelOf(early, 2) - fuelOf(early, 1);
    expect(fuelOf(early, 200) - fuelOf(early, 100)).toBe(0);
    expect(fuelOf(early, 100) - fuelOf(early, 99)).toBe(step);
  });

  test('of a small function is part of its callers', () => {
    const calls = (count: number) =>
      moduleOf([...Array.from({ length: count }, () => op.call(0)), op.i32(0)], (builder) =>
        builder.function({ code: [op.i32(1), op.drop, op.i32(1), op.drop] }),
      );
    expect(fuelOf(calls(2), 0) - fuelOf(calls(1), 0)).toBeGreaterThanOrEqual(4 + 2);
  });

  test('of a large branch is charged only when it is taken', () => {
    const large = Array.from({ length: 2000 }, () => [...op.i32(1), ...op.drop]).flat();
    const module = moduleOf([op.get(0), op.if(large), op.i32(0)]);
    expect(fuelOf(module, 1)).toBeGreaterThanOrEqual(2000);
    expect(fuelOf(module, 0)).toBeLessThan(400);
  });

  test('stops an endless loop, and says that it ran out', () => {
    for (const body of [
      op.loop(op.br(0)),
      op.loop(op.loop(op.br(1))),
      op.loop(op.call(0), op.br(0)),
    ]) {
      const module = moduleOf([body, op.i32(0)], (builder) => builder.function({ code: [] }));
      const run = meteredInstance(module).run('f', [0], 1_000_000);
      expect(run.outcome).toBe('trap: unreachable');
      expect(run.fuelLeft).toBeLessThan(0);
    }
  });

  test('is not out when the guest traps by itself', () => {
    const run = meteredInstance(moduleOf([op.unreachable])).run('f', [0]);
    expect(run.outcome).toBe('trap: unreachable');
    expect(run.fuelLeft).toBeGreaterThanOrEqual(0);
    expect(run.depthLeft).toBeGreaterThanOrEqual(0);
  });
});

describe('bulk instructions', () => {
  const bulk = (...code: Code) => moduleOf([...code, op.i32(0)], (b) => b.table(1, 70_000));

  test('cost by their length', () => {
    const fill = bulk(op.i32(0), op.i32(1), op.get(0), op.fill);
    const copy = bulk(op.i32(0), op.i32(0), op.get(0), op.copy);
    for (const module of [fill, copy]) {
      expect(fuelOf(module, 65_536) - fuelOf(module, 0)).toBe(65_536 / 8);
    }
  });

  test('in a loop are stopped by fuel', () => {
    const module = bulk(op.loop(op.i32(0), op.i32(1), op.i32(65_536), op.fill, op.br(0)));
    const run = meteredInstance(module).run('f', [0], 10_000_000);
    expect(run.outcome).toBe('trap: unreachable');
    expect(run.fuelLeft).toBeLessThan(0);
  });

  test('of an absurd length trap without wrapping the counter round', () => {
    for (const code of [op.fill, op.copy]) {
      const module = bulk(op.i32(0), op.i32(0), op.get(0), code);
      const run = meteredInstance(module).run('f', [-1], 2 ** 31 - 1);
      expect(String(run.outcome)).toMatch(/^trap: /);
    }
  });

  test('growing the memory costs as if its pages were filled', () => {
    const grow = moduleOf([op.get(0), op.grow]);
    expect(fuelOf(grow, 10) - fuelOf(grow, 0)).toBe(10 * (65_536 / 8));
    const absurd = meteredInstance(grow).run('f', [-1], 2 ** 31 - 1);
    expect(absurd.outcome).toBe(-1);
    expect(absurd.fuelLeft).toBeGreaterThan(0);
  });

  test('growing a table costs by entries, and ends at the limit', () => {
    const grow = [0xd0, 0x70, ...op.get(0), 0xfc, 15, 0];
    const module = moduleOf([grow], (builder) => builder.table(1));
    expect(meteredInstance(module).run('f', [TABLE_ENTRIES_MAX - 1]).outcome).toBe(1);
    expect(meteredInstance(module).run('f', [TABLE_ENTRIES_MAX]).outcome).toBe(-1);
    expect(fuelOf(module, 101) - fuelOf(module, 1)).toBe(100 * 32);
  });
});

describe('the memory', () => {
  const grow = (maximum?: number) => {
    const builder = new WasmBuilder().memory(1, maximum);
    const f = builder.function({ params: [i32], results: [i32], code: [op.get(0), op.grow] });
    return builder.exported('f', 'function', f).build();
  };

  test('grows to the limit written in and no further', () => {
    const instance = meteredInstance(grow());
    expect(instance.run('f', [MEMORY_PAGES_MAX - 1]).outcome).toBe(1);
    expect(instance.run('f', [1]).outcome).toBe(-1);
  });

  test('keeps a lower maximum of its own', () => {
    const instance = meteredInstance(grow(3), {}, 3);
    expect(instance.run('f', [3]).outcome).toBe(-1);
    expect(instance.run('f', [2]).outcome).toBe(1);
  });

  test('grows no further than what the host gives', () => {
    const instance = meteredInstance(grow(), {}, 5);
    expect(instance.run('f', [5]).outcome).toBe(-1);
    expect(instance.run('f', [4]).outcome).toBe(1);
  });
});

describe('depth', () => {
  /** Export `f` calls itself as often as its argument says. */
  function recursive(locals: (readonly [number, number])[] = []) {
    const builder = new WasmBuilder().memory(1);
    const code = [op.get(0), op.if(op.get(0), op.i32(1), op.sub, op.call(0), op.return), op.i32(9)];
    const results = [i32];
    // The `if` yields nothing: the call's result is what the function returns.
    builder.function({ params: [i32], results, locals, code });
    return builder.exported('f', 'function', 0).build();
  }

  test('lets calls nest up to the limit', () => {
    const instance = meteredInstance(recursive());
    expect(instance.run('f', [CALL_DEPTH_MAX - 1]).outcome).toBe(9);
    const over = instance.run('f', [CALL_DEPTH_MAX]);
    expect(over.outcome).toBe('trap: unreachable');
    expect(over.depthLeft).toBeLessThan(0);
    expect(over.fuelLeft).toBeGreaterThan(0);
  });

  test('is given back when calls return', () => {
    const instance = meteredInstance(recursive());
    for (let i = 0; i < 5; i++) {
      expect(instance.run('f', [CALL_DEPTH_MAX - 1]).depthLeft).toBe(CALL_DEPTH_MAX);
    }
  });

  test('counts large frames for more', () => {
    const run = meteredInstance(recursive([[2000 - 1, f64]])).run('f', [20]);
    expect(run.depthLeft).toBeLessThan(0);
  });

  test('stops recursion through a table', () => {
    const builder = new WasmBuilder().memory(1).table(1);
    const type = builder.type([i32], [i32]);
    const f = builder.function({
      params: [i32],
      results: [i32],
      code: [op.get(0), op.i32(0), op.callIndirect(type)],
    });
    builder.elements(0, [f]).exported('f', 'function', f);
    const run = meteredInstance(builder.build()).run('f', [1]);
    expect(run.depthLeft).toBeLessThan(0);
  });

  test('stops recursion through a reference made in a body', () => {
    const builder = new WasmBuilder().memory(1).table(1);
    const type = builder.type([], []);
    const f = builder.function({
      code: [op.i32(0), [0xd2, 0], [0x26, 0], op.i32(0), op.callIndirect(type)],
    });
    builder.rawElements([3, 0, 1, f]).exported('f', 'function', f);
    const run = meteredInstance(builder.build()).run('f', []);
    expect(run.depthLeft).toBeLessThan(0);
  });

  test('stops a chain of different functions that is too long', () => {
    const builder = new WasmBuilder().memory(1);
    const length = CALL_DEPTH_MAX + 200;
    for (let i = 0; i < length; i++) {
      builder.function({ code: i === 0 ? [COSTLY] : [COSTLY, op.call(i - 1)] });
    }
    builder.exported('f', 'function', length - 1);
    const run = meteredInstance(builder.build()).run('f', []);
    expect(run.outcome).toBe('trap: unreachable');
    expect(run.depthLeft).toBeLessThan(0);
  });

  test('of a function with several results is given back', () => {
    const builder = new WasmBuilder().memory(1);
    const pair = [i32, funcref];
    builder.function({
      params: [i32],
      results: pair,
      code: [op.get(0), op.if(op.i32(0), op.call(0), op.return), op.i32(4), [0xd0, 0x70]],
    });
    builder.exported('f', 'function', 0);
    const run = meteredInstance(builder.build()).run('f', [1]);
    expect(run.outcome).toEqual([4, null]);
    expect(run.depthLeft).toBe(CALL_DEPTH_MAX);
  });
});
