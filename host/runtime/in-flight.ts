import type { Batch } from '../model/batch.ts';

/** A channel of the plan. */
export interface ChannelPlace {
  /** Index in `Plan.edges`. */
  readonly edge: number;
  /** Numbers of the tasks in their chains. */
  readonly from: number;
  readonly to: number;
}

/** Rows that a barrier has overtaken, copied: they belong to the checkpoint, and are processed again after a restore. */
export interface InFlightBatch {
  readonly channel: ChannelPlace;
  /** Who holds them: the sender, to whom the channel was full, or the receiver's end of the channel. */
  readonly at: 'sender' | 'receiver';
  readonly batch: Batch;
}

export function copyOf(batch: Batch): Batch {
  return { bytes: batch.bytes.slice(), count: batch.count };
}

/**
 * What a task's channels hold at an unaligned barrier, as in Chandy and Lamport's algorithm: what a channel has delivered since the task's
 * state was fixed, and what is in it before its own barrier.
 */
export class InFlightLog {
  readonly checkpoint: number;
  readonly #batches: InFlightBatch[];
  #open: number;

  /** `open`: channels whose barrier has not come yet. */
  constructor(checkpoint: number, batches: readonly InFlightBatch[], open: number) {
    this.checkpoint = checkpoint;
    this.#batches = [...batches];
    this.#open = open;
  }

  add(channel: ChannelPlace, batches: readonly Batch[]): void {
    for (const batch of batches) this.#batches.push({ channel, at: 'receiver', batch });
  }

  /** A channel's barrier has come. */
  closeOne(): void {
    this.#open -= 1;
  }

  /** All of it, in order for each channel; undefined = a barrier has still to come. */
  get batches(): readonly InFlightBatch[] | undefined {
    return this.#open === 0 ? this.#batches : undefined;
  }
}
