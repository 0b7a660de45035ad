import { FUNCTION_NAME_CHARS_MAX } from '../../limits.ts';
import { ByteReader } from '../wasm/byte-reader.ts';
import { ModuleFault } from '../wasm/module-fault.ts';
import type { WasmModule } from '../wasm/wasm-module.ts';
import { ByteWriter } from './byte-writer.ts';

const FUNCTION_NAMES = 1;

/**
 * Function names of the `name` custom section by index, ascending, cut and without control
 * characters. A section that cannot be read gives no names: it is debug data, not part of validity.
 */
export function readFunctionNames(module: WasmModule): Map<number, string> {
  const names = new Map<number, string>();
  const section = module.customs.find((custom) => custom.name === 'name');
  if (section === undefined) return names;
  try {
    const reader = new ByteReader(module.bytes, section.start, section.end);
    while (!reader.done) {
      const id = reader.byte();
      const size = reader.u32();
      const end = reader.offset + size;
      if (id === FUNCTION_NAMES) {
        readNames(new ByteReader(module.bytes, reader.offset, end), module, names);
      }
      reader.skip(size);
    }
  } catch (thrown) {
    if (!(thrown instanceof ModuleFault)) throw thrown;
  }
  return names;
}

function readNames(reader: ByteReader, module: WasmModule, names: Map<number, string>): void {
  const count = reader.u32();
  let last = -1;
  for (let i = 0; i < count; i++) {
    const index = reader.u32();
    const name = reader.name();
    if (index <= last || index >= module.functions.length) return;
    last = index;
    names.set(index, cleanName(name));
  }
}

/** The name with what does not print replaced, cut to its limit. */
export function cleanName(name: string): string {
  return name.slice(0, FUNCTION_NAME_CHARS_MAX).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}

/** Content of a `name` section with these function names. */
export function encodeFunctionNames(names: ReadonlyMap<number, string>): Uint8Array {
  const list = new ByteWriter(1024);
  list.u32(names.size);
  for (const [index, name] of names) {
    list.u32(index);
    list.name(name);
  }
  const out = new ByteWriter(list.length + 8);
  out.byte(FUNCTION_NAMES);
  out.sized(list.written());
  return out.written();
}
