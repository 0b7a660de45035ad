import type { ByteReader } from './byte-reader.ts';
import { malformed, refused } from './module-fault.ts';
import { OP } from './opcodes.ts';
import { F32, F64, FUNCREF, I32, I64, typeName, V128 } from './value-type.ts';
import type { WasmModule } from './wasm-module.ts';

/**
 * Steps over a constant expression that yields `expected`: constants, immutable globals defined so
 * far, function references, and additions, subtractions and multiplications of integers.
 */
export function parseConstantExpression(
  reader: ByteReader,
  module: WasmModule,
  expected: number,
): void {
  const start = reader.offset;
  const stack: number[] = [];
  for (;;) {
    const offset = reader.offset;
    const opcode = reader.byte();
    if (opcode === OP.end) break;
    const arithmetic = arithmeticType(opcode);
    if (arithmetic !== undefined) {
      if (stack.pop() !== arithmetic || stack.at(-1) !== arithmetic) {
        malformed(offset, `constant expression: ${typeName(arithmetic)} operands expected`);
      }
    } else {
      stack.push(readConstant(reader, module, opcode, offset));
    }
  }
  if (stack.length !== 1 || stack[0] !== expected) {
    const found = stack.map(typeName).join(', ') || 'nothing';
    malformed(start, `constant expression yields ${found}, expected ${typeName(expected)}`);
  }
}

function arithmeticType(opcode: number): number | undefined {
  if (opcode === OP.i32Add || opcode === OP.i32Sub || opcode === OP.i32Mul) return I32;
  if (opcode === OP.i64Add || opcode === OP.i64Sub || opcode === OP.i64Mul) return I64;
  return undefined;
}

function readConstant(
  reader: ByteReader,
  module: WasmModule,
  opcode: number,
  offset: number,
): number {
  switch (opcode) {
    case OP.i32Const:
      reader.s32();
      return I32;
    case OP.i64Const:
      reader.skipS64();
      return I64;
    case OP.f32Const:
      reader.skip(4);
      return F32;
    case OP.f64Const:
      reader.skip(8);
      return F64;
    case OP.vectorPrefix:
      if (reader.u32() !== 12) malformed(offset, 'instruction is not constant');
      reader.skip(16);
      return V128;
    case OP.refNull:
      readFunctionHeapType(reader);
      return FUNCREF;
    case OP.refFunc: {
      const index = reader.u32();
      if (index >= module.functions.length) malformed(offset, `there is no function ${index}`);
      module.referenced.add(index);
      module.addressTaken.add(index);
      return FUNCREF;
    }
    case OP.globalGet: {
      const index = reader.u32();
      const global = module.globals[index];
      if (global === undefined) malformed(offset, `there is no global ${index} so far`);
      if (global.mutable) malformed(offset, `global ${index} is mutable`);
      return global.type;
    }
    default:
      return malformed(offset, `instruction 0x${opcode.toString(16)} is not constant`);
  }
}

/** The heap type of `ref.null`: functions only. */
export function readFunctionHeapType(reader: ByteReader): void {
  const offset = reader.offset;
  const type = reader.byte();
  if (type === FUNCREF) return;
  if (type === 0x6f) refused(offset, 'type externref is not accepted, only funcref is');
  refused(offset, `heap type 0x${type.toString(16)} is not accepted, only func is`);
}
