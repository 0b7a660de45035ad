import type { OperatorCapture } from '../dataflow/operator.ts';
import type { CapturedState, KeyedSnapshot, StateCapture } from '../state/state-table.ts';
import type { InFlightBatch, InFlightLog } from './in-flight.ts';
import type { CapturedSnapshot, TaskCapture } from './task-capture.ts';

export interface StepCapture {
  readonly operator: string;
  readonly capture: OperatorCapture;
}

/** What an unaligned barrier has overtaken: before the task, and behind it. */
export interface InFlightSource {
  readonly log: InFlightLog;
  readonly waiting: readonly InFlightBatch[];
  /** When the task began to take it down; monotonic. */
  readonly startedMs: number;
}

/** What a task fixed at a barrier and has still to copy, a piece at a time between two batches. */
export class Capturing {
  readonly checkpoint: number;
  readonly #rest: Omit<TaskCapture, 'snapshots' | 'inFlight'>;
  readonly #inFlight: InFlightSource | undefined;
  #waiting = false;
  readonly #steps: readonly StepCapture[];
  readonly #done = new Map<KeyedSnapshot | StateCapture, CapturedState>();

  constructor(
    rest: Omit<TaskCapture, 'snapshots' | 'inFlight'>,
    steps: readonly StepCapture[],
    inFlight: InFlightSource | undefined,
  ) {
    this.#inFlight = inFlight;
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
    const received = this.#inFlight === undefined ? [] : this.#inFlight.log.batches;
    this.#waiting = received === undefined;
    if (received === undefined) return undefined;
    const inFlight = [...received, ...(this.#inFlight?.waiting ?? [])];
    const snapshots = this.#steps.map((step) => this.#snapshotOf(step));
    return { ...this.#rest, snapshots, inFlight };
  }

  /** All is copied, and a barrier has still to come. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** The operators whose state it is of. */
  get operators(): readonly string[] {
    return this.#steps.map(({ operator }) => operator);
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
