import { MODULE_EXPORTS_MAX } from '../../limits.ts';
import type { ByteReader } from './byte-reader.ts';
import { readExternalKind } from './import-section.ts';
import { checkLimit, malformed } from './module-fault.ts';
import type { ExternalKind, WasmModule } from './wasm-module.ts';

/** Export section: names are unique, indices exist. */
export function parseExportSection(reader: ByteReader, module: WasmModule): void {
  const start = reader.offset;
  const count = reader.u32();
  checkLimit(start, 'exports', count, MODULE_EXPORTS_MAX);
  const names = new Set<string>();
  for (let i = 0; i < count; i++) {
    const offset = reader.offset;
    const name = reader.name();
    const kind = readExternalKind(reader);
    const index = reader.u32();
    if (names.has(name)) malformed(offset, `export ${JSON.stringify(name)} appears twice`);
    names.add(name);
    if (index >= spaceSize(module, kind)) malformed(offset, `there is no ${kind} ${index}`);
    if (kind === 'function') module.referenced.add(index);
    module.exports.push({ name, kind, index, offset });
  }
}

function spaceSize(module: WasmModule, kind: ExternalKind): number {
  switch (kind) {
    case 'function':
      return module.functions.length;
    case 'table':
      return module.tables.length;
    case 'memory':
      return module.memories.length;
    case 'global':
      return module.globals.length;
  }
}
