import { MODULE_CUSTOM_SECTIONS_MAX } from '../../limits.ts';
import { ByteReader } from './byte-reader.ts';
import { parseCodeSection } from './code-section.ts';
import {
  parseDataCountSection,
  parseFunctionSection,
  parseGlobalSection,
  parseMemorySection,
  parseStartSection,
  parseTableSection,
} from './definition-sections.ts';
import { parseExportSection } from './export-section.ts';
import type { Findings } from './findings.ts';
import { parseImportSection } from './import-section.ts';
import { checkLimit, malformed, refused } from './module-fault.ts';
import { parseDataSection, parseElementSection } from './segment-sections.ts';
import { parseTypeSection } from './type-section.ts';
import { newWasmModule, SECTION, type WasmModule, type WasmSection } from './wasm-module.ts';

/** Names of the sections by id, for messages. */
const NAMES = [
  'custom',
  'type',
  'import',
  'function',
  'table',
  'memory',
  'global',
  'export',
  'start',
  'element',
  'code',
  'data',
  'data count',
];

/** Sections in the order the format prescribes. */
const ORDER = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];

/**
 * The sections whose entries a section refers to. Where one of them is at fault, what follows from it
 * would be noise: the section is passed over, and so is what needs it.
 */
const NEEDS: ReadonlyMap<number, readonly number[]> = new Map([
  [SECTION.import, [SECTION.type]],
  [SECTION.function, [SECTION.type, SECTION.import]],
  [SECTION.table, [SECTION.import]],
  [SECTION.memory, [SECTION.import]],
  [SECTION.global, [SECTION.import, SECTION.function]],
  [SECTION.export, [SECTION.function, SECTION.table, SECTION.memory, SECTION.global]],
  [SECTION.start, [SECTION.function]],
  [SECTION.element, [SECTION.function, SECTION.table, SECTION.global]],
  [SECTION.code, [SECTION.export, SECTION.element, SECTION.dataCount]],
  [SECTION.data, [SECTION.memory, SECTION.global]],
]);

type SectionParser = (reader: ByteReader, module: WasmModule, findings: Findings) => void;

const PARSERS: ReadonlyMap<number, SectionParser> = new Map<number, SectionParser>([
  [SECTION.type, parseTypeSection],
  [SECTION.import, parseImportSection],
  [SECTION.function, parseFunctionSection],
  [SECTION.table, parseTableSection],
  [SECTION.memory, parseMemorySection],
  [SECTION.global, parseGlobalSection],
  [SECTION.export, parseExportSection],
  [SECTION.start, parseStartSection],
  [SECTION.element, parseElementSection],
  [SECTION.code, parseCodeSection],
  [SECTION.data, parseDataSection],
  [SECTION.dataCount, parseDataCountSection],
]);

/**
 * Parses and validates a module: the accepted subset of the binary format, in time linear in the
 * bytes and without recursion. What is wrong goes to `findings`; the module returned is complete only
 * when there is none.
 */
export function parseModule(bytes: Uint8Array, findings: Findings): WasmModule {
  const module = newWasmModule(bytes);
  const reader = new ByteReader(bytes);
  const split = findings.guard('module', () => {
    readPreamble(reader);
    splitSections(reader, module);
  });
  if (!split) return module;
  parseSections(module, findings);
  if (!findings.any) findings.guard('module', () => checkCounts(module));
  return module;
}

function parseSections(module: WasmModule, findings: Findings): void {
  const faulty = new Set<number>();
  // In the order of the format, absent ones too: they pass on the fault of what they need.
  for (const id of ORDER) {
    const section = module.sections.find((candidate) => candidate.id === id);
    if (NEEDS.get(id)?.some((needed) => faulty.has(needed))) {
      faulty.add(id);
    } else if (section !== undefined) {
      const parse = () => parseSection(section, module, findings);
      if (!findings.guard(NAMES[id], parse)) faulty.add(id);
    }
  }
}

function readPreamble(reader: ByteReader): void {
  const { bytes } = reader;
  if (bytes.length < 8 || bytes[0] !== 0 || bytes[1] !== 0x61 || bytes[2] !== 0x73) {
    malformed(0, 'not a WebAssembly module: it does not start with "\\0asm"');
  }
  if (bytes[3] !== 0x6d) malformed(0, 'not a WebAssembly module: it does not start with "\\0asm"');
  const version = bytes[4] | (bytes[5] << 8);
  const layer = bytes[6] | (bytes[7] << 8);
  if (layer === 1) refused(4, 'component model: the upload is a component, not a module');
  if (version !== 1 || layer !== 0) malformed(4, `version ${version} of the format, expected 1`);
  reader.offset = 8;
}

/** Finds every section by its size, and checks their order. */
function splitSections(reader: ByteReader, module: WasmModule): void {
  let last = -1;
  while (!reader.done) {
    const offset = reader.offset;
    const id = reader.byte();
    const size = reader.u32();
    const start = reader.offset;
    if (id === 13) refused(offset, 'exception handling: a tag section is not accepted');
    if (id === 14) refused(offset, 'string references: a string section is not accepted');
    if (id >= NAMES.length) malformed(offset, `section id ${id} is not known`);
    if (size > reader.end - start) {
      malformed(offset, `${NAMES[id]} section of ${size} bytes, ${reader.end - start} are left`);
    }
    const end = start + size;
    if (id === SECTION.custom) {
      checkLimit(offset, 'custom sections', module.customs.length + 1, MODULE_CUSTOM_SECTIONS_MAX);
      const inner = new ByteReader(reader.bytes, start, end);
      module.customs.push({ name: inner.name(), start: inner.offset, end });
    } else {
      const position = ORDER.indexOf(id);
      if (position <= last) malformed(offset, `${NAMES[id]} section out of order or repeated`);
      last = position;
      module.sections.push({ id, start, end });
    }
    reader.offset = end;
  }
}

function parseSection(section: WasmSection, module: WasmModule, findings: Findings): void {
  const reader = new ByteReader(module.bytes, section.start, section.end);
  const before = findings.list.length;
  PARSERS.get(section.id)?.(reader, module, findings);
  if (!reader.done && findings.list.length === before) {
    malformed(reader.offset, 'bytes after the end of the section');
  }
}

/** Counts that one section promises and another keeps. */
function checkCounts(module: WasmModule): void {
  const end = module.bytes.length;
  const declared = module.functions.length - module.importedFunctions;
  if (declared !== module.bodies.length) {
    malformed(end, `${module.bodies.length} function bodies for ${declared} declared functions`);
  }
  if (module.dataCount !== undefined && module.dataCount !== module.dataSegments) {
    malformed(end, `${module.dataSegments} data segments, the data count says ${module.dataCount}`);
  }
  if (module.memories.length > 1) {
    refused(end, `multi-memory: memories: ${module.memories.length}, limit 1`);
  }
}
