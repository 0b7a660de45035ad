import type { Output } from '../dataflow/operator.ts';
import { FLUSH_INTERVAL_MS } from '../limits.ts';
import type { Batch } from '../model/batch.ts';
import type { Element } from '../model/element.ts';
import type { InFlightBatch } from './in-flight.ts';
import type { OutputEdge } from './output-edge.ts';
import type { OutputTarget } from './output-target.ts';

/**
 * Everything that leaves a task. It never blocks: rows that the channels refuse wait here, and the task takes no
 * input until `drain` says that nothing waits. So it holds at most what one input element gave rise to.
 */
export class TaskOutput implements Output {
  readonly #edges: readonly OutputEdge[];
  readonly #main: readonly OutputEdge[];
  readonly #sides: ReadonlyMap<string, readonly OutputEdge[]>;
  readonly #targets: readonly OutputTarget[];
  /** When the oldest row that still gathers came, at most; undefined = none gathers. */
  #gatheringSinceMs: number | undefined;

  constructor(edges: readonly OutputEdge[]) {
    this.#edges = edges;
    this.#main = edges.filter((edge) => edge.side === undefined);
    this.#sides = bySide(edges);
    this.#targets = edges.flatMap((edge) => edge.targets);
  }

  batch(batch: Batch): void {
    if (batch.count === 0) return;
    for (let i = 0; i < this.#main.length; i += 1) this.#main[i].send(batch);
  }

  side(name: string, batch: Batch): void {
    if (batch.count === 0) return;
    for (const edge of this.#sides.get(name) ?? []) edge.send(batch);
  }

  /** Sends a watermark, barrier or end on every channel, behind all rows so far. */
  mark(element: Element): void {
    this.#gatheringSinceMs = undefined;
    for (const target of this.#targets) target.mark(element);
  }

  /** Sends a barrier past everything on every channel. What it has overtaken in this task: rows that gather, and rows that were refused. */
  overtake(checkpoint: number): readonly InFlightBatch[] {
    return this.#edges.flatMap(({ targets, channels }) =>
      targets.flatMap((target, i) =>
        target
          .overtake(checkpoint)
          .map((batch) => ({ channel: channels[i], at: 'sender' as const, batch })),
      ),
    );
  }

  /** Sends what the channels refused; true when nothing waits any more. */
  drain(): boolean {
    let clear = true;
    for (let i = 0; i < this.#targets.length; i += 1) {
      if (this.#targets[i].blocked && !this.#targets[i].drain()) clear = false;
    }
    return clear;
  }

  get blocked(): boolean {
    for (let i = 0; i < this.#targets.length; i += 1) if (this.#targets[i].blocked) return true;
    return false;
  }

  /** Sends half-full batches that have waited for long enough. Called after every element and when idle; true = it sent. */
  flushDue(nowMs: number): boolean {
    if (this.#gatheringSinceMs === undefined) {
      if (this.#gathers()) this.#gatheringSinceMs = nowMs;
      return false;
    }
    if (nowMs - this.#gatheringSinceMs < FLUSH_INTERVAL_MS) return false;
    this.#gatheringSinceMs = undefined;
    let sent = false;
    for (const target of this.#targets) {
      if (!target.hasRows) continue;
      sent = true;
      target.flush();
    }
    return sent;
  }

  /** When `flushDue` has something to do again; undefined = nothing gathers. */
  get dueMs(): number | undefined {
    return this.#gatheringSinceMs === undefined
      ? undefined
      : this.#gatheringSinceMs + FLUSH_INTERVAL_MS;
  }

  #gathers(): boolean {
    for (let i = 0; i < this.#targets.length; i += 1) if (this.#targets[i].hasRows) return true;
    return false;
  }
}

function bySide(edges: readonly OutputEdge[]): Map<string, OutputEdge[]> {
  const sides = new Map<string, OutputEdge[]>();
  for (const edge of edges) {
    if (edge.side !== undefined) sides.set(edge.side, [...(sides.get(edge.side) ?? []), edge]);
  }
  return sides;
}
