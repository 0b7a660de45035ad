import type { ModuleVersion, StepModules } from '../dataflow/plan.ts';
import type { ErrorReport } from '../errors.ts';
import type { CheckpointRecord } from './checkpoint-record.ts';
import type { JobMetrics } from './job-metrics.ts';
import type { PeekedRows, PeekRequest } from './peek.ts';
import type { SavepointRecord, SavepointRequest } from './savepoint.ts';
import type { UpdateRecord } from './update-record.ts';

/**
 * A job that runs, wherever it runs: in this process or in a runner process behind a socket.
 * Both lives pass `test/contracts/running-job.ts`.
 */
export interface RunningJob {
  /** What the job is doing now, without waiting for it. */
  status(): Promise<JobReport>;
  /** Takes a checkpoint now and resolves when its manifest is durable. Throws `CHECKPOINT_FAILED`. */
  checkpoint(): Promise<CheckpointRecord>;
  /** Takes a checkpoint, commits it, and copies it where it is kept. Throws `CHECKPOINT_FAILED`, `SAVEPOINT_EXISTS`. */
  savepoint(request: SavepointRequest): Promise<SavepointRecord>;
  /**
   * Stops taking input, takes a last checkpoint, commits it, makes a savepoint of it if one is asked for, ends with outcome
   * `stopped`. Goes on as before when one of these fails.
   */
  stop(savepoint?: SavepointRequest): Promise<CheckpointRecord>;
  /** Ends at once, with nothing committed after the last checkpoint. Outcome `cancelled`. */
  cancel(): Promise<void>;
  /** Starts a hot swap; resolves when it is `armed` or `refused`. Throws `UPDATE_CONFLICT`, `STEP_NOT_FOUND`. */
  update(request: UpdateRequest): Promise<UpdateRecord>;
  metrics(): Promise<JobMetrics>;
  /** Looks at the state of a key, or at what a step puts out. A step that the job does not have has nothing to look at. */
  peek(request: PeekRequest): Promise<PeekedRows>;
  /** Sources stop reading until `resume`; what is in flight is finished. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Every change from now on; the returned function ends it. */
  subscribe(listener: (event: JobEvent) => void): () => void;
  /** Resolves once, when the job has ended; rejects with `RUNNER_LOST` when its process has gone without a word. */
  readonly ended: Promise<JobOutcome>;
}

export interface UpdateRequest {
  readonly step: string;
  /** Where the bytes are: a file of the module blob store, or the bytes themselves. */
  readonly module: ModuleVersion;
  readonly path: string;
  readonly strategy: 'barrier';
}

export interface JobReport {
  readonly id: string;
  readonly attempt: number;
  readonly state: 'starting' | 'running' | 'paused' | 'stopping' | 'ended';
  readonly modules: StepModules;
  /** Latest completed checkpoint. */
  readonly checkpoint: CheckpointRecord | undefined;
  /** What people should look at: newer checkpoints that were damaged and passed over. */
  readonly warnings?: readonly string[];
  readonly pid: number;
}

export type JobOutcome =
  | { readonly kind: 'finished' }
  | { readonly kind: 'stopped'; readonly checkpoint: number }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly error: ErrorReport };

export type JobEvent =
  | { readonly kind: 'running' }
  | { readonly kind: 'checkpoint'; readonly checkpoint: CheckpointRecord }
  | { readonly kind: 'update'; readonly update: UpdateRecord }
  | { readonly kind: 'ended'; readonly outcome: JobOutcome };
