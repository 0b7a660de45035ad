import type { Plan } from '../dataflow/plan.ts';
import { WATERMARK_MAX_MS } from '../model/element.ts';
import type { TaskCounters } from './worker-protocol.ts';

/** Group → the watermark beyond which its sources are not read for now. */
export type WatermarkLimits = { readonly [group: string]: number };

interface AlignedTask {
  readonly group: string;
  readonly maxDriftMs: number;
  watermarkMs: number | undefined;
}

/**
 * Keeps the sources of a group together, as Flink does: none is read further than `maxDrift` ahead of the slowest one. Tasks that are idle
 * or have ended are waited for by nobody. Known as late as counters are.
 */
export class WatermarkAlignment {
  /** By the number of the task. */
  readonly #tasks = new Map<number, AlignedTask>();
  #limits: WatermarkLimits = {};

  constructor(plan: Plan, tasks: readonly { readonly chain: number }[]) {
    for (const [index, { chain }] of tasks.entries()) {
      const [first] = plan.chains[chain].operators;
      const alignment = first.kind === 'source' ? first.eventTime?.alignment : undefined;
      if (alignment !== undefined) this.#tasks.set(index, { ...alignment, watermarkMs: undefined });
    }
  }

  /** Takes what tasks have told; the limits of all groups if any has changed. */
  update(counters: readonly TaskCounters[]): WatermarkLimits | undefined {
    if (this.#tasks.size === 0) return undefined;
    for (const { index, watermarkMs, idle } of counters) {
      const task = this.#tasks.get(index);
      if (task !== undefined) task.watermarkMs = idle ? WATERMARK_MAX_MS : watermarkMs;
    }
    const limits: { [group: string]: number } = Object.create(null);
    for (const { group, maxDriftMs, watermarkMs } of this.#tasks.values()) {
      const limit = watermarkMs === undefined ? WATERMARK_MAX_MS : watermarkMs + maxDriftMs;
      limits[group] = Math.min(limits[group] ?? WATERMARK_MAX_MS, limit);
    }
    const groups = Object.keys(limits);
    if (groups.every((group) => limits[group] === this.#limits[group])) return undefined;
    this.#limits = limits;
    return limits;
  }
}
