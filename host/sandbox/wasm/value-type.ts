/** Value types by the byte that encodes them. 0 stands for "any type", met only in dead code. */
export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export const FUNCREF = 0x70;
export const EXTERNREF = 0x6f;
export const ANY = 0;

const NAMES: Readonly<Record<number, string>> = {
  [I32]: 'i32',
  [I64]: 'i64',
  [F32]: 'f32',
  [F64]: 'f64',
  [V128]: 'v128',
  [FUNCREF]: 'funcref',
  [EXTERNREF]: 'externref',
  [ANY]: 'any',
};

/** Types of a function or block, one byte per value. */
export interface FunctionType {
  readonly params: Uint8Array;
  readonly results: Uint8Array;
}

export const NO_TYPES = new Uint8Array(0);

const SINGLE: ReadonlyMap<number, Uint8Array> = new Map(
  [I32, I64, F32, F64, V128, FUNCREF].map((type) => [type, Uint8Array.of(type)]),
);

/** The list of one type, shared; undefined when the byte is not an accepted value type. */
export function singleType(type: number): Uint8Array | undefined {
  return SINGLE.get(type);
}

/** Whether the byte is a value type this gate accepts. */
export function isValueType(type: number): boolean {
  return (type >= V128 && type <= I32) || type === FUNCREF;
}

/** `i32`, `funcref`, … or the byte in hex. */
export function typeName(type: number): string {
  return NAMES[type] ?? `0x${type.toString(16)}`;
}

/** `(i32, i32) -> i64`, as messages write it. */
export function formatFunctionType(type: FunctionType): string {
  return `${list(type.params)} -> ${list(type.results)}`;
}

export function sameFunctionType(a: FunctionType, b: FunctionType): boolean {
  return sameTypes(a.params, b.params) && sameTypes(a.results, b.results);
}

export function sameTypes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function list(types: Uint8Array): string {
  return `(${[...types].map(typeName).join(', ')})`;
}
