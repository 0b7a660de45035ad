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

  receive(): Element | undefined {
    this.#takeBack();
    if (this.#length === 0) return undefined;
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
