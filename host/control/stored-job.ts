import type { Plan, StepModules } from '../dataflow/plan.ts';
import type { ErrorReport, ErrorScope } from '../errors.ts';
import type { RestartMemory } from '../runtime/decide-restart.ts';

/** `created` has no runner yet, `restarting` lost its runner and gets another; the last four are final. */
export type JobState =
  | 'created'
  | 'running'
  | 'restarting'
  | 'finished'
  | 'failed'
  | 'stopped'
  | 'cancelled';

/** What the user wants. The supervisor brings the job there, also after a restart of the server. */
export type DesiredState = 'running' | 'paused' | 'stopped' | 'cancelled';

/** A job as `jobs/<id>/job.json` holds it: everything that is needed to start it again. */
export interface StoredJob {
  readonly format: 1;
  readonly id: string;
  /** The document as it was submitted. */
  readonly pipeline: unknown;
  readonly plan: Plan;
  /** As submitted; what runs now is in the latest manifest. */
  readonly modules: StepModules;
  /** Every digest the job has run or was told to run: a restart may meet any of them. */
  readonly digests: readonly string[];
  readonly state: JobState;
  readonly desired: DesiredState;
  /** Where a job that is to stop leaves a savepoint; absolute. */
  readonly savepoint?: string;
  readonly attempt: number;
  readonly restarts: number;
  /** What its restart strategy knows; undefined until it first fails. */
  readonly memory?: RestartMemory;
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly error: ErrorReport | null;
  /** The latest ones, oldest first. */
  readonly exceptions: readonly JobException[];
}

export interface JobException extends ErrorReport {
  readonly atMs: number;
  readonly attempt: number;
  readonly scope: ErrorScope;
}

const FINAL: readonly JobState[] = ['finished', 'failed', 'stopped', 'cancelled'];

/** Whether the state never changes again. */
export function isFinal(state: JobState): boolean {
  return FINAL.includes(state);
}
