import {
  FUNCTION_BODY_BYTES_MAX,
  FUNCTION_LOCALS_TIMES_BYTES_MAX,
  MODULE_FUNCTIONS_MAX,
} from '../../limits.ts';
import { BodyWalk } from './body-walk.ts';
import type { ByteReader } from './byte-reader.ts';
import { controlInstruction, selectInstruction } from './control-instructions.ts';
import {
  dataInstruction,
  localInstruction,
  memoryOperand,
  miscInstruction,
  unknownInstruction,
} from './data-instructions.ts';
import type { Findings } from './findings.ts';
import { checkLimit, malformed } from './module-fault.ts';
import {
  FORM,
  OP,
  OPCODE_ALIGNMENT,
  OPCODE_COST,
  OPCODE_FORM,
  OPCODE_SIGNATURE,
} from './opcodes.ts';
import { readValueType } from './type-section.ts';
import { V128 } from './value-type.ts';
import { vectorInstruction } from './vector-instruction.ts';
import { type FunctionBody, functionType, type WasmModule } from './wasm-module.ts';

/**
 * Code section: validates each body and notes what the rewriter needs. A fault in one body is a
 * finding, the walk goes on with the next.
 */
export function parseCodeSection(reader: ByteReader, module: WasmModule, findings: Findings): void {
  const offset = reader.offset;
  const count = reader.u32();
  checkLimit(offset, 'functions', count, MODULE_FUNCTIONS_MAX);
  const declared = module.functions.length - module.importedFunctions;
  if (count !== declared) {
    malformed(offset, `${count} function bodies for ${declared} declared functions`);
  }
  const walk = new BodyWalk(module, reader);
  const sectionEnd = reader.end;
  for (let i = 0; i < count && !findings.full; i++) {
    const index = module.importedFunctions + i;
    const size = reader.u32();
    const start = reader.offset;
    const end = start + size;
    if (end > sectionEnd) malformed(start, `function body of ${size} bytes does not fit`);
    reader.end = end;
    const firstEdit = module.edits.length;
    try {
      module.bodies.push(validateBody(walk, index));
    } catch (thrown) {
      module.edits.truncate(firstEdit);
      findings.addFault(thrown, 'code', index);
    }
    reader.end = sectionEnd;
    reader.offset = end;
  }
}

function validateBody(walk: BodyWalk, index: number): FunctionBody {
  const { reader, edits } = walk;
  const start = reader.offset;
  const { end } = reader;
  checkLimit(start, 'bytes of the body', end - start, FUNCTION_BODY_BYTES_MAX);
  const editStart = edits.length;
  const localGroups = readLocals(walk, index, end - start);
  const codeStart = reader.offset;
  walk.at = codeStart;
  walk.begin(functionType(walk.module, index).results);
  walkInstructions(walk);
  const slots = walk.localCount + walk.peak;
  return {
    start,
    end,
    codeStart,
    localGroups,
    localCount: walk.localCount,
    editStart,
    editEnd: edits.length,
    frameSlots: walk.wide ? slots * 2 : slots,
  };
}

function readLocals(walk: BodyWalk, index: number, bodyBytes: number): number {
  const { reader } = walk;
  const { params } = functionType(walk.module, index);
  walk.at = reader.offset;
  walk.localCount = params.length;
  walk.locals.set(params);
  walk.wide = params.includes(V128);
  const groups = reader.u32();
  for (let i = 0; i < groups; i++) {
    walk.at = reader.offset;
    const count = reader.u32();
    walk.addLocals(count, readValueType(reader));
  }
  checkLimit(
    walk.at,
    'locals times bytes of the body',
    walk.localCount * bodyBytes,
    FUNCTION_LOCALS_TIMES_BYTES_MAX,
  );
  return groups;
}

function walkInstructions(walk: BodyWalk): void {
  const { reader } = walk;
  const { bytes } = reader;
  while (walk.depth > 0) {
    const at = reader.offset;
    walk.at = at;
    if (at >= reader.end) malformed(at, 'the body ends inside a block');
    const opcode = bytes[at];
    reader.offset = at + 1;
    if (!walk.dead) walk.cost += OPCODE_COST[opcode];
    const form = OPCODE_FORM[opcode];
    if (form === FORM.plain) {
      walk.apply(OPCODE_SIGNATURE[opcode]);
    } else if (form === FORM.memory) {
      memoryOperand(walk, OPCODE_ALIGNMENT[opcode]);
      walk.apply(OPCODE_SIGNATURE[opcode]);
    } else {
      specialInstruction(walk, opcode);
    }
  }
  if (reader.offset !== reader.end) malformed(reader.offset, 'bytes after the end of the body');
}

function specialInstruction(walk: BodyWalk, opcode: number): void {
  if (opcode >= OP.localGet && opcode <= OP.localTee) {
    localInstruction(walk, opcode);
    return;
  }
  if (OPCODE_FORM[opcode] === FORM.none) unknownInstruction(walk, opcode);
  if (opcode <= OP.callIndirect) {
    controlInstruction(walk, opcode);
    return;
  }
  if (opcode === OP.select || opcode === OP.selectTyped) {
    selectInstruction(walk, opcode);
    return;
  }
  if (opcode === OP.miscPrefix) {
    miscInstruction(walk);
    return;
  }
  if (opcode === OP.vectorPrefix) {
    vectorInstruction(walk);
    return;
  }
  dataInstruction(walk, opcode);
}
