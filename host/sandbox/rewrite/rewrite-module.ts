import { CALL_DEPTH_MAX, MEMORY_PAGES_MAX, START_FUEL, TABLE_ENTRIES_MAX } from '../../limits.ts';
import { LINES_SECTION } from '../line-table.ts';
import { ByteReader } from '../wasm/byte-reader.ts';
import { OP } from '../wasm/opcodes.ts';
import { FUNCREF, I32, sameTypes } from '../wasm/value-type.ts';
import { functionType, SECTION, type WasmLimits, type WasmModule } from '../wasm/wasm-module.ts';
import { ByteWriter } from './byte-writer.ts';
import { encodeFunctionNames } from './function-names.ts';
import { type ImportCost, planMetering } from './metering-plan.ts';
import { encodeRewriteNote, OffsetMap, REWRITE_SECTION } from './offset-map.ts';
import { rewriteBody } from './rewrite-body.ts';

/** Exports and imports that the rewriter adds; uploads may not use the prefix. */
export const RESERVED_PREFIX = 'millrace:';
/** `(fuel: i32) -> ()`: sets the fuel, and the depth to its limit. */
export const REFUEL_EXPORT = 'millrace:refuel';
/** `() -> i32`: fuel left, negative when it ran out. */
export const FUEL_EXPORT = 'millrace:fuel';
/** `() -> i32`: depth left, negative when it ran out. */
export const DEPTH_EXPORT = 'millrace:depth';
/** `() -> ()`: the start function, which the host calls, so that it can tell why it failed. */
export const START_EXPORT = 'millrace:start';
/** Module and name under which the host provides the memory. */
export const MEMORY_IMPORT = ['millrace', 'memory'] as const;

/** Custom sections that stay as they are. */
const KEPT_SECTIONS = ['millrace', LINES_SECTION];

const MUTABLE = 1;
const FUNCTION_TYPE = 0x60;
const EMPTY_BLOCK = 0x40;

export interface RewriteOptions {
  readonly importCost: ImportCost;
  /** Function names to keep. */
  readonly names: ReadonlyMap<number, string>;
}

/**
 * A valid module with fuel, depth and limits written in. The memory becomes an import, so that the
 * host makes it, as large as the step allows. Everything added goes to the end of its index space:
 * no index of the upload changes. The same upload always gives the same bytes.
 */
export function rewriteModule(module: WasmModule, options: RewriteOptions): Uint8Array {
  return new ModuleRewriter(module, options).run();
}

/** Pages that a memory may grow to. */
export function memoryMaximum(memory: WasmLimits): number {
  return Math.min(memory.maximum ?? MEMORY_PAGES_MAX, MEMORY_PAGES_MAX);
}

class ModuleRewriter {
  readonly #module: WasmModule;
  readonly #options: RewriteOptions;
  readonly #out: ByteWriter;
  readonly #offsets = new OffsetMap();
  /** Types appended, `() -> …` each but the first. */
  readonly #addedTypes: { readonly params: Uint8Array; readonly results: Uint8Array }[] = [];
  #codeShift = 0;

  constructor(module: WasmModule, options: RewriteOptions) {
    this.#module = module;
    this.#options = options;
    this.#out = new ByteWriter(module.bytes.length * 2);
  }

  run(): Uint8Array {
    const setType = this.#addType(Uint8Array.of(I32), new Uint8Array(0));
    const getType = this.#addType(new Uint8Array(0), Uint8Array.of(I32));
    // The bodies first: they may need more types, whose section comes before theirs.
    const code = this.#code();
    const memory = this.#ownMemory();

    this.#out.bytes(this.#module.bytes.subarray(0, 8));
    this.#vector(SECTION.type, this.#addedTypes.length, (out) => this.#types(out));
    this.#vector(SECTION.import, memory === undefined ? 0 : 1, (out) => this.#memoryImport(out));
    this.#vector(SECTION.function, 3, (out) => {
      for (const type of [setType, getType, getType]) out.u32(type);
    });
    this.#tables();
    if (memory === undefined) this.#verbatim(SECTION.memory);
    this.#vector(SECTION.global, 2, (out) => {
      for (const initial of [START_FUEL, CALL_DEPTH_MAX]) writeCounter(out, initial);
    });
    const started = this.#module.start === undefined ? 0 : 1;
    this.#vector(SECTION.export, 3 + started, (out) => this.#exports(out));
    for (const id of [SECTION.element, SECTION.dataCount]) this.#verbatim(id);
    this.#section(SECTION.code, code);
    this.#codeShift = this.#out.length - code.length;
    this.#verbatim(SECTION.data);
    this.#customs(memory);
    return this.#out.written().slice();
  }

  #ownMemory(): WasmLimits | undefined {
    const { memories, importedMemories } = this.#module;
    return importedMemories === 0 ? memories[0] : undefined;
  }

  #addType(params: Uint8Array, results: Uint8Array): number {
    const known = this.#addedTypes.findIndex(
      (type) => sameTypes(type.params, params) && sameTypes(type.results, results),
    );
    if (known >= 0) return this.#module.types.length + known;
    return this.#module.types.length + this.#addedTypes.push({ params, results }) - 1;
  }

  #types(out: ByteWriter): void {
    for (const { params, results } of this.#addedTypes) {
      out.byte(FUNCTION_TYPE);
      out.sized(params);
      out.sized(results);
    }
  }

  #memoryImport(out: ByteWriter): void {
    const memory = this.#ownMemory();
    if (memory === undefined) return;
    for (const name of MEMORY_IMPORT) out.name(name);
    out.byte(2);
    out.byte(1);
    out.u32(memory.minimum);
    out.u32(memoryMaximum(memory));
  }

  #tables(): void {
    const { tables, importedTables } = this.#module;
    const own = tables.slice(importedTables);
    if (own.length === 0) return;
    const out = new ByteWriter();
    out.u32(own.length);
    for (const table of own) {
      out.byte(FUNCREF);
      out.byte(1);
      out.u32(table.minimum);
      out.u32(Math.min(table.maximum ?? TABLE_ENTRIES_MAX, TABLE_ENTRIES_MAX));
    }
    this.#section(SECTION.table, out.written());
  }

  #exports(out: ByteWriter): void {
    const first = this.#module.functions.length;
    for (const [i, name] of [REFUEL_EXPORT, FUEL_EXPORT, DEPTH_EXPORT].entries()) {
      out.name(name);
      out.byte(0);
      out.u32(first + i);
    }
    if (this.#module.start === undefined) return;
    out.name(START_EXPORT);
    out.byte(0);
    out.u32(this.#module.start);
  }

  #code(): Uint8Array {
    const module = this.#module;
    const plans = planMetering(module, this.#options.importCost).functions;
    const added = { fuelGlobal: module.globals.length, depthGlobal: module.globals.length + 1 };
    const code = new ByteWriter(module.bytes.length * 2);
    const body = new ByteWriter(4096);
    // Three numbers a run: where it was, where it is in the body, its length.
    const runs: number[] = [];
    const copied = (original: number, rewritten: number, length: number): void => {
      runs.push(original, rewritten, length);
    };
    code.u32(module.bodies.length + 3);
    for (const [node, original] of module.bodies.entries()) {
      body.length = 0;
      runs.length = 0;
      rewriteBody(body, {
        module,
        body: original,
        plan: plans[node],
        plans,
        added,
        blockType: this.#blockType(node + module.importedFunctions),
        copied,
      });
      code.u32(body.length);
      for (let i = 0; i < runs.length; i += 3) {
        this.#offsets.add(runs[i], code.length + runs[i + 1], runs[i + 2]);
      }
      code.bytes(body.written());
    }
    const { fuelGlobal, depthGlobal } = added;
    code.sized(refuelBody(fuelGlobal, depthGlobal));
    code.sized(readBody(fuelGlobal));
    code.sized(readBody(depthGlobal));
    return code.written();
  }

  /** The results of a function as a block type. */
  #blockType(index: number): Uint8Array {
    const { results } = functionType(this.#module, index);
    if (results.length === 0) return Uint8Array.of(EMPTY_BLOCK);
    if (results.length === 1) return results;
    const out = new ByteWriter();
    out.s32(this.#addType(new Uint8Array(0), results));
    return out.written();
  }

  #customs(memory: WasmLimits | undefined): void {
    const { module, names } = { module: this.#module, names: this.#options.names };
    for (const custom of module.customs) {
      if (!KEPT_SECTIONS.includes(custom.name)) continue;
      this.#custom(custom.name, module.bytes.subarray(custom.start, custom.end));
    }
    if (names.size > 0) this.#custom('name', encodeFunctionNames(names));
    const note = {
      memoryMinimum: memory?.minimum ?? 0,
      memoryMaximum: memory === undefined ? 0 : memoryMaximum(memory),
      offsets: this.#offsets,
    };
    this.#custom(REWRITE_SECTION, encodeRewriteNote(note, this.#codeShift));
  }

  #custom(name: string, content: Uint8Array): void {
    const out = new ByteWriter(content.length + 64);
    out.name(name);
    out.bytes(content);
    this.#section(SECTION.custom, out.written());
  }

  /** A section that is a vector: the upload's entries, then `added` more. */
  #vector(id: number, added: number, append: (out: ByteWriter) => void): void {
    const section = this.#find(id);
    if (section === undefined && added === 0) return;
    const out = new ByteWriter();
    if (section === undefined) {
      out.u32(added);
    } else {
      const reader = new ByteReader(this.#module.bytes, section.start, section.end);
      out.u32(reader.u32() + added);
      out.copy(this.#module.bytes, reader.offset, section.end);
    }
    append(out);
    this.#section(id, out.written());
  }

  #verbatim(id: number): void {
    const section = this.#find(id);
    if (section === undefined) return;
    this.#section(id, this.#module.bytes.subarray(section.start, section.end));
  }

  #find(id: number) {
    return this.#module.sections.find((section) => section.id === id);
  }

  #section(id: number, content: Uint8Array): void {
    this.#out.byte(id);
    this.#out.sized(content);
  }
}

/** A mutable i32 global. */
function writeCounter(out: ByteWriter, initial: number): void {
  out.byte(I32);
  out.byte(MUTABLE);
  out.byte(OP.i32Const);
  out.s32(initial);
  out.byte(OP.end);
}

function refuelBody(fuelGlobal: number, depthGlobal: number): Uint8Array {
  const out = new ByteWriter();
  out.u32(0);
  out.byte(OP.localGet);
  out.u32(0);
  out.byte(OP.globalSet);
  out.u32(fuelGlobal);
  out.byte(OP.i32Const);
  out.s32(CALL_DEPTH_MAX);
  out.byte(OP.globalSet);
  out.u32(depthGlobal);
  out.byte(OP.end);
  return out.written();
}

function readBody(global: number): Uint8Array {
  const out = new ByteWriter();
  out.u32(0);
  out.byte(OP.globalGet);
  out.u32(global);
  out.byte(OP.end);
  return out.written();
}
