import type { Outbound } from '../connectors/outbound.ts';
import type { Plan, StepModules } from '../dataflow/plan.ts';

/** What a runner process is started with: `job.json` names it, nothing else is handed over. */
export interface JobSpec {
  readonly id: string;
  /** Absolute. Checkpoints, logs, updates and dead letters live under it. */
  readonly directory: string;
  readonly plan: Plan;
  /** As submitted; after a restore the manifest's own count. */
  readonly modules: StepModules;
  /** Digest → absolute path of the uploaded bytes. */
  readonly modulePaths: { readonly [digest: string]: string };
  /** Counts up with every start. */
  readonly attempt: number;
  /** Worker threads; 0 = all tasks in the calling thread. */
  readonly threads: number;
  /** Which addresses its connectors may reach; undefined = any. */
  readonly outbound?: Outbound;
}
