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
}

/** What a module says about itself (`guest-sdk/ABI.md`, section 3), names resolved. */
export interface ModuleDescription {
  readonly abi: number;
  readonly sdk: string;
  readonly records: readonly RecordSchema[];
  readonly functions: readonly FunctionDescription[];
}
