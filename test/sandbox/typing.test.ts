import { describe, expect, test } from 'vitest';
import { findingsOf, rewritten } from '../kit/parse-and-rewrite.ts';
import { type FunctionParts, op, TYPE, unsigned, WasmBuilder } from '../kit/wasm-builder.ts';

const { i32, i64, f32, v128, funcref } = TYPE;
const end = [0x0b];
const otherwise = [0x05];
const f32Zero = [0x43, 0, 0, 0, 0];
const i64Zero = [0x42, 0];

/** Two functions, a table, a memory, globals, segments: what bodies may refer to. */
function moduleWith(parts: FunctionParts): Uint8Array<ArrayBuffer> {
  const builder = new WasmBuilder();
  const pair = builder.type([i32, i32], [i32, i32]);
  expect(pair).toBe(0);
  builder.table(4).memory(1).global(i32, true, op.i32(7)).global(i64, false, i64Zero);
  const first = builder.function({ results: [i32], code: [op.i32(1)] });
  builder.function({ params: [i32, i64], code: [] });
  builder.elements(0, [first]).dataCount(1).rawData([1, 2, 9, 9]);
  builder.function(parts);
  return builder.build();
}

const block = (type: number | readonly number[], ...code: (readonly number[])[]) => [
  0x02,
  ...(typeof type === 'number' ? [type] : type),
  ...code.flat(),
  ...end,
];

const VALID: Record<string, FunctionParts> = {
  'a value after dead code': { results: [i32], code: [op.unreachable, op.add] },
  'a branch with a value': { results: [i32], code: [op.i32(1), op.br(0), op.drop] },
  'a block that takes and yields two': { code: [op.i32(1), op.i32(2), block(0), op.drop, op.drop] },
  'a loop with parameters': {
    results: [i32, i32],
    code: [op.i32(1), op.i32(2), [0x03, 0], op.i32(0), op.brIf(0), end],
  },
  'an if with both arms': {
    results: [i32],
    code: [op.i32(1), [0x04, i32], op.i32(2), otherwise, op.i32(3), end],
  },
  'an if without else that yields what it takes': {
    code: [op.i32(1), op.i32(2), op.i32(3), [0x04, 0], end, op.drop, op.drop],
  },
  'a branch table': { code: [block(0x40, block(0x40, op.i32(1), [0x0e, 2, 0, 1, 2]))] },
  'a branch table over values of any type in dead code': {
    code: [block(i32, block(f32, op.unreachable, [0x0e, 1, 0, 1]), op.drop, op.i32(0)), op.drop],
  },
  'a select in dead code': { code: [op.unreachable, [0x1b], op.drop] },
  'a select with a type': {
    code: [[0xd0, 0x70], [0xd0, 0x70], op.i32(1), [0x1c, 1, 0x70], op.drop],
  },
  'several results': { results: [i32, i64, f32], code: [op.i32(1), i64Zero, f32Zero] },
  'an early return of several results': {
    results: [i32, i64],
    code: [op.i32(1), i64Zero, op.i32(1), op.if(op.unreachable), op.return],
  },
  'a return under other operands': { results: [i32], code: [i64Zero, op.i32(1), op.return] },
  'an indirect call': {
    code: [op.i32(1), op.i32(2), op.i32(0), op.callIndirect(0), op.drop, op.drop],
  },
  'bulk memory': {
    code: [
      op.i32(0),
      op.i32(0),
      op.i32(1),
      [0xfc, 8, 0, 0],
      [0xfc, 9, 0],
      op.i32(0),
      op.i32(1),
      op.i32(2),
      op.copy,
      op.i32(0),
      op.i32(1),
      op.i32(2),
      op.fill,
    ],
  },
  'table instructions': {
    code: [
      op.i32(0),
      op.i32(0),
      op.i32(1),
      [0xfc, 12, 0, 0],
      [0xfc, 13, 0],
      op.i32(0),
      op.i32(0),
      op.i32(1),
      [0xfc, 14, 0, 0],
      [0xd0, 0x70],
      op.i32(1),
      [0xfc, 15, 0],
      [0xfc, 16, 0],
      op.add,
      op.drop,
      op.i32(0),
      [0xd0, 0x70],
      op.i32(1),
      [0xfc, 17, 0],
      op.i32(0),
      op.i32(0),
      [0x25, 0],
      [0x26, 0],
    ],
  },
  references: { results: [i32], code: [[0xd2, 0], [0xd1]] },
  globals: { code: [op.globalGet(0), op.globalSet(0), op.globalGet(1), op.drop] },
  'memory size and growth': { results: [i32], code: [op.size, op.grow] },
  'locals of every type': {
    locals: [
      [2, i32],
      [1, v128],
      [3, funcref],
    ],
    code: [op.get(2), op.drop, op.get(3), op.set(5)],
  },
  'dead code that opens and closes blocks': {
    code: [op.return, block(0x40, op.br(1)), op.i32(1), op.if(op.return)],
  },
  'a memory growth in a loop': { code: [op.loop(op.i32(1), op.grow, op.brIf(0))] },
};

const INVALID: Record<string, FunctionParts> = {
  'an if without else that yields': {
    results: [i32],
    code: [op.i32(1), [0x04, i32], op.i32(2), end],
  },
  'an else without if': { code: [block(0x40, otherwise)] },
  'an else in a loop': { code: [[0x03, 0x40], otherwise, end] },
  'a branch without its value': { results: [i32], code: [op.br(0)] },
  'a loop branch without parameters': {
    code: [op.i32(1), op.i32(2), [0x03, 0], op.drop, op.br(0), end, op.drop, op.drop],
  },
  'a branch table of several arities': {
    code: [block(i32, block(0x40, op.i32(1), op.i32(1), [0x0e, 1, 0, 1]), op.i32(0)), op.drop],
  },
  'a select of two types': { code: [op.i32(1), i64Zero, op.i32(1), [0x1b], op.drop] },
  'a select of references': { code: [[0xd0, 0x70], [0xd0, 0x70], op.i32(1), [0x1b], op.drop] },
  'a block that reaches under itself': { code: [op.i32(1), block(0x40, op.drop)] },
  'a value left behind': { code: [block(0x40, op.i32(1))] },
  'too many results': { results: [i32], code: [op.i32(1), op.i32(1)] },
  'a reference to a function that is not declared': { code: [[0xd2, 2], op.drop] },
  'a block type that does not exist': { code: [block(unsigned(60))] },
  'a block type of a negative index': { code: [[0x02, 0xff, 0x7f], end] },
  'a memory init of nothing': { code: [op.i32(0), op.i32(0), op.i32(1), [0xfc, 8, 4, 0]] },
  'a table that does not exist': { code: [op.i32(0), [0x25, 3], op.drop] },
  'an element segment that does not exist': { code: [[0xfc, 13, 7]] },
  'a global that does not exist': { code: [op.globalGet(2), op.drop] },
  'a type that does not exist': { code: [op.i32(0), op.callIndirect(99)] },
  'an operand under the wrong one': { code: [op.i32(1), f32Zero, op.call(1)] },
  'code after the end': { code: [end, op.i32(1), op.drop] },
};

describe('bodies that are valid', () => {
  test.each(Object.entries(VALID))('%s', (_name, parts) => {
    const module = moduleWith(parts);
    expect(WebAssembly.validate(module)).toBe(true);
    expect(findingsOf(module)).toEqual([]);
    const out = rewritten(module);
    expect(out !== undefined && WebAssembly.validate(out)).toBe(true);
  });
});

describe('bodies that are not', () => {
  test.each(Object.entries(INVALID))('%s', (_name, parts) => {
    const module = moduleWith(parts);
    expect(WebAssembly.validate(module)).toBe(false);
    expect(findingsOf(module)).not.toEqual([]);
  });
});

/** Constant expressions by what they are, with whether they are one of type i32. */
const CONSTANTS: readonly (readonly [string, readonly number[], boolean])[] = [
  ['a constant', op.i32(5), true],
  ['a global before it', op.globalGet(0), true],
  ['arithmetic', [...op.i32(5), ...op.globalGet(0), ...op.mul, ...op.i32(1), ...op.sub], true],
  ['a mutable global', op.globalGet(1), false],
  ['a global after it', op.globalGet(2), false],
  ['nothing', [], false],
  ['two values', [...op.i32(1), ...op.i32(2)], false],
  ['another type', i64Zero, false],
  ['arithmetic of nothing', op.add, false],
  ['an instruction that is not constant', [...op.i32(5), ...op.isZero], false],
  ['an unreachable', op.unreachable, false],
];

describe('constant expressions', () => {
  test.each(CONSTANTS)('%s', (_name, expression, valid) => {
    const module = new WasmBuilder()
      .global(i32, false, op.i32(1))
      .global(i32, true, op.i32(1))
      .global(i32, false, expression)
      .build();
    expect(WebAssembly.validate(module)).toBe(valid);
    expect(findingsOf(module).length === 0).toBe(valid);
  });
});
