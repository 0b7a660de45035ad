import {
  type MeasuredCounters,
  newCounters,
  type OperatorCounters,
  type UserMetric,
} from '../dataflow/operator.ts';
import type { Plan, StepModules } from '../dataflow/plan.ts';
import { WATERMARK_MIN_MS } from '../model/element.ts';
import type { OperatorMetrics } from './job-metrics.ts';
import type { TaskCounters } from './worker-protocol.ts';

/** The counters of all tasks as last heard, summed up by operator. */
export class MetricsBoard {
  readonly #plan: Plan;
  readonly #tasks: readonly { readonly chain: number }[];
  readonly #latest = new Map<number, TaskCounters>();

  constructor(plan: Plan, tasks: readonly { readonly chain: number }[]) {
    this.#plan = plan;
    this.#tasks = tasks;
  }

  update(tasks: readonly TaskCounters[]): void {
    for (const task of tasks) this.#latest.set(task.index, task);
  }

  operators(modules: StepModules): readonly OperatorMetrics[] {
    return this.#plan.chains.flatMap((chain) => {
      const tasks = [...this.#latest.values()].filter(
        (one) => this.#tasks[one.index].chain === chain.id,
      );
      const watermarks = tasks.map((one) => one.watermarkMs).filter((ms) => ms > WATERMARK_MIN_MS);
      const lags = tasks.flatMap((one) => one.lagBytes ?? []);
      return chain.operators.map((spec, i) => ({
        id: spec.id,
        kind: spec.kind,
        parallelism: chain.parallelism,
        version: Object.hasOwn(modules, spec.id) ? modules[spec.id].ref : undefined,
        watermarkMs: watermarks.length === 0 ? undefined : Math.min(...watermarks),
        lagBytes:
          spec.kind === 'source' && lags.length > 0 ? lags.reduce((a, b) => a + b, 0) : undefined,
        ...sum(tasks.map((one) => one.operators[i])),
        userMetrics: merge(tasks.map((one) => one.operators[i])),
      }));
    });
  }
}

function sum(all: readonly OperatorCounters[]): OperatorCounters {
  const total = newCounters();
  for (const one of all) {
    for (const name of Object.keys(total) as (keyof OperatorCounters)[]) total[name] += one[name];
  }
  return total;
}

/** Gauges that were never set crossed as null. */
function merge(all: readonly MeasuredCounters[]): readonly UserMetric[] {
  const merged = new Map<string, UserMetric>();
  for (const { name, kind, value } of all.flatMap((one) => one.userMetrics ?? [])) {
    if (!Number.isFinite(value)) continue;
    const other = merged.get(name)?.value;
    const together = kind === 'counter' ? (other ?? 0) + value : Math.max(other ?? value, value);
    merged.set(name, { name, kind, value: together });
  }
  return [...merged.values()];
}
