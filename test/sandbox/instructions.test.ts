import { describe, expect, test } from 'vitest';
import {
  FORM,
  OPCODE_ALIGNMENT,
  OPCODE_FORM,
  OPCODE_SIGNATURE,
  SATURATING,
} from '../../host/sandbox/wasm/opcodes.ts';
import {
  VECTOR_ALIGNMENT,
  VECTOR_FORM,
  VECTOR_FORMS,
  VECTOR_LANES,
  VECTOR_SIGNATURE,
} from '../../host/sandbox/wasm/vector-opcodes.ts';
import { findingsOf } from '../kit/parse-and-rewrite.ts';
import { TYPE, unsigned, WasmBuilder } from '../kit/wasm-builder.ts';

const TYPES = [TYPE.i32, TYPE.i64, TYPE.f32, TYPE.f64, TYPE.v128, TYPE.funcref];

/** An instruction, the operands it pops (last first), and what it pushes. */
interface Instruction {
  readonly name: string;
  readonly bytes: readonly number[];
  readonly pops: readonly number[];
  readonly push: number;
}

function unpack(signature: number): Pick<Instruction, 'pops' | 'push'> {
  const pops = [signature, signature >>> 8, signature >>> 16].map((part) => part & 0xff);
  return { pops: pops.filter((type) => type !== 0), push: signature >>> 24 };
}

/** A module whose one function has these parameters, applies the instruction, returns `results`. */
function moduleOf(
  bytes: readonly number[],
  params: readonly number[],
  results: readonly number[],
): Uint8Array<ArrayBuffer> {
  const builder = new WasmBuilder().memory(1);
  const gets = params.map((_, i) => [0x20, i]);
  builder.function({ params, results, code: [...gets, bytes] });
  return builder.build();
}

const accepts = (bytes: Uint8Array): boolean => findingsOf(bytes).length === 0;

function scalarInstructions(): Instruction[] {
  const list: Instruction[] = [];
  for (let opcode = 0; opcode < 256; opcode++) {
    const memory = OPCODE_FORM[opcode] === FORM.memory;
    if (OPCODE_FORM[opcode] !== FORM.plain && !memory) continue;
    const bytes = memory ? [opcode, OPCODE_ALIGNMENT[opcode], 0] : [opcode];
    list.push({ name: `0x${opcode.toString(16)}`, bytes, ...unpack(OPCODE_SIGNATURE[opcode]) });
  }
  for (const [subcode, signature] of SATURATING.entries()) {
    list.push({ name: `0xfc ${subcode}`, bytes: [0xfc, subcode], ...unpack(signature) });
  }
  return list;
}

function vectorInstructions(): Instruction[] {
  const list: Instruction[] = [];
  for (let subcode = 0; subcode < 256; subcode++) {
    const form = VECTOR_FORMS[subcode];
    if (form === VECTOR_FORM.none) continue;
    list.push({
      name: `0xfd ${subcode}`,
      bytes: [0xfd, ...unsigned(subcode), ...immediates(subcode, form)],
      ...unpack(VECTOR_SIGNATURE[subcode]),
    });
  }
  return list;
}

function immediates(subcode: number, form: number): number[] {
  const lane = VECTOR_LANES[subcode] - 1;
  switch (form) {
    case VECTOR_FORM.memory:
      return [VECTOR_ALIGNMENT[subcode], 0];
    case VECTOR_FORM.memoryLane:
      return [VECTOR_ALIGNMENT[subcode], 0, lane];
    case VECTOR_FORM.lane:
      return [lane];
    case VECTOR_FORM.constant:
    case VECTOR_FORM.shuffle:
      return Array.from({ length: 16 }, () => 31);
    default:
      return [];
  }
}

describe.each([
  ['scalar', scalarInstructions(), 150],
  ['vector', vectorInstructions(), 230],
] as const)('%s instructions', (_kind, instructions, least) => {
  test('are all there', () => {
    expect(instructions.length).toBeGreaterThan(least);
  });

  test('have the operands and the result that the engine gives them', () => {
    for (const { name, bytes, pops, push } of instructions) {
      const results = push === 0 ? [] : [push];
      const module = moduleOf(bytes, pops.toReversed(), results);
      expect(WebAssembly.validate(module), name).toBe(true);
      expect(findingsOf(module), name).toEqual([]);
    }
  });

  test('are refused with any other operand or result, as by the engine', () => {
    for (const { name, bytes, pops, push } of instructions) {
      for (const type of TYPES) {
        const results = push === 0 ? [] : [push];
        for (let i = 0; i < pops.length; i++) {
          if (pops[i] === type) continue;
          const params = pops.toReversed();
          params[params.length - 1 - i] = type;
          const module = moduleOf(bytes, params, results);
          expect(WebAssembly.validate(module), name).toBe(false);
          expect(accepts(module), name).toBe(false);
        }
        if (type === push) continue;
        const module = moduleOf(bytes, pops.toReversed(), [type]);
        expect(accepts(module), name).toBe(false);
      }
    }
  });

  test('are refused with an alignment or a lane too large', () => {
    for (const { name, bytes, pops, push } of instructions) {
      if (bytes.length < 2 || bytes.length > 5) continue;
      for (let i = 1; i < bytes.length; i++) {
        const changed = bytes.with(i, bytes[i] + 1);
        const module = moduleOf(changed, pops.toReversed(), push === 0 ? [] : [push]);
        if (!WebAssembly.validate(module)) expect(accepts(module), name).toBe(false);
      }
    }
  });
});

test('every opcode the parser does not know is refused whatever its operands', () => {
  for (const prefix of [[], [0xfc], [0xfd]]) {
    for (let opcode = 0; opcode < 256; opcode++) {
      const bytes = [...prefix, ...(prefix.length > 0 ? unsigned(opcode) : [opcode])];
      for (const params of [[], [TYPE.i32], [TYPE.v128, TYPE.v128]]) {
        const module = moduleOf([...bytes, 0, 0], params, []);
        if (!WebAssembly.validate(module)) expect(accepts(module), `${bytes}`).toBe(false);
      }
    }
  }
});
