import { EditLog } from './edit-log.ts';
import type { FunctionType } from './value-type.ts';

/** Section ids of the binary format. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const;

/** Kinds of imports and exports by their byte. */
export const EXTERNAL_KINDS = ['function', 'table', 'memory', 'global'] as const;
export type ExternalKind = (typeof EXTERNAL_KINDS)[number];

/** A part of the upload: `[start, end)`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface WasmSection extends ByteRange {
  readonly id: number;
}

export interface CustomSection extends ByteRange {
  readonly name: string;
}

export interface WasmImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  /** Index in the space of its kind. */
  readonly index: number;
  readonly offset: number;
}

export interface WasmExport {
  readonly name: string;
  readonly kind: ExternalKind;
  readonly index: number;
  readonly offset: number;
}

export interface WasmLimits {
  readonly minimum: number;
  readonly maximum: number | undefined;
  readonly offset: number;
}

export interface WasmGlobal {
  readonly type: number;
  readonly mutable: boolean;
}

/** What the walk over one function body found, beside that it is valid. */
export interface FunctionBody extends ByteRange {
  /** Where the instructions start, after the local declarations. */
  readonly codeStart: number;
  /** Local declaration groups as encoded, and locals in all, parameters included. */
  readonly localGroups: number;
  readonly localCount: number;
  /** Edits of this body in the module's log: `[editStart, editEnd)`. */
  readonly editStart: number;
  readonly editEnd: number;
  /** Locals and operands at most, in 8-byte units: what a frame takes. */
  readonly frameSlots: number;
}

/**
 * A parsed module: index spaces with the imports first, ranges into the upload, nothing copied.
 * Filled by the section parsers in the order of the sections.
 */
export interface WasmModule {
  readonly bytes: Uint8Array;
  readonly sections: WasmSection[];
  readonly customs: CustomSection[];
  readonly types: FunctionType[];
  readonly imports: WasmImport[];
  /** Type index per function. */
  readonly functions: number[];
  importedFunctions: number;
  readonly tables: WasmLimits[];
  importedTables: number;
  readonly memories: WasmLimits[];
  importedMemories: number;
  readonly globals: WasmGlobal[];
  importedGlobals: number;
  readonly exports: WasmExport[];
  start: number | undefined;
  elementSegments: number;
  dataCount: number | undefined;
  dataSegments: number;
  /** Functions that a body may take a reference to: named outside the bodies. */
  readonly referenced: Set<number>;
  /** Functions whose reference is taken anywhere: those an indirect call may reach. */
  readonly addressTaken: Set<number>;
  readonly bodies: FunctionBody[];
  readonly edits: EditLog;
}

export function newWasmModule(bytes: Uint8Array): WasmModule {
  return {
    bytes,
    sections: [],
    customs: [],
    types: [],
    imports: [],
    functions: [],
    importedFunctions: 0,
    tables: [],
    importedTables: 0,
    memories: [],
    importedMemories: 0,
    globals: [],
    importedGlobals: 0,
    exports: [],
    start: undefined,
    elementSegments: 0,
    dataCount: undefined,
    dataSegments: 0,
    referenced: new Set(),
    addressTaken: new Set(),
    bodies: [],
    edits: new EditLog(),
  };
}

/** The type of a function that exists. */
export function functionType(module: WasmModule, index: number): FunctionType {
  return module.types[module.functions[index]];
}
