import type { BodyWalk } from './body-walk.ts';
import { readFunctionHeapType } from './constant-expression.ts';
import { BULK, EDIT } from './edit-log.ts';
import { malformed, refused } from './module-fault.ts';
import { MISC, OP, refusedFeature, SATURATING } from './opcodes.ts';
import { F32, F64, FUNCREF, I32, I64 } from './value-type.ts';
import type { WasmGlobal } from './wasm-module.ts';

/** Constants, locals, globals, tables, memory size and references. */
export function dataInstruction(walk: BodyWalk, opcode: number): void {
  const { reader } = walk;
  switch (opcode) {
    case OP.i32Const:
      reader.s32();
      walk.push(I32);
      return;
    case OP.i64Const:
      reader.skipS64();
      walk.push(I64);
      return;
    case OP.f32Const:
      reader.skip(4);
      walk.push(F32);
      return;
    case OP.f64Const:
      reader.skip(8);
      walk.push(F64);
      return;
    case OP.drop:
      walk.pop(0);
      return;
    case OP.globalGet:
      walk.push(globalAt(walk).type);
      return;
    case OP.globalSet: {
      const global = globalAt(walk);
      if (!global.mutable) malformed(walk.at, 'the global is immutable');
      walk.pop(global.type);
      return;
    }
    case OP.tableGet:
      readTable(walk);
      walk.pop(I32);
      walk.push(FUNCREF);
      return;
    case OP.tableSet:
      readTable(walk);
      walk.pop(FUNCREF);
      walk.pop(I32);
      return;
    case OP.memorySize:
      readMemory(walk);
      walk.push(I32);
      return;
    case OP.memoryGrow:
      readMemory(walk);
      walk.note(EDIT.bulk, BULK.pages);
      walk.pop(I32);
      walk.push(I32);
      return;
    default:
      referenceInstruction(walk, opcode);
      return;
  }
}

function referenceInstruction(walk: BodyWalk, opcode: number): void {
  if (opcode === OP.refNull) {
    readFunctionHeapType(walk.reader);
    walk.push(FUNCREF);
    return;
  }
  const index = walk.reader.u32();
  if (index >= walk.module.functions.length) malformed(walk.at, `there is no function ${index}`);
  if (!walk.module.referenced.has(index)) {
    malformed(walk.at, `function ${index} is not declared as referenced`);
  }
  walk.module.addressTaken.add(index);
  walk.push(FUNCREF);
}

/** `local.get`, `local.set`, `local.tee`. */
export function localInstruction(walk: BodyWalk, opcode: number): void {
  const index = walk.reader.u32();
  if (index >= walk.localCount) malformed(walk.at, `there is no local ${index}`);
  const type = walk.locals[index];
  if (opcode !== OP.localGet) walk.pop(type);
  if (opcode !== OP.localSet) walk.push(type);
}

/** Steps over alignment and offset of a memory instruction. */
export function memoryOperand(walk: BodyWalk, alignmentMax: number): void {
  const { reader } = walk;
  const alignment = reader.u32();
  if (alignment > alignmentMax) {
    if (alignment & 64) refused(walk.at, 'multi-memory: a memory instruction names a memory');
    malformed(walk.at, `alignment 2^${alignment}, at most 2^${alignmentMax}`);
  }
  if (walk.module.memories.length === 0) malformed(walk.at, 'there is no memory');
  reader.u32();
}

/** The instructions behind the 0xfc prefix. */
export function miscInstruction(walk: BodyWalk): void {
  const subcode = walk.reader.u32();
  const conversion = SATURATING[subcode];
  if (conversion !== undefined) {
    walk.apply(conversion);
    return;
  }
  switch (subcode) {
    case MISC.memoryInit:
      readDataSegment(walk);
      readMemory(walk);
      bulk(walk, BULK.bytes);
      return;
    case MISC.dataDrop:
      readDataSegment(walk);
      return;
    case MISC.memoryCopy:
      readMemory(walk);
      readMemory(walk);
      bulk(walk, BULK.bytes);
      return;
    case MISC.memoryFill:
      readMemory(walk);
      bulk(walk, BULK.bytes);
      return;
    case MISC.tableInit:
      readElementSegment(walk);
      readTable(walk);
      bulk(walk, BULK.entries);
      return;
    case MISC.elementDrop:
      readElementSegment(walk);
      return;
    case MISC.tableCopy:
      readTable(walk);
      readTable(walk);
      bulk(walk, BULK.entries);
      return;
    case MISC.tableGrow:
      readTable(walk);
      walk.note(EDIT.bulk, BULK.entries);
      walk.pop(I32);
      walk.pop(FUNCREF);
      walk.push(I32);
      return;
    case MISC.tableSize:
      readTable(walk);
      walk.push(I32);
      return;
    case MISC.tableFill:
      readTable(walk);
      walk.note(EDIT.bulk, BULK.entries);
      walk.pop(I32);
      walk.pop(FUNCREF);
      walk.pop(I32);
      return;
    default:
      malformed(walk.at, `0xfc ${subcode} is not an instruction`);
  }
}

/** Why an opcode that is none of the accepted ones is not taken. */
export function unknownInstruction(walk: BodyWalk, opcode: number): never {
  const feature = refusedFeature(opcode);
  if (feature !== undefined) {
    refused(walk.at, `${feature}: instruction 0x${opcode.toString(16)} is not accepted`);
  }
  malformed(walk.at, `0x${opcode.toString(16)} is not an instruction`);
}

function bulk(walk: BodyWalk, unit: number): void {
  walk.note(EDIT.bulk, unit);
  walk.pop(I32);
  walk.pop(I32);
  walk.pop(I32);
}

function globalAt(walk: BodyWalk): WasmGlobal {
  const index = walk.reader.u32();
  return walk.module.globals[index] ?? malformed(walk.at, `there is no global ${index}`);
}

function readTable(walk: BodyWalk): void {
  const index = walk.reader.u32();
  if (index >= walk.module.tables.length) malformed(walk.at, `there is no table ${index}`);
}

function readMemory(walk: BodyWalk): void {
  if (walk.reader.byte() !== 0) refused(walk.at, 'multi-memory: a memory other than 0 is named');
  if (walk.module.memories.length === 0) malformed(walk.at, 'there is no memory');
}

function readDataSegment(walk: BodyWalk): void {
  const index = walk.reader.u32();
  const { dataCount } = walk.module;
  if (dataCount === undefined) malformed(walk.at, 'there is no data count section');
  if (index >= dataCount) malformed(walk.at, `there is no data segment ${index}`);
}

function readElementSegment(walk: BodyWalk): void {
  const index = walk.reader.u32();
  if (index >= walk.module.elementSegments) {
    malformed(walk.at, `there is no element segment ${index}`);
  }
}
