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
}

export interface ChannelReceiver {
  /**
   * The next element, or undefined. The rows of a batch are the receiver's own to read and overwrite
   * until the next `receive`, which also gives their room back.
   */
  receive(): Element | undefined;
}
