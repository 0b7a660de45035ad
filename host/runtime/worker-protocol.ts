import type { Outbound } from '../connectors/outbound.ts';
import type { Split } from '../connectors/source.ts';
import type { OperatorCounters } from '../dataflow/operator.ts';
import type { Plan, StepModules } from '../dataflow/plan.ts';
import type { ErrorReport } from '../errors.ts';
import type { Json } from '../model/json.ts';
import type { CompiledModule } from '../sandbox/guest.ts';
import type { InFlightRef, TaskSnapshotRef } from './manifest.ts';
import type { PeekRequest } from './peek.ts';
import type { DeadLetterEntry } from './task-capture.ts';
import type { WatermarkLimits } from './watermark-alignment.ts';

/**
 * What the coordinator and its workers say to each other. Plain data: it crosses threads.
 *
 * P1  Messages of one direction arrive in order.
 * P2  `arm` is answered by every worker before `trigger` of its checkpoint is sent: no barrier overtakes it.
 * P3  A worker that sent `failed` does nothing more until `stop`.
 */

/** All that a worker needs to build its tasks. */
export interface WorkerStart {
  readonly worker: number;
  readonly job: string;
  readonly directory: string;
  readonly attempt: number;
  /** Which addresses its connectors may reach; undefined = any. */
  readonly outbound?: Outbound;
  readonly plan: Plan;
  readonly modules: StepModules;
  /** The modules that run, by digest. */
  readonly compiled: ReadonlyMap<string, CompiledModule>;
  readonly tasks: readonly TaskStart[];
  /** Every channel that begins or ends at one of the tasks. */
  readonly channels: readonly ChannelStart[];
  /** Wake words of all workers; undefined when there is only one, in the coordinator's thread. */
  readonly wakeWords: SharedArrayBuffer | undefined;
}

export interface TaskStart {
  /** Number among all tasks of the job. */
  readonly index: number;
  readonly chain: number;
  /** Number among the tasks of its chain. */
  readonly task: number;
  /** The splits of the chain's source. */
  readonly splits: readonly Split[];
  /** Blobs with rows that were in flight to the task, in the order in which they are processed again. */
  readonly replay: readonly ReplayStart[];
  /** By step id: the parts of the checkpoint that overlap the task's key groups. */
  readonly restore: { readonly [step: string]: readonly TaskSnapshotRef[] };
  readonly watermarkMs: number | undefined;
  /** The task had finished at the checkpoint: its steps have said their last. */
  readonly spent: boolean;
}

/** The pieces of a blob that a task replays: those that it held itself, or those that a sender held for it. */
export interface ReplayStart {
  readonly ref: InFlightRef;
  readonly at: 'sender' | 'receiver';
}

/** `ring` is undefined when both ends are of one worker. */
export interface ChannelStart {
  /** Index in `Plan.edges`. */
  readonly edge: number;
  readonly from: TaskPlace;
  readonly to: TaskPlace;
  readonly ring: SharedArrayBuffer | undefined;
  /** What the channel holds, whatever it is made of; a larger batch passes alone. */
  readonly bytes: number;
}

export interface TaskPlace {
  readonly task: number;
  readonly worker: number;
}

export type ToWorker =
  /** Begin to run; sent when every worker has opened its tasks. */
  | { readonly kind: 'run' }
  | {
      readonly kind: 'trigger';
      readonly checkpoint: number;
      readonly unaligned: boolean;
      /** All tasks have finished, and it is there to commit their output: they leave out their states. */
      readonly last: boolean;
    }
  /**
   * `checkpoint` was given up: what is left of it need not be done, and nothing may build on its blobs. Answered by `forgotten`, after which
   * they are removed.
   */
  | { readonly kind: 'forget'; readonly checkpoint: number }
  /** The manifest of `checkpoint` is durable: sinks commit. Answered by `committed`. */
  | { readonly kind: 'commit'; readonly checkpoint: number }
  /** Answered by `staged`. */
  | {
      readonly kind: 'stage';
      readonly update: number;
      readonly step: string;
      readonly module: CompiledModule;
    }
  | { readonly kind: 'unstage'; readonly step: string }
  /** Answered by `armed`. */
  | {
      readonly kind: 'arm';
      readonly update: number;
      readonly step: string;
      readonly checkpoint: number;
    }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  /** How far aligned sources are to be read for now. */
  | { readonly kind: 'align'; readonly limits: WatermarkLimits }
  /** Answered by `counters` with the same request number. */
  | { readonly kind: 'measure'; readonly request: number }
  /** Answered by `peeked` with the same request number. */
  | { readonly kind: 'peek'; readonly request: number; readonly peek: PeekRequest }
  /** Leave the loop and close the tasks. */
  | { readonly kind: 'stop' };

export type FromWorker =
  | { readonly kind: 'opened'; readonly worker: number }
  | { readonly kind: 'failed'; readonly error: ErrorReport; readonly detail: string }
  | TaskAcknowledged
  | {
      readonly kind: 'declined';
      readonly checkpoint: number;
      readonly index: number;
      readonly error: ErrorReport;
    }
  | { readonly kind: 'committed'; readonly worker: number; readonly checkpoint: number }
  | { readonly kind: 'forgotten'; readonly worker: number; readonly checkpoint: number }
  /** `refused` is empty when every task of the worker took the module. */
  | {
      readonly kind: 'staged';
      readonly worker: number;
      readonly update: number;
      readonly refused: string;
    }
  | { readonly kind: 'armed'; readonly worker: number; readonly update: number }
  | {
      readonly kind: 'swapped';
      readonly update: number;
      readonly task: number;
      readonly pauseMs: number;
    }
  | { readonly kind: 'finished'; readonly index: number }
  | {
      readonly kind: 'counters';
      readonly worker: number;
      readonly request: number;
      readonly tasks: readonly TaskCounters[];
    }
  | {
      readonly kind: 'peeked';
      readonly request: number;
      readonly bytes: Uint8Array;
      readonly count: number;
    }
  /** A task holds many dead letters: a checkpoint would free them. */
  | { readonly kind: 'crowded' }
  | ({ readonly kind: 'log' } & LogEntry)
  | {
      readonly kind: 'delivered';
      readonly sink: string;
      readonly key: string;
      readonly bytes: Uint8Array;
      readonly count: number;
    };

/** A task's part of a checkpoint is durable. */
export interface TaskAcknowledged {
  readonly kind: 'acknowledged';
  readonly checkpoint: number;
  readonly index: number;
  readonly operators: readonly TaskOperatorState[];
  readonly watermarkMs: number;
  readonly finished: boolean;
  readonly pauseMs: number;
  /** Bytes of state and of rows in flight written. */
  readonly bytes: number;
  readonly inFlight: InFlightRef | undefined;
  readonly deadLetters: readonly DeadLetterEntry[];
}

export type TaskOperatorState =
  | { readonly kind: 'source'; readonly id: string; readonly splits: readonly Split[] }
  | { readonly kind: 'step'; readonly id: string; readonly snapshot: TaskSnapshotRef }
  | { readonly kind: 'sink'; readonly id: string; readonly transaction: Json };

export interface TaskCounters {
  readonly index: number;
  readonly watermarkMs: number;
  /** Nothing comes from its source for now. */
  readonly idle?: boolean;
  readonly lagBytes: number | undefined;
  /** One per operator of the chain, in order. */
  readonly operators: readonly OperatorCounters[];
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogEntry {
  readonly level: LogLevel;
  readonly step?: string;
  readonly task?: number;
  readonly version?: string;
  readonly text: string;
}

/** One end of a two-way line of messages. */
export interface Link<Incoming, Outgoing> {
  post(message: Outgoing): void;
  onMessage(listener: (message: Incoming) => void): void;
  close(): void;
}

export type CoordinatorLink = Link<FromWorker, ToWorker>;
export type WorkerLink = Link<ToWorker, FromWorker>;
