import { BatchBuilder } from '../abi/batch-builder.ts';
import type { Batch } from '../model/batch.ts';
import type { Element } from '../model/element.ts';
import type { ChannelSender } from './channel.ts';
import { copyOf } from './in-flight.ts';

export interface TargetSizes {
  /** Of the buffer at first. */
  readonly initialBytes: number;
  /** What gathers is sent when it has grown to this. */
  readonly batchBytes: number;
}

/** Bytes of a buffer that is kept for the next rows. */
const KEPT_BYTES_MAX = 1 << 20;

/**
 * What a task has to say to one task downstream: rows that gather to a batch, a batch that the channel has refused, and
 * marks that wait behind them.
 *
 * O1  Order: the refused batch, then the gathering rows, then the marks.
 * O2  Rows are not added while marks wait: the task takes no input until `drain` succeeds.
 * O3  A refused batch is not touched until the channel has taken it (`ChannelSender.send`).
 */
export class OutputTarget {
  readonly #sender: ChannelSender;
  readonly #sizes: TargetSizes;
  readonly #marks: Element[] = [];
  /** Rows that gather. The partitioner appends to it, then calls `settle`. */
  gathering: BatchBuilder;
  #refused: BatchBuilder;

  constructor(sender: ChannelSender, sizes: TargetSizes) {
    this.#sender = sender;
    this.#sizes = sizes;
    this.gathering = new BatchBuilder(sizes.initialBytes);
    this.#refused = new BatchBuilder(64);
  }

  /** Whether something waits for the channel. */
  get blocked(): boolean {
    return this.#refused.count > 0 || this.#marks.length > 0;
  }

  get hasRows(): boolean {
    return this.gathering.count > 0;
  }

  /** Sends rows as they are when nothing waits before them and they are worth a batch of their own; else gathers them. */
  pass(batch: Batch): void {
    const large = batch.bytes.length >= this.#sizes.batchBytes / 2;
    if (large && this.gathering.count === 0 && this.#refused.count === 0) {
      if (this.#sender.send({ kind: 'batch', batch })) return;
      this.#refused.append(batch);
      return;
    }
    this.gathering.append(batch);
    this.settle();
  }

  /** Sends what has gathered when it has the size of a batch. */
  settle(): void {
    if (this.gathering.length >= this.#sizes.batchBytes) this.flush();
  }

  /** Sends what has gathered. */
  flush(): void {
    if (!this.#sendRefused() || this.gathering.count === 0) return;
    if (this.#sender.send({ kind: 'batch', batch: this.gathering.batch() })) {
      this.gathering = this.#emptied(this.gathering);
      return;
    }
    const full = this.gathering;
    this.gathering = this.#refused;
    this.#refused = full;
  }

  /** Puts a mark behind the rows so far and sends what it can. */
  mark(element: Element): void {
    this.#marks.push(element);
    this.drain();
  }

  /** Sends a barrier past all that waits for the channel, and past what is in it. Copies of the rows that wait, in order. */
  overtake(checkpoint: number): readonly Batch[] {
    this.#sender.overtake(checkpoint);
    return [this.#refused, this.gathering].flatMap((builder) =>
      builder.count === 0 ? [] : [copyOf(builder.batch())],
    );
  }

  /** Sends what waits; true when nothing does any more. */
  drain(): boolean {
    if (!this.#sendRefused()) return false;
    if (this.#marks.length === 0) return true;
    this.flush();
    if (this.#refused.count > 0) return false;
    while (this.#marks.length > 0) {
      if (!this.#sender.send(this.#marks[0])) return false;
      this.#marks.shift();
    }
    return true;
  }

  /** A buffer for the next rows. One that a single large output has blown up is let go. */
  #emptied(builder: BatchBuilder): BatchBuilder {
    if (builder.bytes.length > KEPT_BYTES_MAX) return new BatchBuilder(this.#sizes.initialBytes);
    builder.clear();
    return builder;
  }

  #sendRefused(): boolean {
    if (this.#refused.count === 0) return true;
    if (!this.#sender.send({ kind: 'batch', batch: this.#refused.batch() })) return false;
    this.#refused = this.#emptied(this.#refused);
    return true;
  }
}
