import { readSection } from '../../host/abi/read-section.ts';
import type { Batch } from '../../host/model/batch.ts';
import type {
  FunctionDescription,
  ModuleDescription,
} from '../../host/model/module-description.ts';
import { copyOf } from './keyed-rows.ts';

/** One `millrace.emit` or `millrace.state`, its rows copied. */
export interface Emitted {
  readonly batch: Batch;
  readonly last: boolean;
}

export interface RawResult {
  /** All emitted rows together. */
  readonly output: Batch;
  /** All states handed back together. */
  readonly states: Batch;
  readonly emitted: readonly Emitted[];
}

export interface RawKeyedCall {
  readonly rows: Batch;
  readonly states?: Batch;
  readonly keys: number;
  readonly flags: number;
}

export const EMIT_RECORD = 1;
export const EMIT_BATCH = 2;
export const MERGE = 4;

/**
 * Drives a module by the ABI and nothing else: no gate, no fuel, no checks. For tests of SDKs, whose
 * modules are trusted, and to measure a guest without the sandbox around it.
 */
export class RawGuest {
  readonly description: ModuleDescription;
  readonly exports: Record<string, (...values: number[]) => number>;
  readonly memory: WebAssembly.Memory;
  readonly logged: { readonly level: number; readonly text: string }[] = [];
  #emitted: Emitted[] = [];
  #states: Batch[] = [];
  /** Off while measuring: `emit` then only counts. */
  collecting = true;
  rowsOut = 0;
  bytesOut = 0;

  constructor(wasm: Uint8Array) {
    const module = new WebAssembly.Module(new Uint8Array(wasm));
    const sections = WebAssembly.Module.customSections(module, 'millrace');
    this.description = readSection(new Uint8Array(sections[0]));
    const instance = new WebAssembly.Instance(module, this.#imports());
    this.exports = instance.exports as never;
    this.memory = instance.exports.memory as WebAssembly.Memory;
    this.exports._initialize?.();
  }

  function(name: string): FunctionDescription {
    const found = this.description.functions.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`the module has no function "${name}"`);
    return found;
  }

  /** `map`, `filter`, `flatMap`: one call. */
  run(name: string, input: Batch): RawResult {
    this.#clear();
    const pointer = this.write(input.bytes, input.bytes.length);
    this.#call(name, [pointer, input.bytes.length, input.count]);
    return this.#result();
  }

  /** `reduce`, `aggregate`: one call. Rows and states carry ordinals in their tags. */
  runKeyed(name: string, call: RawKeyedCall): RawResult {
    this.#clear();
    const states = call.states ?? { bytes: new Uint8Array(0), count: 0 };
    const { rows, keys, flags } = call;
    const pointer = this.write(rows.bytes, rows.bytes.length + states.bytes.length);
    const statesPointer = pointer + rows.bytes.length;
    new Uint8Array(this.memory.buffer).set(states.bytes, statesPointer);
    this.#call(name, [
      ...[pointer, rows.bytes.length, rows.count],
      ...[statesPointer, states.bytes.length, states.count],
      ...[keys, flags],
    ]);
    return this.#result();
  }

  /** `apply`: one call; entries of windows as `ABI.md` draws them. */
  runWindows(name: string, rows: Batch, windows: Uint8Array): RawResult {
    this.#clear();
    const { length } = rows.bytes;
    const pointer = this.write(rows.bytes, length + windows.length);
    new Uint8Array(this.memory.buffer).set(windows, pointer + length);
    this.#call(name, [pointer, length, rows.count, pointer + length, windows.length / 32]);
    return this.#result();
  }

  /** Copies `bytes` into an input area of `size` bytes and returns its address. */
  write(bytes: Uint8Array, size: number): number {
    const pointer = this.exports.mr_buffer(size) >>> 0;
    if (pointer % 8 !== 0) throw new Error(`mr_buffer returned ${pointer}`);
    new Uint8Array(this.memory.buffer).set(bytes, pointer);
    return pointer;
  }

  #call(name: string, values: number[]): void {
    const status = this.exports[`mr_${name}`](...values);
    if (status !== 0) throw new Error(`"${name}" returned ${status}`);
  }

  #clear(): void {
    this.#emitted = [];
    this.#states = [];
    this.rowsOut = 0;
    this.bytesOut = 0;
  }

  #result(): RawResult {
    return {
      output: join(this.#emitted.map(({ batch }) => batch)),
      states: join(this.#states),
      emitted: this.#emitted,
    };
  }

  #imports(): WebAssembly.Imports {
    const millrace = Object.assign(Object.create(null), {
      emit: (pointer: number, bytes: number, count: number, last: number) => {
        this.rowsOut += count;
        this.bytesOut += bytes;
        if (!this.collecting) return;
        if (this.#emitted.some((earlier) => earlier.last)) throw new Error('emit after the last');
        this.#emitted.push({ batch: this.#copy(pointer, bytes, count), last: last === 1 });
      },
      state: (pointer: number, bytes: number, count: number) => {
        if (this.collecting) this.#states.push(this.#copy(pointer, bytes, count));
      },
      log: (level: number, pointer: number, bytes: number) => {
        const text = new TextDecoder().decode(this.#copy(pointer, bytes, 0).bytes);
        this.logged.push({ level, text });
      },
    });
    const env = Object.assign(Object.create(null), {
      abort: (message: number, file: number, line: number, column: number) => {
        throw new Error(`${this.#string(message)} (${this.#string(file)}:${line}:${column})`);
      },
    });
    return Object.assign(Object.create(null), { millrace, env });
  }

  #copy(pointer: number, bytes: number, count: number): Batch {
    return copyOf({ bytes: new Uint8Array(this.memory.buffer, pointer, bytes), count });
  }

  /** A string of AssemblyScript: UTF-16, its bytes counted in the word before it. */
  #string(pointer: number): string {
    if (pointer === 0) return '';
    const length = new DataView(this.memory.buffer).getUint32(pointer - 4, true);
    return new TextDecoder('utf-16le').decode(new Uint8Array(this.memory.buffer, pointer, length));
  }
}

function join(batches: readonly Batch[]): Batch {
  const bytes = Buffer.concat(batches.map((batch) => batch.bytes));
  const count = batches.reduce((sum, batch) => sum + batch.count, 0);
  return { bytes: new Uint8Array(bytes), count };
}
