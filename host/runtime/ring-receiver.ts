import type { Batch } from '../model/batch.ts';
import type { Element } from '../model/element.ts';
import type { ChannelReceiver } from './channel.ts';
import {
  BLOCKED_WORD,
  BOUNDARY_WORD,
  FRAME_BARRIER,
  FRAME_BATCH,
  FRAME_END,
  FRAME_HEADER_BYTES,
  FRAME_IDLE,
  FRAME_PAD,
  FRAME_WATERMARK,
  frameUnits,
  HEAD_WORD,
  OVERTAKEN_WORD,
  RING_HEADER_BYTES,
  ringCapacity,
  TAIL_WORD,
  UNIT_BYTES,
} from './ring-layout.ts';

/** Bytes of an assembly buffer that is kept for the next large batch. */
const ASSEMBLY_KEPT_BYTES = 1 << 20;

/**
 * The receiving end of a ring (`ring-layout.ts`). A batch in one frame is read in place: its room goes back
 * with the next `receive`. A batch in several frames is put together in a buffer of the receiver's.
 */
export class RingReceiver implements ChannelReceiver {
  readonly #ring: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #frames: DataView;
  readonly #units: number;
  readonly #wakeSender: () => void;
  #head: number;
  /** Head as the sender sees it. */
  #released: number;
  /** The sender's tail as last seen. */
  #tail: number;
  #overtaken = 0;
  /** Where the barrier that has overtaken stands; undefined = it was received. */
  #boundary: number | undefined;
  #assembly = new Uint8Array(0);
  #assembled = 0;

  constructor(ring: SharedArrayBuffer, wakeSender: () => void) {
    this.#ring = ring;
    this.#words = new Int32Array(ring, 0, RING_HEADER_BYTES / 4);
    this.#frames = new DataView(ring, RING_HEADER_BYTES);
    this.#units = ringCapacity(ring) / UNIT_BYTES;
    this.#wakeSender = wakeSender;
    this.#head = Atomics.load(this.#words, HEAD_WORD);
    this.#released = this.#head;
    this.#tail = this.#head;
  }

  get overtaken(): number {
    this.#lookForBarrier();
    return this.#overtaken;
  }

  inFlight(checkpoint: number): readonly Batch[] | undefined {
    this.#look();
    const batches: Batch[] = [];
    const known = this.#overtaken === checkpoint;
    const end = known ? (this.#boundary ?? this.#head) : this.#tail;
    // A batch that goes on behind the end is the sender's to save.
    let assembled: Uint8Array[] = [this.#assembly.slice(0, this.#assembled)];
    for (let head = this.#head; ((end - head) | 0) > 0; ) {
      const at = (head & (this.#units - 1)) * UNIT_BYTES;
      const payload = this.#frames.getUint32(at + 4, true);
      const kind = this.#frames.getUint32(at, true);
      head = (head + frameUnits(payload)) | 0;
      if (kind === FRAME_END) return batches;
      if (kind !== FRAME_BATCH) continue;
      assembled.push(
        new Uint8Array(this.#ring, RING_HEADER_BYTES + at + FRAME_HEADER_BYTES, payload),
      );
      const bytes = assembled.reduce((sum, piece) => sum + piece.length, 0);
      if (bytes < this.#frames.getUint32(at + 12, true)) continue;
      const count = this.#frames.getUint32(at + 8, true);
      batches.push({ bytes: new Uint8Array(Buffer.concat(assembled)), count });
      assembled = [];
    }
    return known ? batches : undefined;
  }

  receive(): Element | undefined {
    this.#release();
    for (;;) {
      if (this.#head === this.#tail) this.#look();
      if (this.#boundary !== undefined && ((this.#boundary - this.#head) | 0) <= 0) {
        this.#boundary = undefined;
        return { kind: 'barrier', checkpoint: this.#overtaken, unaligned: true };
      }
      if (this.#head === this.#tail) return undefined;
      const element = this.#readFrame();
      if (element === undefined) continue;
      // Marks hold no room that anybody reads later.
      if (element.kind !== 'batch') this.#release();
      return element;
    }
  }

  /** Sees what the sender has done. The barrier after the tail: frames that it has overtaken may be there without it, never the others. */
  #look(): void {
    this.#tail = Atomics.load(this.#words, TAIL_WORD);
    this.#lookForBarrier();
  }

  #lookForBarrier(): void {
    const checkpoint = Atomics.load(this.#words, OVERTAKEN_WORD) >>> 0;
    if (checkpoint === 0 || checkpoint === this.#overtaken) return;
    const boundary = Atomics.load(this.#words, BOUNDARY_WORD);
    // One that is being replaced is read the next time.
    if (Atomics.load(this.#words, OVERTAKEN_WORD) >>> 0 !== checkpoint) return;
    this.#overtaken = checkpoint;
    this.#boundary = boundary;
  }

  /** Reads one frame; undefined = a pad, or a piece of a batch that is not complete yet. */
  #readFrame(): Element | undefined {
    const at = (this.#head & (this.#units - 1)) * UNIT_BYTES;
    const payload = this.#frames.getUint32(at + 4, true);
    this.#head = (this.#head + frameUnits(payload)) | 0;
    switch (this.#frames.getUint32(at, true)) {
      case FRAME_PAD:
        return undefined;
      case FRAME_BATCH:
        return this.#readBatch(at, payload);
      case FRAME_WATERMARK:
        return { kind: 'watermark', timeMs: this.#frames.getFloat64(at + 8, true) };
      case FRAME_IDLE:
        return { kind: 'watermark', timeMs: this.#frames.getFloat64(at + 8, true), idle: true };
      case FRAME_BARRIER:
        return { kind: 'barrier', checkpoint: this.#frames.getFloat64(at + 8, true) };
      case FRAME_END:
        return { kind: 'end' };
      default:
        throw new Error('a ring holds a frame of an unknown kind');
    }
  }

  #readBatch(at: number, payload: number): Element | undefined {
    const count = this.#frames.getUint32(at + 8, true);
    const total = this.#frames.getUint32(at + 12, true);
    const start = RING_HEADER_BYTES + at + FRAME_HEADER_BYTES;
    const piece = new Uint8Array(this.#ring, start, payload);
    if (payload === total) return { kind: 'batch', batch: { bytes: piece, count } };
    if (this.#assembly.length < total) this.#assembly = new Uint8Array(total);
    this.#assembly.set(piece, this.#assembled);
    this.#assembled += payload;
    this.#release();
    if (this.#assembled < total) return undefined;
    const bytes = this.#assembly.subarray(0, total);
    this.#assembled = 0;
    if (total > ASSEMBLY_KEPT_BYTES) this.#assembly = new Uint8Array(0);
    return { kind: 'batch', batch: { bytes, count } };
  }

  /** Gives the room of what was read back to the sender. */
  #release(): void {
    if (this.#released === this.#head) return;
    this.#released = this.#head;
    Atomics.store(this.#words, HEAD_WORD, this.#head);
    if (Atomics.load(this.#words, BLOCKED_WORD) === 1) this.#wakeSender();
  }
}
