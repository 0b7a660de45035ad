import type { ModuleVersion } from '../dataflow/plan.ts';

export type UpdateState =
  | 'requested'
  | 'admitted'
  | 'staged'
  | 'armed'
  | 'swapped'
  | 'settled'
  | 'refused';

/** One hot swap as `updates J` and the HTTP API show it. Written to the job's directory by its runner. */
export interface UpdateRecord {
  /** 1, 2, … per job. */
  readonly update: number;
  readonly step: string;
  readonly from: ModuleVersion;
  readonly to: ModuleVersion;
  readonly strategy: 'barrier';
  readonly state: UpdateState;
  /** When each state was entered, in order. */
  readonly times: readonly { readonly state: UpdateState; readonly atMs: number }[];
  /** The checkpoint whose barrier is the cut; undefined until armed. */
  readonly checkpoint: number | undefined;
  /** Per task, how long it stood still to swap. */
  readonly pauses: readonly { readonly task: number; readonly pauseMs: number }[];
  /** Why it was refused; empty otherwise. */
  readonly reason: string;
}
