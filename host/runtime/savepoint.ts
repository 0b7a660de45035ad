import type { OperatorKind, StepModules } from '../dataflow/plan.ts';
import type { Json } from '../model/json.ts';
import type { KeyField } from '../model/key-spec.ts';
import type { RecordSchema } from '../model/schema.ts';
import type { OperatorManifest } from './manifest.ts';

/**
 * A savepoint: a checkpoint that is kept, and that another job can begin with. It is a folder that stands for itself:
 *
 *     savepoint.json                              what is in it; written last, atomically: without it there is no savepoint
 *     state/<job>-<checkpoint>/<operator>-<n>.state   keyed state, named by `savepoint.json` with length and checksum
 *     modules/<digest>.wasm                       every module that ran, and those that the document names
 *
 * All names are relative to the folder, so it can be copied anywhere.
 *
 * V1  Every transaction of its checkpoint was committed before `savepoint.json` was written: none is in it, and a job
 *     that begins with it commits nothing of the job that it was taken from.
 * V2  Nothing of a job removes a savepoint, and no job needs one after it has begun: its state is copied.
 */
export interface Savepoint {
  readonly format: 1;
  readonly job: string;
  readonly checkpoint: number;
  readonly takenAtMs: number;
  readonly keyGroups: number;
  /** The sources were at their end and every task had finished. */
  readonly final: boolean;
  /** Where the document's relative paths started. */
  readonly baseDirectory: string;
  /** The document, as it was submitted. */
  readonly pipeline: Json;
  /** What the document's aliases stood for, by alias → digest. */
  readonly aliases: { readonly [alias: string]: string };
  /** What ran at each step. */
  readonly steps: StepModules;
  readonly modules: readonly SavedModule[];
  /** In the order of the plan. */
  readonly operators: readonly SavedOperator[];
}

export interface SavedModule {
  readonly ref: string;
  readonly digest: string;
  readonly blob: string;
  readonly bytes: number;
  readonly crc32: number;
}

/** An operator with what it took down. `blob` of its states is a name in the savepoint. */
export interface SavedOperator extends Omit<OperatorManifest, 'transactions'> {
  readonly id: string;
  readonly kind: OperatorKind;
  /** Of sources and sinks; null otherwise. */
  readonly connector: string | null;
  /** Of sources, to tell whether positions still mean the same; null otherwise. */
  readonly options: Json;
  /** `text.sum`; null where no function runs. */
  readonly function: string | null;
  readonly input: RecordSchema | null;
  readonly output: RecordSchema | null;
  readonly state: RecordSchema | null;
  readonly key: readonly KeyField[];
}

export interface SavepointRequest {
  /** Absolute. Made when it is missing; must hold nothing else. */
  readonly directory: string;
  /** The job's document, which the savepoint keeps. */
  readonly pipeline: Json;
  /** An earlier savepoint of the same job may be there, one whose answer was lost with its runner: it is replaced. */
  readonly replace?: boolean;
}

/** A savepoint that was taken. */
export interface SavepointRecord {
  readonly directory: string;
  readonly job: string;
  readonly checkpoint: number;
  readonly takenAtMs: number;
  /** Bytes of state and modules. */
  readonly bytes: number;
}

/** The name of the file that makes a savepoint. */
export const SAVEPOINT_FILE = 'savepoint.json';
