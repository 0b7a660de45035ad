import { BRANCH_TABLE_MAX, FUNCTION_RESULTS_MAX } from '../../limits.ts';
import type { BodyWalk } from './body-walk.ts';
import { EDIT } from './edit-log.ts';
import { checkLimit, malformed } from './module-fault.ts';
import { OP } from './opcodes.ts';
import { refuseType } from './type-section.ts';
import { FUNCREF, type FunctionType, I32, NO_TYPES, singleType } from './value-type.ts';
import { functionType } from './wasm-module.ts';

const EMPTY_BLOCK: FunctionType = { params: NO_TYPES, results: NO_TYPES };
const EMPTY_BLOCK_BYTE = 0x40;

/** Blocks, branches and calls. */
export function controlInstruction(walk: BodyWalk, opcode: number): void {
  switch (opcode) {
    case OP.block:
    case OP.loop:
    case OP.if:
      openBlock(walk, opcode);
      return;
    case OP.else:
      walk.alternate();
      walk.startSegment();
      return;
    case OP.end:
      walk.close();
      if (walk.depth === 0) walk.closeSegment();
      else walk.startSegment();
      return;
    case OP.br:
      walk.popList(walk.labelTypes(walk.reader.u32()));
      walk.stop();
      return;
    case OP.brIf: {
      const types = walk.labelTypes(walk.reader.u32());
      walk.pop(I32);
      walk.popList(types);
      walk.pushList(types);
      walk.startSegment();
      return;
    }
    case OP.brTable:
      branchTable(walk);
      return;
    case OP.return:
      walk.note(EDIT.return, walk.depth - 1);
      walk.popList(walk.labelTypes(walk.depth - 1));
      walk.stop();
      return;
    case OP.call:
      call(walk);
      return;
    case OP.callIndirect:
      callIndirect(walk);
      return;
    default:
      walk.stop();
      return;
  }
}

function openBlock(walk: BodyWalk, opcode: number): void {
  const type = readBlockType(walk);
  if (opcode === OP.if) walk.pop(I32);
  walk.popList(type.params);
  walk.open(opcode, type.params, type.results);
  if (opcode === OP.loop) walk.startRegion();
  else if (opcode === OP.if) walk.startSegment();
}

/** A block's type: empty, one result, or the index of a function type. */
function readBlockType(walk: BodyWalk): FunctionType {
  const { reader } = walk;
  const offset = reader.offset;
  const byte = reader.byte();
  if (byte === EMPTY_BLOCK_BYTE) return EMPTY_BLOCK;
  if (byte >= 0x41 && byte < 0x80) {
    const results = singleType(byte);
    return results === undefined ? refuseType(offset, byte) : { params: NO_TYPES, results };
  }
  reader.offset = offset;
  const index = reader.s33();
  const type = walk.module.types[index];
  if (type === undefined) malformed(offset, `there is no type ${index}`);
  checkLimit(offset, 'parameters of a block', type.params.length, FUNCTION_RESULTS_MAX);
  return type;
}

/** Every target takes the same number of values, and those on the stack fit each of them. */
function branchTable(walk: BodyWalk): void {
  const { reader } = walk;
  const offset = reader.offset;
  const count = reader.u32();
  checkLimit(offset, 'targets of a branch table', count, BRANCH_TABLE_MAX);
  walk.pop(I32);
  let previous: Uint8Array | undefined;
  for (let i = 0; i <= count; i++) {
    const types = walk.labelTypes(reader.u32());
    // Runs of labels with one type list are checked once.
    if (types === previous) continue;
    if (previous !== undefined && previous.length !== types.length) {
      malformed(walk.at, 'targets of a branch table take different numbers of values');
    }
    walk.peekList(types);
    previous = types;
  }
  walk.stop();
}

function call(walk: BodyWalk): void {
  const index = walk.reader.u32();
  if (index >= walk.module.functions.length) malformed(walk.at, `there is no function ${index}`);
  walk.note(EDIT.call, index);
  const type = functionType(walk.module, index);
  walk.popList(type.params);
  walk.pushList(type.results);
}

function callIndirect(walk: BodyWalk): void {
  const index = walk.reader.u32();
  const table = walk.reader.u32();
  const type = walk.module.types[index];
  if (type === undefined) malformed(walk.at, `there is no type ${index}`);
  if (table >= walk.module.tables.length) malformed(walk.at, `there is no table ${table}`);
  walk.note(EDIT.indirect, 0);
  walk.pop(I32);
  walk.popList(type.params);
  walk.pushList(type.results);
}

/** `select` with and without a type. */
export function selectInstruction(walk: BodyWalk, opcode: number): void {
  walk.pop(I32);
  if (opcode === OP.select) {
    const second = walk.pop(0);
    const first = walk.pop(0);
    if (first === FUNCREF || second === FUNCREF) {
      malformed(walk.at, 'select without a type takes no references');
    }
    if (first !== 0 && second !== 0 && first !== second) {
      malformed(walk.at, 'select between values of different types');
    }
    walk.push(first === 0 ? second : first);
    return;
  }
  const count = walk.reader.u32();
  if (count !== 1) malformed(walk.at, `select with ${count} types, takes 1`);
  const offset = walk.reader.offset;
  const type = walk.reader.byte();
  if (singleType(type) === undefined) refuseType(offset, type);
  walk.pop(type);
  walk.pop(type);
  walk.push(type);
}
