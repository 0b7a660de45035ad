/** What the transform knows about a user's module, taken from its syntax tree. */
import type {
  ClassDeclaration,
  Declaration,
  FunctionDeclaration,
  Node,
  Range,
  Source,
} from './compiler-api.ts';

export type FunctionKind =
  | 'map'
  | 'filter'
  | 'flatMap'
  | 'reduce'
  | 'aggregate'
  | 'apply'
  | 'assignTimestamp'
  | 'join'
  | 'process'
  | 'coProcess'
  | 'broadcastProcess';

/** `code` is the type as AssemblyScript text that means the same in the record's file. */
export type FieldType =
  /** Read and written in its slot. */
  | { readonly kind: 'scalar'; readonly code: string; readonly schema: string }
  /** `Optional<scalar>`: a handle on slot and null bit. */
  | { readonly kind: 'optional'; readonly code: string; readonly schema: string }
  /** Decoded on first use: text, bytes, lists, records. */
  | {
      readonly kind: 'reference';
      readonly code: string;
      readonly schema: string;
      readonly shape: 'string' | 'bytes' | 'list' | 'record';
      readonly nullable: boolean;
      /** Whether the decoded object can be changed without the record knowing. */
      readonly mutable: boolean;
      /** The record it is or whose list it is, if any. */
      readonly nested: RecordModel | undefined;
    };

export interface FieldModel {
  readonly name: string;
  readonly index: number;
  readonly type: FieldType;
  readonly initializer: Node | null;
  readonly range: Range;
}

export interface RecordModel {
  readonly name: string;
  readonly declaration: ClassDeclaration;
  readonly source: Source;
  /** Filled in after all records are known by name. */
  fields: readonly FieldModel[];
}

/** A record as a file calls it. */
export interface RecordUse {
  readonly code: string;
  readonly record: RecordModel;
}

/** A value, list or reducing state of a process class. */
export interface StateModel {
  /** The field of the class. */
  readonly property: string;
  readonly name: string;
  readonly kind: 'value' | 'list' | 'reducing';
  /** Of the value, or of an element. */
  readonly type: FieldType;
  readonly ttlMs: number | undefined;
  /** How a reducing state adds one. */
  readonly fold: Node | undefined;
}

export interface MapModel {
  readonly property: string;
  readonly name: string;
  readonly key: FieldType;
  readonly value: FieldType;
  readonly isBroadcast: boolean;
  readonly ttlMs: number | undefined;
}

export interface SideModel {
  readonly name: string;
  readonly record: RecordUse;
}

export interface MetricModel {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
}

/** What a process class declares in its fields, each list in the order of the fields. */
export interface ProcessModel {
  readonly second: RecordUse | undefined;
  readonly hasTimers: boolean;
  readonly states: readonly StateModel[];
  readonly maps: readonly MapModel[];
  readonly sides: readonly SideModel[];
  readonly metrics: readonly MetricModel[];
}

export interface FunctionModel {
  readonly name: string;
  readonly kind: FunctionKind;
  readonly source: Source;
  readonly declaration: FunctionDeclaration | ClassDeclaration;
  readonly input: RecordUse;
  readonly output: RecordUse;
  /** `aggregate` only. */
  readonly accumulator: RecordUse | undefined;
  /** `join` only: the second record, and whether each may be null. */
  readonly join?: JoinModel;
  /** Process kinds only. */
  readonly process?: ProcessModel;
}

export interface JoinModel {
  readonly right: RecordUse;
  readonly leftOptional: boolean;
  readonly rightOptional: boolean;
  /** Results go to an emitter, any number of them; else each pair has one. */
  readonly emits: boolean;
}

/** The export that runs a function over a batch. */
export function exportName(fn: FunctionModel): string {
  return `mr_${fn.name}`;
}

export interface ModuleModel {
  readonly records: readonly RecordModel[];
  readonly functions: readonly FunctionModel[];
}

/** Takes a finding: the place in the user's file and what is wrong. */
export type Report = (where: Range | Declaration, message: string) => void;
