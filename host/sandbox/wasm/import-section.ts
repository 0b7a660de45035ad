import { MODULE_IMPORTS_MAX } from '../../limits.ts';
import type { ByteReader } from './byte-reader.ts';
import { readGlobalType, readMemoryType, readTableType } from './definition-sections.ts';
import { checkLimit, malformed, refused } from './module-fault.ts';
import { EXTERNAL_KINDS, type ExternalKind, type WasmModule } from './wasm-module.ts';

/** Import section. Which imports may be there is not decided here. */
export function parseImportSection(reader: ByteReader, module: WasmModule): void {
  const start = reader.offset;
  const count = reader.u32();
  checkLimit(start, 'imports', count, MODULE_IMPORTS_MAX);
  for (let i = 0; i < count; i++) {
    const offset = reader.offset;
    const from = reader.name();
    const name = reader.name();
    const kind = readExternalKind(reader);
    module.imports.push({
      module: from,
      name,
      kind,
      index: addImport(reader, module, kind),
      offset,
    });
  }
}

/** The kind byte of an import or export. */
export function readExternalKind(reader: ByteReader): ExternalKind {
  const offset = reader.offset;
  const byte = reader.byte();
  if (byte === 4) refused(offset, 'exception handling: tags are not accepted');
  return EXTERNAL_KINDS[byte] ?? malformed(offset, `0x${byte.toString(16)} is not a kind`);
}

function addImport(reader: ByteReader, module: WasmModule, kind: ExternalKind): number {
  switch (kind) {
    case 'function': {
      const offset = reader.offset;
      const type = reader.u32();
      if (type >= module.types.length) malformed(offset, `there is no type ${type}`);
      module.importedFunctions++;
      return module.functions.push(type) - 1;
    }
    case 'table':
      module.importedTables++;
      return module.tables.push(readTableType(reader)) - 1;
    case 'memory':
      module.importedMemories++;
      return module.memories.push(readMemoryType(reader)) - 1;
    case 'global':
      module.importedGlobals++;
      return module.globals.push(readGlobalType(reader)) - 1;
  }
}
