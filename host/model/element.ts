import type { Batch } from './batch.ts';

/** What travels in a channel, in order. */
export type Element =
  | { readonly kind: 'batch'; readonly batch: Batch }
  /**
   * No record with an event time at or below `timeMs` follows in this channel. `idle`: nothing follows for a while, and until a watermark
   * without it comes the channel holds nothing back.
   */
  | { readonly kind: 'watermark'; readonly timeMs: number; readonly idle?: boolean }
  /**
   * Everything before belongs to checkpoint `checkpoint`, everything after does not. `unaligned`: it has overtaken what was in the channel
   * (`ChannelSender.overtake`), and comes by where it would have come otherwise.
   */
  | { readonly kind: 'barrier'; readonly checkpoint: number; readonly unaligned?: true }
  /** Nothing follows. */
  | { readonly kind: 'end' };

/** The watermark before any record has been seen. */
export const WATERMARK_MIN_MS = Number.MIN_SAFE_INTEGER;
/** The watermark at the end of a bounded stream: every window fires. */
export const WATERMARK_MAX_MS = Number.MAX_SAFE_INTEGER;
