import type { Batch } from '../model/batch.ts';
import type { Json } from '../model/json.ts';
import type { KeyGroupRange } from '../model/key-group.ts';
import type { CompiledModule } from '../sandbox/guest.ts';
import type { KeyedSnapshot, StateCapture } from '../state/state-table.ts';

/** Where an operator's output goes: the next operator of the chain, or the task's edges. Synchronous. */
export interface Output {
  batch(batch: Batch): void;
  /**
   * Rows for the side output `name`. An operator whose side outputs somebody reads is the last of its chain; rows that
   * nobody reads are dropped.
   */
  side(name: string, batch: Batch): void;
}

/**
 * One step in one task, between source and sink. Driven by its task, never by itself: nothing here
 * waits, and no clock is read.
 */
export interface Operator {
  readonly id: string;
  /**
   * Throws a `record`-scoped error only when the policy says `fail`. A step with a key overwrites the tags of `batch`, in
   * which it expects key hashes: it stands first in its chain, where the rows are its task's own. `reduce` and `aggregate` do not,
   * and need no hashes (`OperatorContext.hashed`). `input` is that of the
   * edge the rows came over (`Edge.input`), 0 unless given; a step with two inputs stands first in its chain as well.
   */
  onBatch(batch: Batch, out: Output, input?: number): void;
  onWatermark(timeMs: number, out: Output): void;
  /** The input has ended; emits what was held back. */
  onEnd(out: Output): void;
  /** The state at a barrier, all of it. Synchronous: after it returns the operator may go on. */
  snapshot(): OperatorSnapshot;
  /**
   * As `snapshot`, in constant time, for operators with state that grows: the keyed states are fixed now and copied by the task between
   * batches. `changes`: what changed since the last call is enough. Without it the task calls `snapshot`.
   */
  capture?(changes: boolean): OperatorCapture;
  /** The state row of a key, a copy, for people who look on; undefined = it has none. Only of steps that keep one row a key. */
  stateOf?(hash: number, key: Uint8Array): Uint8Array | undefined;
  /**
   * Before the first batch. Called for each snapshot part that overlaps `range`; parts may come from other parallelisms. A part whose keyed
   * states were captured as changes comes in several calls, from the oldest to the newest; all but the first have `null` for values.
   */
  restore(snapshot: OperatorSnapshot, range: KeyGroupRange): void;
  readonly counters: MeasuredCounters;
  close(): void;
}

/** An operator that does something when a wall-clock time comes: processing-time timers and triggers. */
export interface TimedOperator extends Operator {
  /** Milliseconds since the epoch at which it wants `onTime`; undefined = nothing is pending. Cheap: read between any two batches. */
  readonly dueMs: number | undefined;
  /** `nowMs` has come. The clock may have jumped, in both directions. Not called any more when the input has ended. */
  onTime(nowMs: number, out: Output): void;
}

/**
 * An operator that waits for something outside: rows may leave it long after they came, when its time has come (`onTime`). It stands first
 * in its chain.
 */
export interface AsyncOperator extends TimedOperator {
  /** It takes no rows now. */
  readonly full: boolean;
  /** Something that came has not left yet. The input ends for it, and its chain, when that is over. */
  readonly busy: boolean;
  /** The latest watermark that has nothing before it any more: the one that may pass on. */
  readonly passedMs: number;
}

/** An operator that runs a guest function and can change it between two batches. */
export interface SwappableOperator extends Operator {
  /** Instantiates and warms the module, beside the one that runs. Throws `UPDATE_REFUSED`. */
  stage(module: CompiledModule): void;
  /** From the next batch on the staged module runs. Constant time. */
  swap(): void;
  /** Drops a staged module. */
  unstage(): void;
}

/** State name → keyed entries, and whatever else is small enough for JSON. */
export interface OperatorSnapshot {
  readonly keyed: { readonly [state: string]: KeyedSnapshot };
  readonly values: Json;
}

/** A snapshot whose keyed states may have to be copied yet. */
export interface OperatorCapture {
  readonly keyed: { readonly [state: string]: KeyedSnapshot | StateCapture };
  readonly values: Json;
}

/** Totals since the task started. The owner adds, the metrics reader reads. */
export interface OperatorCounters {
  recordsIn: number;
  recordsOut: number;
  bytesIn: number;
  bytesOut: number;
  batches: number;
  fuel: number;
  /** Guest calls that trapped or broke a limit, those included that isolate a failing record. */
  traps: number;
  skipped: number;
  deadLetters: number;
  /** Of windowed steps, in = windowed + late + dropped: records in some window, records that left by `late`, records nobody took. */
  windowedRecords: number;
  lateRecords: number;
  droppedRecords: number;
  stateEntries: number;
  stateBytes: number;
}

/** Of steps whose function counts and measures itself. */
export interface MeasuredCounters extends OperatorCounters {
  readonly userMetrics?: readonly UserMetric[];
}

/** A counter or gauge of a guest function, in one task; a gauge that was never set is NaN. */
export interface UserMetric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  value: number;
}

export function newCounters(): OperatorCounters {
  return {
    recordsIn: 0,
    recordsOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    batches: 0,
    fuel: 0,
    traps: 0,
    skipped: 0,
    deadLetters: 0,
    windowedRecords: 0,
    lateRecords: 0,
    droppedRecords: 0,
    stateEntries: 0,
    stateBytes: 0,
  };
}

/** A record that failed for good under `deadLetter`. */
export interface DeadLetter {
  readonly step: string;
  readonly function: string;
  readonly digest: string;
  readonly code: string;
  readonly message: string;
  /** The row, as it came in. */
  readonly row: Uint8Array;
}

/** What an operator needs from its task. */
export interface OperatorContext {
  readonly task: number;
  readonly keyGroups: number;
  readonly range: KeyGroupRange;
  /** Whether the rows of a keyed step carry the hash of their key in the tag: they came over an edge that deals by it. */
  readonly hashed: boolean;
  log(level: 'debug' | 'info' | 'warn' | 'error', text: string): void;
  deadLetter(letter: DeadLetter): void;
}
