import type { OperatorCounters, UserMetric } from '../dataflow/operator.ts';
import type { OperatorKind } from '../dataflow/plan.ts';

/** A job's numbers at one moment. Rates are the reader's to compute from two of them. */
export interface JobMetrics {
  readonly atMs: number;
  readonly operators: readonly OperatorMetrics[];
  readonly checkpoints: { readonly completed: number; readonly failed: number };
  /** Of the runner process. */
  readonly process: { readonly rssBytes: number; readonly cpuMs: number };
}

export interface OperatorMetrics extends OperatorCounters {
  readonly id: string;
  readonly kind: OperatorKind;
  readonly parallelism: number;
  /** Module version that runs, for steps with a function. */
  readonly version: string | undefined;
  /** Lowest of the operator's tasks; undefined before the first. */
  readonly watermarkMs: number | undefined;
  /** Bytes not yet read, where the source knows; otherwise undefined. */
  readonly lagBytes: number | undefined;
  /** What the step's function counts and measures: counters summed up over the tasks, of gauges the greatest; those that were set. */
  readonly userMetrics: readonly UserMetric[];
}
