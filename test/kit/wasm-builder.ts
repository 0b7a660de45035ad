/**
 * WebAssembly modules by hand, byte by byte, right ones and wrong ones.
 *
 *     new WasmBuilder().memory(1).exported('memory', 'memory', 0).build()
 */
export const TYPE = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
} as const;

const KIND = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;
type Kind = keyof typeof KIND;

type Bytes = readonly number[];

/** Unsigned LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** Signed LEB128 of a 32-bit number. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const last = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
    bytes.push(last ? low : low | 0x80);
    if (last) return bytes;
  }
}

/** A length and UTF-8. */
export function text(value: string): number[] {
  const bytes = [...new TextEncoder().encode(value)];
  return [...unsigned(bytes.length), ...bytes];
}

/** A count and the entries. */
export function vector(entries: readonly Bytes[]): number[] {
  return [...unsigned(entries.length), ...entries.flat()];
}

/** Instructions, for bodies that read like text. Labels, locals and globals by index. */
export const op = {
  unreachable: [0x00],
  block: (...body: Bytes[]) => [0x02, 0x40, ...body.flat(), 0x0b],
  loop: (...body: Bytes[]) => [0x03, 0x40, ...body.flat(), 0x0b],
  if: (...body: Bytes[]) => [0x04, 0x40, ...body.flat(), 0x0b],
  br: (label: number) => [0x0c, ...unsigned(label)],
  brIf: (label: number) => [0x0d, ...unsigned(label)],
  return: [0x0f],
  call: (index: number) => [0x10, ...unsigned(index)],
  callIndirect: (type: number, table = 0) => [0x11, ...unsigned(type), ...unsigned(table)],
  drop: [0x1a],
  get: (local: number) => [0x20, ...unsigned(local)],
  set: (local: number) => [0x21, ...unsigned(local)],
  globalGet: (index: number) => [0x23, ...unsigned(index)],
  globalSet: (index: number) => [0x24, ...unsigned(index)],
  load: (offset = 0) => [0x28, 2, ...unsigned(offset)],
  store: (offset = 0) => [0x36, 2, ...unsigned(offset)],
  grow: [0x40, 0],
  size: [0x3f, 0],
  i32: (value: number) => [0x41, ...signed(value)],
  add: [0x6a],
  sub: [0x6b],
  mul: [0x6c],
  div: [0x6d],
  lessThan: [0x48],
  isZero: [0x45],
  copy: [0xfc, 10, 0, 0],
  fill: [0xfc, 11, 0],
} as const;

export interface FunctionParts {
  readonly params?: Bytes;
  readonly results?: Bytes;
  /** Groups: count and type. */
  readonly locals?: readonly (readonly [count: number, type: number])[];
  /** Instructions without the final `end`. */
  readonly code: readonly Bytes[];
}

/** Builds a module section by section. Nothing is checked. */
export class WasmBuilder {
  readonly #types: number[][] = [];
  readonly #imports: number[][] = [];
  readonly #functions: number[][] = [];
  readonly #tables: number[][] = [];
  readonly #memories: number[][] = [];
  readonly #globals: number[][] = [];
  readonly #exports: number[][] = [];
  readonly #elements: number[][] = [];
  readonly #bodies: number[][] = [];
  readonly #data: number[][] = [];
  readonly #customs: number[][] = [];
  readonly #raw: { readonly id: number; readonly content: Bytes }[] = [];
  #start: number[] | undefined;
  #dataCount: number | undefined;
  #importedFunctions = 0;

  /** Adds a function type and returns its index. */
  type(params: Bytes, results: Bytes): number {
    const type = [
      0x60,
      ...unsigned(params.length),
      ...params,
      ...unsigned(results.length),
      ...results,
    ];
    return this.#types.push(type) - 1;
  }

  rawType(bytes: Bytes): this {
    this.#types.push([...bytes]);
    return this;
  }

  importFunction(module: string, name: string, params: Bytes, results: Bytes = []): number {
    const type = this.type(params, results);
    this.#imports.push([...text(module), ...text(name), KIND.function, ...unsigned(type)]);
    return this.#importedFunctions++;
  }

  import(module: string, name: string, kind: Kind, description: Bytes): this {
    this.#imports.push([...text(module), ...text(name), KIND[kind], ...description]);
    return this;
  }

  /** Defines a function and returns its index. */
  function({ params = [], results = [], locals = [], code }: FunctionParts): number {
    const groups = locals.map(([count, type]) => [...unsigned(count), type]);
    return this.rawFunction(this.type(params, results), [...vector(groups), ...code.flat(), 0x0b]);
  }

  /** Defines a function by the bytes of its body: locals and code, `end` included. */
  rawFunction(type: number, body: Bytes): number {
    this.#functions.push(unsigned(type));
    this.#bodies.push([...unsigned(body.length), ...body]);
    return this.#importedFunctions + this.#functions.length - 1;
  }

  table(minimum: number, maximum?: number, type: number = TYPE.funcref): this {
    this.#tables.push([type, ...limits(minimum, maximum)]);
    return this;
  }

  memory(minimum: number, maximum?: number): this {
    return this.rawMemory(limits(minimum, maximum));
  }

  rawMemory(bytes: Bytes): this {
    this.#memories.push([...bytes]);
    return this;
  }

  global(type: number, mutable: boolean, initial: Bytes): this {
    this.#globals.push([type, mutable ? 1 : 0, ...initial, 0x0b]);
    return this;
  }

  exported(name: string, kind: Kind, index: number): this {
    this.#exports.push([...text(name), KIND[kind], ...unsigned(index)]);
    return this;
  }

  start(index: number): this {
    this.#start = unsigned(index);
    return this;
  }

  /** An active element segment of table 0. */
  elements(offset: number, functions: readonly number[]): this {
    return this.rawElements([0, ...op.i32(offset), 0x0b, ...vector(functions.map(unsigned))]);
  }

  rawElements(bytes: Bytes): this {
    this.#elements.push([...bytes]);
    return this;
  }

  /** An active data segment. */
  data(offset: number, bytes: Bytes): this {
    return this.rawData([0, ...op.i32(offset), 0x0b, ...unsigned(bytes.length), ...bytes]);
  }

  rawData(bytes: Bytes): this {
    this.#data.push([...bytes]);
    return this;
  }

  dataCount(count: number): this {
    this.#dataCount = count;
    return this;
  }

  custom(name: string, content: Uint8Array | Bytes): this {
    this.#customs.push([...text(name), ...content]);
    return this;
  }

  /** A section as it stands, after all others. */
  raw(id: number, content: Bytes): this {
    this.#raw.push({ id, content });
    return this;
  }

  build(): Uint8Array<ArrayBuffer> {
    const out: number[] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const add = (id: number, content: Bytes | undefined) => {
      if (content === undefined) return;
      for (const byte of [id, ...unsigned(content.length)]) out.push(byte);
      for (const byte of content) out.push(byte);
    };
    const list = (entries: readonly Bytes[]) => (entries.length > 0 ? vector(entries) : undefined);
    add(1, list(this.#types));
    add(2, list(this.#imports));
    add(3, list(this.#functions));
    add(4, list(this.#tables));
    add(5, list(this.#memories));
    add(6, list(this.#globals));
    add(7, list(this.#exports));
    add(8, this.#start);
    add(9, list(this.#elements));
    add(12, this.#dataCount === undefined ? undefined : unsigned(this.#dataCount));
    add(10, list(this.#bodies));
    add(11, list(this.#data));
    for (const custom of this.#customs) add(0, custom);
    for (const { id, content } of this.#raw) add(id, content);
    return Uint8Array.from(out);
  }
}

function limits(minimum: number, maximum?: number): number[] {
  if (maximum === undefined) return [0, ...unsigned(minimum)];
  return [1, ...unsigned(minimum), ...unsigned(maximum)];
}
