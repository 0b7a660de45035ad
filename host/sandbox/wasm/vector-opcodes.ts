import { signature } from './opcodes.ts';
import { F32, F64, I32, I64, V128 } from './value-type.ts';

/**
 * The instructions behind the 0xfd prefix, as tables indexed by sub-opcode (0–255; above are the
 * relaxed ones, which are refused). Signatures are packed as in `opcodes.ts`.
 */
export const VECTOR_FORM = {
  none: 0,
  plain: 1,
  /** A memory operand follows. */
  memory: 2,
  /** A memory operand and a lane index follow. */
  memoryLane: 3,
  /** A lane index follows. */
  lane: 4,
  /** Sixteen bytes follow. */
  constant: 5,
  /** Sixteen lane indices below 32 follow. */
  shuffle: 6,
} as const;

export const VECTOR_FORMS = new Uint8Array(256);
export const VECTOR_SIGNATURE = new Uint32Array(256);
export const VECTOR_ALIGNMENT = new Uint8Array(256);
/** Number of lanes where a lane index follows. */
export const VECTOR_LANES = new Uint8Array(256);

/** Fuel beyond that of the prefix. */
export const VECTOR_COST = new Uint8Array(256);

const V = V128;

function define(from: number, to: number, form: number, types: number): void {
  VECTOR_FORMS.fill(form, from, to + 1);
  VECTOR_SIGNATURE.fill(types, from, to + 1);
}

function plain(types: number, ranges: readonly (readonly [from: number, to: number])[]): void {
  for (const [from, to] of ranges) define(from, to, VECTOR_FORM.plain, types);
}

/** Loads and stores: sub-opcode, alignment exponent. */
const LOAD_ALIGNMENTS = [4, 3, 3, 3, 3, 3, 3, 0, 1, 2, 3];
for (const [subcode, alignment] of LOAD_ALIGNMENTS.entries()) {
  define(subcode, subcode, VECTOR_FORM.memory, signature([I32], V));
  VECTOR_ALIGNMENT[subcode] = alignment;
}
define(11, 11, VECTOR_FORM.memory, signature([V, I32], 0));
VECTOR_ALIGNMENT[11] = 4;
define(92, 93, VECTOR_FORM.memory, signature([I32], V));
VECTOR_ALIGNMENT[92] = 2;
VECTOR_ALIGNMENT[93] = 3;
for (let width = 0; width < 4; width++) {
  define(84 + width, 84 + width, VECTOR_FORM.memoryLane, signature([V, I32], V));
  define(88 + width, 88 + width, VECTOR_FORM.memoryLane, signature([V, I32], 0));
  for (const subcode of [84 + width, 88 + width]) {
    VECTOR_ALIGNMENT[subcode] = width;
    VECTOR_LANES[subcode] = 16 >> width;
  }
}

define(12, 12, VECTOR_FORM.constant, signature([], V));
define(13, 13, VECTOR_FORM.shuffle, signature([V, V], V));

/** Splats, and lanes taken out and put in: element type, lanes, sub-opcodes. */
for (const [splat, type] of [
  [15, I32],
  [16, I32],
  [17, I32],
  [18, I64],
  [19, F32],
  [20, F64],
]) {
  define(splat, splat, VECTOR_FORM.plain, signature([type], V));
}
for (const [extractFrom, extractTo, type, lanes] of [
  [21, 22, I32, 16],
  [24, 25, I32, 8],
  [27, 27, I32, 4],
  [29, 29, I64, 2],
  [31, 31, F32, 4],
  [33, 33, F64, 2],
]) {
  const replace = extractTo + 1;
  define(extractFrom, extractTo, VECTOR_FORM.lane, signature([V], type));
  define(replace, replace, VECTOR_FORM.lane, signature([type, V], V));
  VECTOR_LANES.fill(lanes, extractFrom, replace + 1);
}

const BINARY = [
  [14, 14],
  [35, 76],
  [78, 81],
  [101, 102],
  [110, 115],
  [118, 121],
  [123, 123],
  [130, 130],
  [133, 134],
  [142, 147],
  [149, 153],
  [155, 159],
  [174, 174],
  [177, 177],
  [181, 186],
  [188, 191],
  [206, 206],
  [209, 209],
  [213, 223],
  [228, 235],
  [240, 247],
] as const;
const UNARY = [
  [77, 77],
  [94, 98],
  [103, 106],
  [116, 117],
  [122, 122],
  [124, 129],
  [135, 138],
  [148, 148],
  [160, 161],
  [167, 170],
  [192, 193],
  [199, 202],
  [224, 225],
  [227, 227],
  [236, 237],
  [239, 239],
  [248, 255],
] as const;
/** `any_true`, `all_true`, `bitmask`. */
const TESTS = [
  [83, 83],
  [99, 100],
  [131, 132],
  [163, 164],
  [195, 196],
] as const;
const SHIFTS = [
  [107, 109],
  [139, 141],
  [171, 173],
  [203, 205],
] as const;

plain(signature([V, V], V), BINARY);
plain(signature([V], V), UNARY);
plain(signature([V], I32), TESTS);
plain(signature([I32, V], V), SHIFTS);
define(82, 82, VECTOR_FORM.plain, signature([V, V, V], V));

// Divisions and square roots of each lane, and what the machine has no single instruction for.
for (const [slow, cost] of [
  [213, 10],
  [227, 10],
  [231, 10],
  [239, 12],
  [243, 12],
]) {
  VECTOR_COST[slow] = cost;
}
for (const emulated of [98, 107, 108, 109, 204, 232, 233, 244, 245]) VECTOR_COST[emulated] = 5;
for (let conversion = 248; conversion <= 255; conversion++) VECTOR_COST[conversion] = 5;
