import type { Batch } from '../model/batch.ts';
import type { Element } from '../model/element.ts';

/**
 * A bounded FIFO from one task to one task. One sender, one receiver.
 *
 * C1  Elements arrive in the order they were sent, none lost, none twice.
 * C2  What is accepted is the channel's: the sender may reuse its buffer at once.
 * C3  A full channel refuses; it never drops and never blocks.
 */
export interface ChannelSender {
  /**
   * False = no room now. The sender offers the same element, unchanged, again before any other; its worker is woken
   * when there is room. (A large batch may be under way in pieces by then, which nobody can tell.)
   */
  send(element: Element): boolean;
  /**
   * Sends barrier `checkpoint` past all that the channel holds: behind every element that it has accepted, before the one that it has
   * refused. Never refused itself. A later one takes the place of one that the receiver has not come to yet.
   */
  overtake(checkpoint: number): void;
}

export interface ChannelReceiver {
  /**
   * The next element, or undefined. The rows of a batch are the receiver's own to read and overwrite
   * until the next `receive`, which also gives their room back.
   */
  receive(): Element | undefined;
  /** The latest checkpoint whose barrier has overtaken, from then on; 0 = none has. `receive` yields that barrier in its place as well. */
  readonly overtaken: number;
  /**
   * Copies of the batches that are in the channel before barrier `checkpoint`, which has overtaken them, or before an `end`; undefined when
   * neither has been sent yet. Changes nothing.
   */
  inFlight(checkpoint: number): readonly Batch[] | undefined;
}
