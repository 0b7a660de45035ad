import { type FunctionParts, op, TYPE, WasmBuilder } from './wasm-builder.ts';

/** A guest function: its kind and its code. Locals 0… are the parameters of the kind. */
export interface GuestFunctionParts {
  readonly kind: 'map' | 'filter' | 'flatMap' | 'reduce';
  readonly locals?: FunctionParts['locals'];
  readonly code: FunctionParts['code'];
}

export interface HandMadeGuest {
  readonly builder: WasmBuilder;
  /** Indices of the imports `millrace.emit`, `.state` and `.log`. */
  readonly emit: number;
  readonly state: number;
  readonly log: number;
}

/** The record of hand-made guests: eight numbers. */
export const NUMBERS = {
  name: 'Numbers',
  fields: Array.from({ length: 8 }, (_, i) => ({ name: `n${i}`, type: 'i32' })),
};

/** Bytes of a row of `NUMBERS`. */
export const NUMBERS_ROW_BYTES = 16 + 8 * 8;
/** Where `mr_buffer` of hand-made guests puts the input, unless they define their own. */
export const INPUT_ADDRESS = 1024;

const { i32 } = TYPE;

/** A module with the ABI's imports, a memory and an `mr_buffer`, to which functions are added. */
export function handMadeGuest(pages = 4, maximum?: number): HandMadeGuest {
  const builder = new WasmBuilder();
  const emit = builder.importFunction('millrace', 'emit', [i32, i32, i32, i32]);
  const state = builder.importFunction('millrace', 'state', [i32, i32, i32]);
  const log = builder.importFunction('millrace', 'log', [i32, i32, i32]);
  builder.memory(pages, maximum).exported('memory', 'memory', 0);
  return { builder, emit, state, log };
}

/** `mr_buffer` that always answers with the same address. */
export function addBuffer({ builder }: HandMadeGuest, address = INPUT_ADDRESS): void {
  const buffer = builder.function({ params: [i32], results: [i32], code: [op.i32(address)] });
  builder.exported('mr_buffer', 'function', buffer);
}

/** Adds `mr_<name>` for each function and the section that describes them, and builds. */
export function finishGuest(
  guest: HandMadeGuest,
  functions: Readonly<Record<string, GuestFunctionParts>>,
): Uint8Array<ArrayBuffer> {
  const { builder } = guest;
  for (const [name, { kind, locals, code }] of Object.entries(functions)) {
    const params = Array.from({ length: kind === 'reduce' ? 8 : 3 }, () => i32);
    const index = builder.function({ params, results: [i32], locals, code });
    builder.exported(`mr_${name}`, 'function', index);
  }
  const section = {
    abi: 1,
    sdk: 'by hand',
    records: [NUMBERS],
    functions: Object.entries(functions).map(([name, { kind }]) => ({
      name,
      kind,
      input: NUMBERS.name,
      output: NUMBERS.name,
    })),
  };
  return builder.custom('millrace', new TextEncoder().encode(JSON.stringify(section))).build();
}

/** Guest with a fixed input area and these functions. */
export function guestOf(
  functions: (guest: HandMadeGuest) => Readonly<Record<string, GuestFunctionParts>>,
): Uint8Array<ArrayBuffer> {
  const guest = handMadeGuest();
  addBuffer(guest);
  return finishGuest(guest, functions(guest));
}
