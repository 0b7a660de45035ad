import type { ConnectorOptions } from '../connectors/connector.ts';
import type { OnMalformed } from '../connectors/source.ts';
import type { KeySpec } from '../model/key-spec.ts';
import type { FunctionKind } from '../model/module-description.ts';
import type { RecordSchema } from '../model/schema.ts';
import type { GuestLimits } from '../sandbox/guest.ts';
import type { JoinSpec } from './join-spec.ts';
import type { LookupSpec } from './lookup-spec.ts';
import type { ProcessSpec } from './process-spec.ts';
import type { RestartStrategy } from './restart-strategy.ts';
import type { WindowedSpec } from './window-spec.ts';

/** What runs: chains of operators, the edges between them, parallelism. Plain data; it crosses threads and is stored with the job. */
export interface Plan {
  readonly name: string;
  /** Highest parallelism of any chain; also the number of slots. */
  readonly parallelism: number;
  readonly keyGroups: number;
  readonly checkpoint: CheckpointOptions;
  /** Undefined = what is usual where the job runs. */
  readonly restart?: RestartStrategy;
  readonly baseDirectory: string;
  /** In topological order. */
  readonly chains: readonly Chain[];
  readonly edges: readonly Edge[];
}

export interface CheckpointOptions {
  /** Milliseconds between checkpoints; undefined = only on demand and at the end. */
  readonly everyMs: number | undefined;
  readonly timeoutMs: number;
  readonly retained: number;
  /** Milliseconds from the end of one checkpoint to the begin of the next periodic one, at least. */
  readonly minPauseMs: number;
  /** Barriers overtake what is before them, which becomes part of the checkpoint. */
  readonly unaligned: boolean;
}

/** Operators that run as one task: the output of each is handed straight to the next. */
export interface Chain {
  /** Index in `Plan.chains`. */
  readonly id: number;
  readonly parallelism: number;
  /** At least one. A source stands first, a sink last. */
  readonly operators: readonly OperatorSpec[];
}

/** Every operator has the id that the pipeline gave it; ids are unique in a plan. */
export type OperatorSpec =
  | SourceSpec
  | GuestSpec
  | KeyedSpec
  | WindowedSpec
  | ProcessSpec
  | JoinSpec
  | LookupSpec
  | PassSpec
  | StreamSpec
  | DedupeSpec
  | TopSpec
  | SortSpec
  | SinkSpec;

/** An operator between sources and sinks. */
export type StepSpec = Exclude<OperatorSpec, SourceSpec | SinkSpec>;

/** A step that folds or maps by one guest function, record by record. */
export type FunctionSpec = GuestSpec | KeyedSpec | WindowedSpec | ProcessSpec;

/** Every kind of operator, for schemas of what is stored and shown. */
export const OPERATOR_KINDS = [
  'source',
  'guest',
  'keyed',
  'windowed',
  'process',
  'join',
  'lookup',
  'pass',
  'stream',
  'dedupe',
  'top',
  'sort',
  'sink',
] as const satisfies readonly OperatorSpec['kind'][];

export type OperatorKind = OperatorSpec['kind'];

export interface SourceSpec {
  readonly kind: 'source';
  readonly id: string;
  readonly connector: string;
  readonly options: ConnectorOptions;
  readonly schema: RecordSchema;
  readonly onMalformed: OnMalformed;
  readonly eventTime: EventTimeSpec | undefined;
}

/** Event time from a field (a `timestamp` or `i64` of milliseconds) or a function, and the watermarks that go with it. */
export interface EventTimeSpec {
  /** -1 when a function says it. */
  readonly fieldIndex: number;
  readonly assign?: FunctionRef;
  readonly limits?: GuestLimits;
  readonly outOfOrdernessMs: number;
  /** A field that says what the watermark is: a `bool` (the record's time is one), or a time that is one unless it is null. */
  readonly watermarkIndex?: number;
  readonly idleMs: number | undefined;
  /** Sources of a group wait for each other when one is more than `maxDriftMs` ahead. */
  readonly alignment?: { readonly group: string; readonly maxDriftMs: number };
}

/** `map`, `filter`, `flatMap`. */
export interface GuestSpec {
  readonly kind: 'guest';
  readonly id: string;
  readonly function: FunctionRef;
  readonly input: RecordSchema;
  readonly output: RecordSchema;
  readonly onError: ErrorPolicy;
  readonly limits: GuestLimits;
}

/** `reduce`, `aggregate`; keyed, with state. */
export interface KeyedSpec {
  readonly kind: 'keyed';
  readonly id: string;
  readonly function: FunctionRef;
  readonly input: RecordSchema;
  readonly state: RecordSchema;
  readonly output: RecordSchema;
  readonly key: KeySpec;
  /** `record`: after each record, as Flink; `batch`: once per key and batch; `end`: once per key when the input ends. */
  readonly emit: 'record' | 'batch' | 'end';
  readonly onError: ErrorPolicy;
  readonly limits: GuestLimits;
}

/** `limit`, `sample`, `inspect`, `split`: rows pass unchanged, or not at all, or by a side output. */
export interface StreamSpec {
  readonly kind: 'stream';
  readonly id: string;
  readonly schema: RecordSchema;
  readonly operation: StreamOperation;
}

export type StreamOperation =
  /** The first `count` rows. Runs in one task. */
  | { readonly kind: 'limit'; readonly count: number }
  /** A random share of the rows, 0 to 1. */
  | { readonly kind: 'sample'; readonly share: number; readonly seed: number }
  /** Logs the first rows of a task, then one in `every`. */
  | { readonly kind: 'inspect'; readonly first: number; readonly every: number }
  /** By the text in a field to the side output of that name. */
  | { readonly kind: 'split'; readonly fieldIndex: number; readonly sides: readonly string[] };

/** `dedupe` and `distinct`: the first row of each key. */
export interface DedupeSpec {
  readonly kind: 'dedupe';
  readonly id: string;
  readonly schema: RecordSchema;
  readonly key: KeySpec;
  /** Event-time milliseconds after which a key is forgotten. */
  readonly ttlMs: number | undefined;
}

/** `topN`: the best rows of each key, by a field. */
export interface TopSpec {
  readonly kind: 'top';
  readonly id: string;
  readonly schema: RecordSchema;
  readonly key: KeySpec;
  readonly count: number;
  /** Index of the field that decides. */
  readonly by: number;
  readonly descending: boolean;
  /** Index of the `i64` field that a row's rank is written to, 1 for the best. */
  readonly rank: number | undefined;
  readonly emit: 'record' | 'end';
}

/** `sort`: the rows of a window, in order. Runs in one task. */
export interface SortSpec {
  readonly kind: 'sort';
  readonly id: string;
  readonly schema: RecordSchema;
  /** Indexes of the fields that decide, the first one first. */
  readonly by: readonly number[];
  readonly descending: boolean;
  readonly sizeMs: number;
  readonly offsetMs: number;
  /** Somebody reads `step:late`. */
  readonly lateRead: boolean;
}

/** `union`, `keyBy`, `rebalance`, `broadcast`, `partition`: rows pass unchanged; the edges do the work. */
export interface PassSpec {
  readonly kind: 'pass';
  readonly id: string;
  readonly schema: RecordSchema;
}

export interface SinkSpec {
  readonly kind: 'sink';
  readonly id: string;
  readonly connector: string;
  readonly options: ConnectorOptions;
  readonly schema: RecordSchema;
}

/** A function of a module. `module` is the alias in the pipeline, resolved in `PlannedModules`. */
export interface FunctionRef {
  readonly module: string;
  readonly name: string;
  readonly kind: FunctionKind;
}

/** What a failing record does. `retries` first, with `backoffMs` doubling, then `then`. */
export interface ErrorPolicy {
  readonly retries: number;
  readonly backoffMs: number;
  readonly then: 'fail' | 'skip' | 'deadLetter';
}

/** An edge from the last operator of a chain to the first of another. Several edges into a chain are a union. */
export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly partitioning: Partitioning;
  /** The side output that feeds it; undefined = the main output. */
  readonly side?: string;
  /** Which input of a step with two it leads to: 0 the first or left, 1 the second or right. 0 unless given. */
  readonly input?: number;
}

export type Partitioning =
  /** Task i to task i; same parallelism. */
  | { readonly kind: 'forward' }
  | { readonly kind: 'key'; readonly key: KeySpec }
  /** Batches round robin. */
  | { readonly kind: 'rebalance' }
  /** To the task of the number in a field, modulo the number of tasks; `bits` of the number, 32 or 64. */
  | { readonly kind: 'field'; readonly fieldIndex: number; readonly bits: 32 | 64 }
  | { readonly kind: 'broadcast' };

/** Which module runs at a step: the alias's catalog name and version, for people, and its digest, for recovery. */
export interface ModuleVersion {
  /** `word-count@1`, or a file's name for a module outside the catalog. */
  readonly ref: string;
  readonly digest: string;
}

/** Step id → the module version it runs. Part of a checkpoint's manifest; a swap changes it. */
export type StepModules = { readonly [step: string]: ModuleVersion };
