import { LOCAL_CHANNEL_ELEMENTS, RING_BYTES } from '../limits.ts';
import type { Batch } from '../model/batch.ts';
import type { Element } from '../model/element.ts';
import type { ChannelReceiver, ChannelSender } from './channel.ts';

/** Buffers kept for the next batches; more are left to the garbage collector. */
const SPARE_BUFFERS_MAX = 4;

/**
 * A channel between two tasks of one thread. A batch is copied once, into a buffer that comes back when the
 * receiver is done with it. Bounded by elements and, except for a single batch, by bytes.
 */
export class LocalChannel implements ChannelSender, ChannelReceiver {
  readonly #elements: (Element | undefined)[] = new Array(LOCAL_CHANNEL_ELEMENTS).fill(undefined);
  readonly #spare: Uint8Array[] = [];
  readonly #bytesMax: number;
  #first = 0;
  #length = 0;
  #bytes = 0;
  /** Elements that were accepted, and those that were received. */
  #accepted = 0;
  #received = 0;
  #overtaken = 0;
  /** Elements that were accepted before the barrier that has overtaken; -1 = it was received. */
  #boundary = -1;
  /** The buffer of the batch that the receiver works on. */
  #lent: Uint8Array | undefined;

  constructor(bytesMax: number = RING_BYTES) {
    this.#bytesMax = bytesMax;
  }

  send(element: Element): boolean {
    if (this.#length === LOCAL_CHANNEL_ELEMENTS) return false;
    if (element.kind !== 'batch') return this.#append(element);
    const bytes = element.batch.bytes.length;
    if (this.#length > 0 && this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    return this.#append({ kind: 'batch', batch: this.#copy(element.batch) });
  }

  overtake(checkpoint: number): void {
    this.#overtaken = checkpoint;
    this.#boundary = this.#accepted;
  }

  get overtaken(): number {
    return this.#overtaken;
  }

  inFlight(checkpoint: number): readonly Batch[] | undefined {
    const known = this.#overtaken === checkpoint;
    if (known && this.#boundary < 0) return [];
    const batches: Batch[] = [];
    for (let i = 0; i < this.#length; i += 1) {
      if (known && this.#received + i === this.#boundary) return batches;
      const element = this.#elements[(this.#first + i) % LOCAL_CHANNEL_ELEMENTS] as Element;
      if (element.kind === 'end') return batches;
      if (element.kind !== 'batch') continue;
      const { bytes, count } = element.batch;
      batches.push({ bytes: bytes.slice(), count });
    }
    return known ? batches : undefined;
  }

  receive(): Element | undefined {
    this.#takeBack();
    if (this.#received === this.#boundary) {
      this.#boundary = -1;
      return { kind: 'barrier', checkpoint: this.#overtaken, unaligned: true };
    }
    if (this.#length === 0) return undefined;
    this.#received += 1;
    const element = this.#elements[this.#first] as Element;
    this.#elements[this.#first] = undefined;
    this.#first = (this.#first + 1) % LOCAL_CHANNEL_ELEMENTS;
    this.#length -= 1;
    if (element.kind === 'batch') {
      this.#bytes -= element.batch.bytes.length;
      this.#lent = element.batch.bytes;
    }
    return element;
  }

  #append(element: Element): true {
    this.#elements[(this.#first + this.#length) % LOCAL_CHANNEL_ELEMENTS] = element;
    this.#length += 1;
    this.#accepted += 1;
    return true;
  }

  #copy(batch: Batch): Batch {
    const length = batch.bytes.length;
    const spare = this.#spare.pop();
    const buffer =
      spare !== undefined && spare.buffer.byteLength >= length
        ? spare.buffer
        : new ArrayBuffer(roomFor(length, this.#bytesMax));
    const bytes = new Uint8Array(buffer, 0, length);
    bytes.set(batch.bytes);
    return { bytes, count: batch.count };
  }

  #takeBack(): void {
    const lent = this.#lent;
    this.#lent = undefined;
    if (lent === undefined || lent.buffer.byteLength > this.#bytesMax) return;
    if (this.#spare.length < SPARE_BUFFERS_MAX) this.#spare.push(lent);
  }
}

/** The next power of two, so that buffers fit batches of about the same size. */
function roomFor(bytes: number, bytesMax: number): number {
  return bytes > bytesMax ? bytes : 2 ** Math.ceil(Math.log2(Math.max(bytes, 1024)));
}
