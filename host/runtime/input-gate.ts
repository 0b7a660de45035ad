import { type Element, WATERMARK_MAX_MS, WATERMARK_MIN_MS } from '../model/element.ts';
import type { ChannelReceiver } from './channel.ts';
import type { TaskInput } from './task-input.ts';

/** A channel into a task, and the input (`Edge.input`) that its edge leads to; 0 unless given. */
export interface GateInput {
  readonly receiver: ChannelReceiver;
  readonly input?: number;
}

interface GateChannel {
  readonly receiver: ChannelReceiver;
  readonly input: number;
  watermarkMs: number;
  /** Delivered the barrier that the others still owe: not read until they have, too. */
  aligned: boolean;
  ended: boolean;
}

/**
 * Merges the channels into a task.
 *
 * G1  Fair: after a channel has delivered, the search for the next element starts behind it.
 * G2  Aligned: a channel that delivered barrier n is not read until every live channel has; then the gate yields n once.
 *     So no record of after the barrier is seen before it, whatever the channel.
 * G3  The watermark is the lowest of all channels and only rises. A channel that has ended holds nothing back.
 * G4  `end` comes once, when all channels have ended.
 */
export class InputGate implements TaskInput {
  readonly #channels: readonly GateChannel[];
  /** What a single element gave rise to and was not yielded yet: an end may complete an alignment and raise the watermark. */
  readonly #ready: Element[] = [];
  #next = 0;
  #watermarkMs = WATERMARK_MIN_MS;
  /** The barrier that is being aligned. */
  #checkpoint: number | undefined;
  #ended = false;
  #input = 0;

  constructor(inputs: readonly GateInput[]) {
    this.#channels = inputs.map(({ receiver, input = 0 }) => ({
      receiver,
      input,
      watermarkMs: WATERMARK_MIN_MS,
      aligned: false,
      ended: false,
    }));
  }

  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  get input(): number {
    return this.#input;
  }

  next(): Element | undefined {
    if (this.#ready.length > 0) return this.#ready.shift();
    const channels = this.#channels;
    for (let tried = 0; tried < channels.length; ) {
      const channel = channels[this.#next];
      if (channel.aligned || channel.ended) {
        this.#advance();
        tried += 1;
        continue;
      }
      const element = channel.receiver.receive();
      if (element === undefined) {
        this.#advance();
        tried += 1;
        continue;
      }
      this.#advance();
      if (element.kind === 'batch') {
        this.#input = channel.input;
        return element;
      }
      this.#take(channel, element);
      if (this.#ready.length > 0) return this.#ready.shift();
      tried = 0;
    }
    return undefined;
  }

  #advance(): void {
    this.#next = this.#next + 1 === this.#channels.length ? 0 : this.#next + 1;
  }

  #take(channel: GateChannel, element: Exclude<Element, { kind: 'batch' }>): void {
    switch (element.kind) {
      case 'watermark':
        channel.watermarkMs = Math.max(channel.watermarkMs, element.timeMs);
        this.#raiseWatermark();
        return;
      case 'barrier':
        channel.aligned = true;
        this.#checkpoint = element.checkpoint;
        this.#align();
        return;
      case 'end':
        channel.ended = true;
        this.#align();
        this.#raiseWatermark();
        if (!this.#ended && this.#channels.every((one) => one.ended)) {
          this.#ended = true;
          this.#ready.push(element);
        }
        return;
      default:
        element satisfies never;
    }
  }

  /** Yields the barrier when every live channel has delivered it. */
  #align(): void {
    if (this.#checkpoint === undefined) return;
    for (const channel of this.#channels) if (!channel.aligned && !channel.ended) return;
    for (const channel of this.#channels) channel.aligned = false;
    this.#ready.push({ kind: 'barrier', checkpoint: this.#checkpoint });
    this.#checkpoint = undefined;
  }

  #raiseWatermark(): void {
    let lowest = WATERMARK_MAX_MS;
    for (const channel of this.#channels) {
      if (!channel.ended) lowest = Math.min(lowest, channel.watermarkMs);
    }
    if (lowest <= this.#watermarkMs) return;
    this.#watermarkMs = lowest;
    this.#ready.push({ kind: 'watermark', timeMs: lowest });
  }
}
