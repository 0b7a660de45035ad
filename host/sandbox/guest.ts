import type { Batch } from '../model/batch.ts';
import type { ModuleDescription } from '../model/module-description.ts';
import type { ProcessCall, ProcessResult } from './process-call.ts';

/** Limits of one instance, from `limits.ts` unless the step sets lower ones. */
export interface GuestLimits {
  /**
   * Fuel per record of a batch; a call gets this times its rows and states, or times their bytes by `FUEL_RECORD_BYTES`
   * when that is more, at least once and at most `FUEL_PER_CALL_MAX`.
   */
  readonly fuelPerRecord: number;
  /** Pages of 64 KiB. */
  readonly memoryPages: number;
  /** Bytes one call may emit. */
  readonly outputBytes: number;
  /** Milliseconds for one batch; nothing in the instance can hold to it, who watches its thread does. */
  readonly deadlineMs?: number;
}

/** Receives what guests log. `text` is already escaped and cut to its limit. */
export type GuestLog = (level: 'debug' | 'info' | 'warn' | 'error', text: string) => void;

/** A module that passed the gate and was compiled. Structured-cloneable: it crosses to worker threads. */
export interface CompiledModule {
  /** SHA-256 of the uploaded bytes, hex. */
  readonly digest: string;
  readonly description: ModuleDescription;
  readonly wasm: WebAssembly.Module;
}

/**
 * A live instance. Belongs to one task; calls are synchronous and must not overlap.
 *
 * After a call threw, the instance is dead: every further call throws `GUEST_TRAP`. The owner makes a new one.
 */
export interface GuestInstance {
  readonly module: CompiledModule;
  /** Bytes of linear memory now. */
  readonly memoryBytes: number;
  /** Fuel the last call used. */
  readonly lastFuel: number;

  /**
   * Runs `map`, `filter` or `flatMap` over a batch: one guest call. The answer may alias guest memory: it is
   * valid until the next call. Its tags are unspecified.
   * Throws `GUEST_TRAP`, `FUEL_EXHAUSTED`, `ABI_VIOLATION`, `OUTPUT_LIMIT`.
   */
  run(functionName: string, input: Batch): Batch;

  /**
   * Runs `reduce` or `aggregate` over a batch: one guest call. Rows of `call.rows` and `call.states` carry key
   * ordinals in their tags. Same lifetime and errors as `run`.
   */
  runKeyed(functionName: string, call: KeyedCall): KeyedResult;

  /** Runs `apply` over windows: one guest call. Rows of the answer carry the ordinal of their window in the tag. Same lifetime and errors as `run`. */
  runWindows(functionName: string, call: WindowsCall): Batch;

  /** Runs a process function over rows or timers: one guest call. Same lifetime and errors as `run`. */
  runProcess(functionName: string, call: ProcessCall): ProcessResult;
}

/** Bytes of a window's entry in `WindowsCall.windows`. */
export const WINDOW_ENTRY_BYTES = 32;

export interface WindowsCall {
  /** The rows of the first window, then those of the second, … */
  readonly rows: Batch;
  /** Per window: i64 start · i64 end · i64 event time of its results, all ms · u32 rows · u32 bytes of its rows. */
  readonly windows: Uint8Array;
}

export interface KeyedCall {
  readonly rows: Batch;
  readonly states: Batch;
  /** Number of distinct keys, ordinals are below it. */
  readonly keys: number;
  /** Emit a result after each row, once per key at the end, or not at all. */
  readonly emit: 'record' | 'batch' | 'none';
  /** The rows are accumulators to be merged, not inputs. */
  readonly merge: boolean;
}

export interface KeyedResult {
  readonly output: Batch;
  /** New states, ordinals in the tags; each ordinal at most once. */
  readonly states: Batch;
}

/** What the gate says about an upload that it accepts. */
export interface GateReport {
  /** SHA-256 of the uploaded bytes, hex. */
  readonly digest: string;
  readonly description: ModuleDescription;
  /** Bytes of the module to compile: limits, fuel and depth counters written in. */
  readonly rewritten: Uint8Array;
  readonly functions: number;
  readonly imports: readonly string[];
  /** Declared maximum, or the limit that the gate wrote in. */
  readonly memoryPages: number;
  /** Whether it tells the lines of its source, so that failures can name them. */
  readonly sourceLines: boolean;
}

/**
 * Parses, validates and rewrites an upload, in pure TypeScript: nothing of it is compiled.
 * Throws the `MODULE_*` errors, every finding in `details`.
 */
export type Gate = (upload: Uint8Array) => GateReport;

/** What the sandbox offers the layers above. */
export interface Sandbox {
  /** Gate and compile. Throws what the gate throws. */
  compile(upload: Uint8Array): Promise<CompiledModule>;
  /** 30–50 µs. */
  instantiate(module: CompiledModule, limits: GuestLimits, log: GuestLog): GuestInstance;
}
