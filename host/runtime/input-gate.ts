import type { Batch } from '../model/batch.ts';
import { type Element, WATERMARK_MAX_MS, WATERMARK_MIN_MS } from '../model/element.ts';
import type { ChannelReceiver } from './channel.ts';
import { type ChannelPlace, copyOf, type InFlightBatch, InFlightLog } from './in-flight.ts';
import type { TaskInput } from './task-input.ts';

const NOWHERE: ChannelPlace = { edge: 0, from: 0, to: 0 };

/** A channel into a task, and the input (`Edge.input`) that its edge leads to; 0 unless given. */
export interface GateInput {
  readonly receiver: ChannelReceiver;
  readonly input?: number;
  readonly channel?: ChannelPlace;
}

/** A batch that the restored checkpoint held in flight, with the input that it came over. */
export interface ReplayedBatch {
  readonly channel: ChannelPlace;
  readonly input: number;
  readonly batch: Batch;
}

interface GateChannel {
  readonly receiver: ChannelReceiver;
  readonly input: number;
  readonly place: ChannelPlace;
  watermarkMs: number;
  /** Nothing comes by it for now: it holds back no watermark. */
  idle: boolean;
  /** Delivered the barrier that the others still owe: not read until they have, too. */
  aligned: boolean;
  ended: boolean;
  /** What it delivers belongs to the checkpoint that the log is of. */
  logged: boolean;
}

/**
 * Merges the channels into a task.
 *
 * G1  Fair: after a channel has delivered, the search for the next element starts behind it.
 * G2  Aligned: a channel that delivered barrier n is not read until every live channel has; then the gate yields n once.
 *     So no record of after the barrier is seen before it, whatever the channel.
 * G3  The watermark is the lowest of all channels and only rises. A channel that has ended, or is idle, holds nothing back; when all
 *     are idle, the gate is.
 * G4  `end` comes once, when all channels have ended.
 * G5  What a restored checkpoint held in flight comes before anything that the channels deliver.
 * G6  Unaligned: from `beginOvertaking` on every batch is either in the log or comes after the barrier of its channel. Barriers of
 *     earlier checkpoints mean nothing from then on.
 */
export class InputGate implements TaskInput {
  readonly #channels: readonly GateChannel[];
  /** What a single element gave rise to and was not yielded yet: an end may complete an alignment and raise the watermark. */
  readonly #ready: Element[] = [];
  #next = 0;
  #watermarkMs = WATERMARK_MIN_MS;
  /** It has said that nothing comes for now. */
  #idle = false;
  /** The barrier that is being aligned. */
  #checkpoint: number | undefined;
  #ended = false;
  #input = 0;
  readonly #replay: ReplayedBatch[];
  /** The latest unaligned checkpoint. */
  #overtook = 0;
  #log: InFlightLog | undefined;

  constructor(inputs: readonly GateInput[], replay: readonly ReplayedBatch[] = []) {
    this.#replay = [...replay];
    this.#channels = inputs.map(({ receiver, input = 0, channel = NOWHERE }) => ({
      receiver,
      input,
      place: channel,
      logged: false,
      watermarkMs: WATERMARK_MIN_MS,
      idle: false,
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

  lookAhead(): number {
    let latest = 0;
    for (let i = 0; i < this.#channels.length; i += 1) {
      latest = Math.max(latest, this.#channels[i].receiver.overtaken);
    }
    if (this.#log?.batches === undefined) this.#logChannels();
    return latest;
  }

  beginOvertaking(checkpoint: number): InFlightLog {
    this.#overtook = checkpoint;
    this.#checkpoint = undefined;
    const batches: InFlightBatch[] = this.#replay.map(({ channel, batch }) => ({
      channel,
      at: 'receiver',
      batch: copyOf(batch),
    }));
    let open = 0;
    for (const channel of this.#channels) {
      channel.aligned = false;
      channel.logged = !channel.ended;
      if (channel.logged) open += 1;
    }
    const log = new InFlightLog(checkpoint, batches, open);
    this.#log = log;
    this.#logChannels();
    return log;
  }

  next(): Element | undefined {
    if (this.#ready.length > 0) return this.#ready.shift();
    if (this.#replay.length > 0) return this.#replayNext();
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
        if (channel.logged) this.#log?.add(channel.place, [copyOf(element.batch)]);
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
        channel.idle = element.idle === true;
        this.#raiseWatermark();
        this.#tellIdle();
        return;
      case 'barrier':
        this.#takeBarrier(channel, element);
        return;
      case 'end':
        channel.ended = true;
        this.#closeLog(channel);
        this.#align();
        this.#raiseWatermark();
        this.#tellIdle();
        if (!this.#ended && this.#channels.every((one) => one.ended)) {
          this.#ended = true;
          this.#ready.push(element);
        }
        return;
      default:
        element satisfies never;
    }
  }

  #takeBarrier(channel: GateChannel, element: Element & { readonly kind: 'barrier' }): void {
    const { checkpoint, unaligned } = element;
    if (unaligned === true) {
      if (checkpoint === this.#overtook) this.#closeLog(channel);
      else if (checkpoint > this.#overtook) this.#ready.push(element);
      // The task has not begun yet: its log begins behind this barrier, with nothing of this channel.
      return;
    }
    if (checkpoint <= this.#overtook) return;
    channel.aligned = true;
    this.#checkpoint = checkpoint;
    this.#align();
  }

  /** Takes down what is in channels whose barrier has overtaken it, or that end. */
  #logChannels(): void {
    for (const channel of this.#channels) {
      if (!channel.logged) continue;
      const batches = channel.receiver.inFlight(this.#overtook);
      if (batches === undefined) continue;
      this.#log?.add(channel.place, batches);
      this.#closeLog(channel);
    }
  }

  #closeLog(channel: GateChannel): void {
    if (!channel.logged) return;
    channel.logged = false;
    this.#log?.closeOne();
  }

  #replayNext(): Element {
    const { input, batch } = this.#replay.shift() as ReplayedBatch;
    this.#input = input;
    return { kind: 'batch', batch };
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
    let lowest = Number.POSITIVE_INFINITY;
    let highest = Number.NEGATIVE_INFINITY;
    for (const channel of this.#channels) {
      if (channel.ended) continue;
      highest = Math.max(highest, channel.watermarkMs);
      if (!channel.idle) lowest = Math.min(lowest, channel.watermarkMs);
    }
    // All idle: what waited for the slowest waits no more. All ended: for nothing.
    if (!Number.isFinite(lowest)) lowest = Number.isFinite(highest) ? highest : WATERMARK_MAX_MS;
    if (lowest <= this.#watermarkMs) return;
    this.#watermarkMs = lowest;
    this.#ready.push({ kind: 'watermark', timeMs: lowest });
    this.#idle = false;
  }

  /** Says so when the last channel that was not idle has become so, or the first is not any more. */
  #tellIdle(): void {
    let live = false;
    let idle = true;
    for (const channel of this.#channels) {
      if (channel.ended) continue;
      live = true;
      if (!channel.idle) idle = false;
    }
    if (!live || idle === this.#idle) return;
    this.#idle = idle;
    const timeMs = this.#watermarkMs;
    this.#ready.push(idle ? { kind: 'watermark', timeMs, idle } : { kind: 'watermark', timeMs });
  }
}
