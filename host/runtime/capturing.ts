import type { OperatorCapture } from '../dataflow/operator.ts';
import type { CapturedState, KeyedSnapshot, StateCapture } from '../state/state-table.ts';
import type { CapturedSnapshot, TaskCapture } from './task-capture.ts';

export interface StepCapture {
  readonly operator: string;
  readonly capture: OperatorCapture;
}

/** What a task fixed at a barrier and has still to copy, a piece at a time between two batches. */
export class Capturing {
  readonly checkpoint: number;
  readonly #rest: Omit<TaskCapture, 'snapshots'>;
  readonly #steps: readonly StepCapture[];
  readonly #done = new Map<KeyedSnapshot | StateCapture, CapturedState>();

  constructor(rest: Omit<TaskCapture, 'snapshots'>, steps: readonly StepCapture[]) {
    this.checkpoint = rest.checkpoint;
    this.#rest = rest;
    this.#steps = steps;
  }

  /** Copies about `bytesMax` bytes more. All that the task took down, once it is copied; undefined = there is more to do. */
  proceed(bytesMax: number): TaskCapture | undefined {
    let left = bytesMax;
    for (const { capture } of this.#steps) {
      for (const keyed of Object.values(capture.keyed)) {
        if (this.#done.has(keyed)) continue;
        if (left <= 0) return undefined;
        const captured = 'proceed' in keyed ? keyed.proceed(left) : wholeOf(keyed);
        if (captured === undefined) return undefined;
        this.#done.set(keyed, captured);
        left -= captured.parts.reduce((sum, part) => sum + part.length, 0);
      }
    }
    return { ...this.#rest, snapshots: this.#steps.map((step) => this.#snapshotOf(step)) };
  }

  /** Gives up. */
  cancel(): void {
    for (const { capture } of this.#steps) {
      for (const keyed of Object.values(capture.keyed)) if ('proceed' in keyed) keyed.cancel();
    }
  }

  #snapshotOf({ operator, capture }: StepCapture): {
    readonly operator: string;
    readonly snapshot: CapturedSnapshot;
  } {
    const keyed: Record<string, CapturedState> = Object.create(null);
    for (const [state, one] of Object.entries(capture.keyed)) {
      keyed[state] = this.#done.get(one) as CapturedState;
    }
    return { operator, snapshot: { keyed, values: capture.values } };
  }
}

function wholeOf({ bytes, groups, changes = false }: KeyedSnapshot): CapturedState {
  return { parts: [bytes], groups, changes };
}
