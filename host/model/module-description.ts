import type { ProcessDescription, ProcessKind } from './process-description.ts';
import type { RecordSchema } from './schema.ts';

/** The ABI version this host speaks. */
export const ABI_VERSION = 1;

export type FunctionKind =
  | 'map'
  | 'filter'
  | 'flatMap'
  | 'reduce'
  | 'aggregate'
  | 'apply'
  | 'assignTimestamp'
  | 'join'
  | ProcessKind;

/** One function of a module, as its custom section declares it. */
export interface FunctionDescription {
  readonly name: string;
  readonly kind: FunctionKind;
  readonly input: RecordSchema;
  readonly output: RecordSchema;
  /** `reduce`: the record itself; `aggregate`: the accumulator; otherwise undefined. */
  readonly state: RecordSchema | undefined;
  /** Of process functions alone. */
  readonly process?: ProcessDescription;
  /** Of `join` alone. */
  readonly join?: JoinDescription;
}

/** What a `join` takes beside its left record, which is its `input`. */
export interface JoinDescription {
  readonly right: RecordSchema;
  /** Whether it takes pairs that lack a side. */
  readonly leftOptional: boolean;
  readonly rightOptional: boolean;
}

/** What a module says about itself (`guest-sdk/ABI.md`, section 3), names resolved. */
export interface ModuleDescription {
  readonly abi: number;
  readonly sdk: string;
  readonly records: readonly RecordSchema[];
  readonly functions: readonly FunctionDescription[];
}
