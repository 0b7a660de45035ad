import {
  MEMORY_PAGES_MAX,
  MODULE_ENTRIES_MAX,
  MODULE_FUNCTIONS_MAX,
  MODULE_TABLES_MAX,
  TABLE_ENTRIES_MAX,
} from '../../limits.ts';
import type { ByteReader } from './byte-reader.ts';
import { parseConstantExpression } from './constant-expression.ts';
import { checkLimit, malformed, refused } from './module-fault.ts';
import { readValueType } from './type-section.ts';
import { FUNCREF } from './value-type.ts';
import type { WasmGlobal, WasmLimits, WasmModule } from './wasm-module.ts';

/** Pages a 32-bit memory can have. */
const PAGES_32_BIT = 65_536;

/** Function section: the type of each function whose body is in the code section. */
export function parseFunctionSection(reader: ByteReader, module: WasmModule): void {
  const start = reader.offset;
  const count = reader.u32();
  checkLimit(start, 'functions', count, MODULE_FUNCTIONS_MAX);
  for (let i = 0; i < count; i++) {
    const offset = reader.offset;
    const type = reader.u32();
    if (type >= module.types.length) malformed(offset, `there is no type ${type}`);
    module.functions.push(type);
  }
}

export function parseTableSection(reader: ByteReader, module: WasmModule): void {
  const start = reader.offset;
  const count = reader.u32();
  checkLimit(start, 'tables', count + module.importedTables, MODULE_TABLES_MAX);
  for (let i = 0; i < count; i++) module.tables.push(readTableType(reader));
  const entries = module.tables.reduce((sum, table) => sum + table.minimum, 0);
  checkLimit(start, 'entries of all tables', entries, TABLE_ENTRIES_MAX);
}

export function parseMemorySection(reader: ByteReader, module: WasmModule): void {
  const start = reader.offset;
  const count = reader.u32();
  if (count + module.memories.length > 1) {
    refused(start, `multi-memory: memories: ${count + module.memories.length}, limit 1`);
  }
  for (let i = 0; i < count; i++) module.memories.push(readMemoryType(reader));
}

export function parseGlobalSection(reader: ByteReader, module: WasmModule): void {
  const start = reader.offset;
  const count = reader.u32();
  checkLimit(start, 'globals', count, MODULE_ENTRIES_MAX);
  for (let i = 0; i < count; i++) {
    const global = readGlobalType(reader);
    parseConstantExpression(reader, module, global.type);
    module.globals.push(global);
  }
}

export function parseStartSection(reader: ByteReader, module: WasmModule): void {
  const offset = reader.offset;
  const index = reader.u32();
  const type = module.types[module.functions[index]];
  if (type === undefined) malformed(offset, `there is no function ${index}`);
  if (type.params.length + type.results.length > 0) {
    malformed(offset, 'the start function takes or returns values');
  }
  module.start = index;
}

export function parseDataCountSection(reader: ByteReader, module: WasmModule): void {
  const offset = reader.offset;
  const count = reader.u32();
  checkLimit(offset, 'data segments', count, MODULE_ENTRIES_MAX);
  module.dataCount = count;
}

export function readTableType(reader: ByteReader): WasmLimits {
  const offset = reader.offset;
  if (reader.bytes[offset] === 0x40) {
    refused(offset, 'typed function references: a table with an initial value');
  }
  const type = readValueType(reader);
  if (type !== FUNCREF) malformed(offset, 'a table holds references');
  const limits = readLimits(reader, 'table', 0xffff_ffff);
  checkLimit(limits.offset, 'table entries', limits.minimum, TABLE_ENTRIES_MAX);
  return limits;
}

export function readMemoryType(reader: ByteReader): WasmLimits {
  const limits = readLimits(reader, 'memory', PAGES_32_BIT);
  checkLimit(limits.offset, 'memory pages at the start', limits.minimum, MEMORY_PAGES_MAX);
  return limits;
}

export function readGlobalType(reader: ByteReader): WasmGlobal {
  const type = readValueType(reader);
  const offset = reader.offset;
  const mutable = reader.byte();
  if (mutable > 1) malformed(offset, `0x${mutable.toString(16)} is not a mutability`);
  return { type, mutable: mutable === 1 };
}

/** Flags, a minimum and perhaps a maximum. */
function readLimits(reader: ByteReader, what: string, ceiling: number): WasmLimits {
  const offset = reader.offset;
  const flags = reader.byte();
  if (flags & 8) refused(offset, `custom page sizes: ${what} flags 0x${flags.toString(16)}`);
  if (flags & 4) refused(offset, `memory64: ${what} with 64-bit limits`);
  if (flags & 2) refused(offset, `threads and atomics: shared ${what}`);
  if (flags > 1) malformed(offset, `0x${flags.toString(16)} are not ${what} flags`);
  const minimum = reader.u32();
  const maximum = flags === 1 ? reader.u32() : undefined;
  if (minimum > ceiling) malformed(offset, `${what} minimum ${minimum}, at most ${ceiling}`);
  if (maximum !== undefined && maximum > ceiling) {
    malformed(offset, `${what} maximum ${maximum}, at most ${ceiling}`);
  }
  if (maximum !== undefined && maximum < minimum) {
    malformed(offset, `${what} maximum ${maximum} is below its minimum ${minimum}`);
  }
  return { minimum, maximum, offset };
}
