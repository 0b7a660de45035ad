import { MODULE_ENTRIES_MAX } from '../../limits.ts';
import type { ByteReader } from './byte-reader.ts';
import { parseConstantExpression } from './constant-expression.ts';
import { checkLimit, malformed } from './module-fault.ts';
import { refuseType } from './type-section.ts';
import { FUNCREF, I32 } from './value-type.ts';
import type { WasmModule } from './wasm-module.ts';

/**
 * Element section. The flags say what follows:
 * bit 0 not active · bit 1 explicit table (active) or declarative · bit 2 expressions, not indices.
 */
export function parseElementSection(reader: ByteReader, module: WasmModule): void {
  const start = reader.offset;
  const count = reader.u32();
  checkLimit(start, 'element segments', count, MODULE_ENTRIES_MAX);
  for (let i = 0; i < count; i++) parseElementSegment(reader, module);
  module.elementSegments = count;
}

function parseElementSegment(reader: ByteReader, module: WasmModule): void {
  const offset = reader.offset;
  const flags = reader.u32();
  if (flags > 7) malformed(offset, `0x${flags.toString(16)} are not element segment flags`);
  const explicit = (flags & 2) !== 0;
  const expressions = (flags & 4) !== 0;
  if ((flags & 1) === 0) {
    const table = explicit ? reader.u32() : 0;
    if (table >= module.tables.length) malformed(offset, `there is no table ${table}`);
    parseConstantExpression(reader, module, I32);
  }
  if ((flags & 3) !== 0) readElementKind(reader, expressions);
  const entries = reader.u32();
  if (entries > reader.end - reader.offset) malformed(offset, `${entries} elements do not fit`);
  for (let i = 0; i < entries; i++) {
    if (expressions) parseConstantExpression(reader, module, FUNCREF);
    else readFunctionIndex(reader, module);
  }
}

function readElementKind(reader: ByteReader, expressions: boolean): void {
  const offset = reader.offset;
  const kind = reader.byte();
  if (kind === (expressions ? FUNCREF : 0)) return;
  if (expressions) refuseType(offset, kind);
  malformed(offset, `0x${kind.toString(16)} is not an element kind`);
}

function readFunctionIndex(reader: ByteReader, module: WasmModule): void {
  const offset = reader.offset;
  const index = reader.u32();
  if (index >= module.functions.length) malformed(offset, `there is no function ${index}`);
  module.referenced.add(index);
  module.addressTaken.add(index);
}

/** Data section: active segments with an offset, passive ones without. */
export function parseDataSection(reader: ByteReader, module: WasmModule): void {
  const start = reader.offset;
  const count = reader.u32();
  checkLimit(start, 'data segments', count, MODULE_ENTRIES_MAX);
  for (let i = 0; i < count; i++) {
    const offset = reader.offset;
    const flags = reader.u32();
    if (flags > 2) malformed(offset, `0x${flags.toString(16)} are not data segment flags`);
    if (flags !== 1) {
      const memory = flags === 2 ? reader.u32() : 0;
      if (memory >= module.memories.length) malformed(offset, `there is no memory ${memory}`);
      parseConstantExpression(reader, module, I32);
    }
    reader.skip(reader.u32());
  }
  module.dataSegments = count;
}
