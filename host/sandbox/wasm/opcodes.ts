import { F32, F64, FUNCREF, I32, I64 } from './value-type.ts';

/**
 * The one-byte instructions as tables indexed by opcode, so that the validator's loop is a look-up.
 *
 * `FORM` says what follows the opcode; `SIGNATURE` packs the operand types popped (last first) and
 * the result pushed:  bits 0–7 first popped · 8–15 second · 16–23 third · 24–31 pushed. 0 = none.
 */
export const FORM = {
  /** Not an instruction. */
  none: 0,
  /** Nothing follows; all is said by the signature. */
  plain: 1,
  /** A memory operand follows; all else is said by the signature. */
  memory: 2,
  /** Handled by name. */
  special: 3,
} as const;

export const OPCODE_FORM = new Uint8Array(256);
export const OPCODE_SIGNATURE = new Uint32Array(256);
/** Largest alignment exponent of a memory instruction. */
export const OPCODE_ALIGNMENT = new Uint8Array(256);
/** Fuel: about one simple machine instruction is 1. */
export const OPCODE_COST = new Uint8Array(256).fill(1);

/** Opcodes that the validator handles by name. */
export const OP = {
  unreachable: 0x00,
  nop: 0x01,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  drop: 0x1a,
  select: 0x1b,
  selectTyped: 0x1c,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  tableGet: 0x25,
  tableSet: 0x26,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  f64Const: 0x44,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Mul: 0x6c,
  i64Add: 0x7c,
  i64Sub: 0x7d,
  i64Mul: 0x7e,
  refNull: 0xd0,
  refIsNull: 0xd1,
  refFunc: 0xd2,
  miscPrefix: 0xfc,
  vectorPrefix: 0xfd,
} as const;

/** Bulk and table instructions behind the 0xfc prefix; 0–7 are saturating conversions. */
export const MISC = {
  memoryInit: 8,
  dataDrop: 9,
  memoryCopy: 10,
  memoryFill: 11,
  tableInit: 12,
  elementDrop: 13,
  tableCopy: 14,
  tableGrow: 15,
  tableSize: 16,
  tableFill: 17,
} as const;

/** Names of instructions that are known and refused. */
export function refusedFeature(opcode: number): string | undefined {
  if ((opcode >= 0x06 && opcode <= 0x0a) || opcode === 0x18 || opcode === 0x19 || opcode === 0x1f) {
    return 'exception handling';
  }
  if (opcode === 0x12 || opcode === 0x13) return 'tail calls';
  if (opcode === 0x14 || opcode === 0x15) return 'typed function references';
  if (opcode >= 0xd3 && opcode <= 0xd6) return 'garbage collection';
  if (opcode === 0xfb) return 'garbage collection';
  if (opcode === 0xfe) return 'threads and atomics';
  return undefined;
}

/** Packs a signature; `pops` in the order of popping. */
export function signature(pops: readonly number[], push: number): number {
  const [first = 0, second = 0, third = 0] = pops;
  return (first | (second << 8) | (third << 16) | (push << 24)) >>> 0;
}

function plain(from: number, to: number, pops: readonly number[], push: number): void {
  for (let opcode = from; opcode <= to; opcode++) {
    OPCODE_FORM[opcode] = FORM.plain;
    OPCODE_SIGNATURE[opcode] = signature(pops, push);
  }
}

function memory(opcode: number, alignment: number, pops: readonly number[], push: number): void {
  OPCODE_FORM[opcode] = FORM.memory;
  OPCODE_SIGNATURE[opcode] = signature(pops, push);
  OPCODE_ALIGNMENT[opcode] = alignment;
}

for (const opcode of Object.values(OP)) OPCODE_FORM[opcode] = FORM.special;

const LOADS: readonly (readonly [type: number, alignments: readonly number[]])[] = [
  [I32, [2]],
  [I64, [3]],
  [F32, [2]],
  [F64, [3]],
  [I32, [0, 0, 1, 1]],
  [I64, [0, 0, 1, 1, 2, 2]],
];
const STORES: typeof LOADS = [
  [I32, [2]],
  [I64, [3]],
  [F32, [2]],
  [F64, [3]],
  [I32, [0, 1]],
  [I64, [0, 1, 2]],
];
let opcode = 0x28;
for (const [type, alignments] of LOADS) {
  for (const alignment of alignments) memory(opcode++, alignment, [I32], type);
}
for (const [type, alignments] of STORES) {
  for (const alignment of alignments) memory(opcode++, alignment, [type, I32], 0);
}

const unary = (from: number, to: number, type: number) => plain(from, to, [type], type);
const binary = (from: number, to: number, type: number) => plain(from, to, [type, type], type);
const compare = (from: number, to: number, type: number) => plain(from, to, [type, type], I32);

plain(0x45, 0x45, [I32], I32);
compare(0x46, 0x4f, I32);
plain(0x50, 0x50, [I64], I32);
compare(0x51, 0x5a, I64);
compare(0x5b, 0x60, F32);
compare(0x61, 0x66, F64);
unary(0x67, 0x69, I32);
binary(0x6a, 0x78, I32);
unary(0x79, 0x7b, I64);
binary(0x7c, 0x8a, I64);
unary(0x8b, 0x91, F32);
binary(0x92, 0x98, F32);
unary(0x99, 0x9f, F64);
binary(0xa0, 0xa6, F64);
for (const [from, to, operand, result] of [
  [0xa7, 0xa7, I64, I32],
  [0xa8, 0xa9, F32, I32],
  [0xaa, 0xab, F64, I32],
  [0xac, 0xad, I32, I64],
  [0xae, 0xaf, F32, I64],
  [0xb0, 0xb1, F64, I64],
  [0xb2, 0xb3, I32, F32],
  [0xb4, 0xb5, I64, F32],
  [0xb6, 0xb6, F64, F32],
  [0xb7, 0xb8, I32, F64],
  [0xb9, 0xba, I64, F64],
  [0xbb, 0xbb, F32, F64],
  [0xbc, 0xbc, F32, I32],
  [0xbd, 0xbd, F64, I64],
  [0xbe, 0xbe, I32, F32],
  [0xbf, 0xbf, I64, F64],
]) {
  plain(from, to, [operand], result);
}
unary(0xc0, 0xc1, I32);
unary(0xc2, 0xc4, I64);
plain(OP.nop, OP.nop, [], 0);
plain(OP.refIsNull, OP.refIsNull, [FUNCREF], I32);

/** Operand and result of the saturating conversions, by sub-opcode. */
export const SATURATING: readonly number[] = [
  signature([F32], I32),
  signature([F32], I32),
  signature([F64], I32),
  signature([F64], I32),
  signature([F32], I64),
  signature([F32], I64),
  signature([F64], I64),
  signature([F64], I64),
];

for (const free of [OP.nop, OP.block, OP.loop, OP.else, OP.end, OP.drop]) OPCODE_COST[free] = 0;
// Divisions and square roots take several cycles that nothing else can use.
for (const slow of [0x6d, 0x6e, 0x6f, 0x70, 0x7f, 0x80, 0x81, 0x82]) OPCODE_COST[slow] = 8;
for (const slow of [0x91, 0x95, 0x9f, 0xa3]) OPCODE_COST[slow] = 6;
for (const [call, cost] of [
  [OP.call, 4],
  [OP.callIndirect, 12],
  [OP.tableGet, 4],
  [OP.tableSet, 16],
  [OP.memorySize, 2],
  [OP.memoryGrow, 100],
]) {
  OPCODE_COST[call] = cost;
}
