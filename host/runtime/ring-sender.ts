import type { Batch } from '../model/batch.ts';
import type { Element } from '../model/element.ts';
import type { ChannelSender } from './channel.ts';
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
  framePayloadMax,
  frameUnits,
  HEAD_WORD,
  OVERTAKEN_WORD,
  RING_HEADER_BYTES,
  ringCapacity,
  TAIL_WORD,
  UNIT_BYTES,
} from './ring-layout.ts';

/**
 * The sending end of a ring (`ring-layout.ts`).
 *
 * A batch larger than a frame goes out piece by piece, over several calls if need be; that is why a refused
 * element must be offered again, unchanged, before any other.
 */
export class RingSender implements ChannelSender {
  readonly #words: Int32Array;
  readonly #frames: DataView;
  readonly #bytes: Uint8Array;
  readonly #units: number;
  readonly #payloadMax: number;
  readonly #wakeReceiver: () => void;
  #tail: number;
  /** The tail behind the last element that is in the ring whole. */
  #boundary: number;
  /** The receiver's head as last seen: it may be further by now, never less far. */
  #head: number;
  #blocked = false;
  /** Bytes of the offered batch that are in the ring already. */
  #sent = 0;

  constructor(ring: SharedArrayBuffer, wakeReceiver: () => void) {
    const capacity = ringCapacity(ring);
    this.#words = new Int32Array(ring, 0, RING_HEADER_BYTES / 4);
    this.#frames = new DataView(ring, RING_HEADER_BYTES);
    this.#bytes = new Uint8Array(ring, RING_HEADER_BYTES);
    this.#units = capacity / UNIT_BYTES;
    this.#payloadMax = framePayloadMax(capacity);
    this.#wakeReceiver = wakeReceiver;
    this.#tail = Atomics.load(this.#words, TAIL_WORD);
    this.#head = Atomics.load(this.#words, HEAD_WORD);
    this.#boundary = this.#tail;
  }

  overtake(checkpoint: number): void {
    Atomics.store(this.#words, OVERTAKEN_WORD, 0);
    Atomics.store(this.#words, BOUNDARY_WORD, this.#boundary);
    // Before the tail moves on: who sees a frame behind the boundary sees the barrier, too.
    Atomics.store(this.#words, OVERTAKEN_WORD, checkpoint);
    this.#wakeReceiver();
  }

  send(element: Element): boolean {
    switch (element.kind) {
      case 'batch':
        return this.#sendBatch(element.batch);
      case 'watermark':
        return this.#sendMark(element.idle ? FRAME_IDLE : FRAME_WATERMARK, element.timeMs);
      case 'barrier':
        return this.#sendMark(FRAME_BARRIER, element.checkpoint);
      case 'end':
        return this.#sendMark(FRAME_END, 0);
      default:
        return element satisfies never;
    }
  }

  #sendBatch(batch: Batch): boolean {
    const total = batch.bytes.length;
    while (this.#sent < total) {
      const payload = Math.min(total - this.#sent, this.#payloadMax);
      const at = this.#reserve(frameUnits(payload));
      if (at < 0) return false;
      this.#frames.setUint32(at, FRAME_BATCH, true);
      this.#frames.setUint32(at + 4, payload, true);
      this.#frames.setUint32(at + 8, batch.count, true);
      this.#frames.setUint32(at + 12, total, true);
      const piece =
        payload === total ? batch.bytes : batch.bytes.subarray(this.#sent, this.#sent + payload);
      this.#bytes.set(piece, at + FRAME_HEADER_BYTES);
      this.#sent += payload;
      this.#publish(frameUnits(payload));
    }
    this.#sent = 0;
    this.#boundary = this.#tail;
    return true;
  }

  #sendMark(kind: number, value: number): boolean {
    const at = this.#reserve(1);
    if (at < 0) return false;
    this.#frames.setUint32(at, kind, true);
    this.#frames.setUint32(at + 4, 0, true);
    this.#frames.setFloat64(at + 8, value, true);
    this.#publish(1);
    this.#boundary = this.#tail;
    return true;
  }

  /** The offset of room for a frame, a pad written before it if it must start over; -1 = no room. */
  #reserve(units: number): number {
    const toEnd = this.#units - (this.#tail & (this.#units - 1));
    const needed = toEnd < units ? toEnd + units : units;
    if (!this.#hasRoom(needed)) return -1;
    if (toEnd < units) {
      const at = this.#offset();
      this.#frames.setUint32(at, FRAME_PAD, true);
      this.#frames.setUint32(at + 4, (toEnd - 1) * UNIT_BYTES, true);
      this.#tail = (this.#tail + toEnd) | 0;
    }
    return this.#offset();
  }

  #offset(): number {
    return (this.#tail & (this.#units - 1)) * UNIT_BYTES;
  }

  #hasRoom(units: number): boolean {
    if (this.#free() >= units) return this.#unblock();
    this.#head = Atomics.load(this.#words, HEAD_WORD);
    if (this.#free() >= units) return this.#unblock();
    if (this.#blocked) return false;
    // The receiver reads `blocked` after it has moved its head, we read the head again after we have set it:
    // either we see the room, or the receiver sees that we wait for it.
    this.#blocked = true;
    Atomics.store(this.#words, BLOCKED_WORD, 1);
    this.#head = Atomics.load(this.#words, HEAD_WORD);
    return this.#free() >= units && this.#unblock();
  }

  #free(): number {
    return this.#units - ((this.#tail - this.#head) | 0);
  }

  #unblock(): true {
    if (this.#blocked) {
      this.#blocked = false;
      Atomics.store(this.#words, BLOCKED_WORD, 0);
    }
    return true;
  }

  #publish(units: number): void {
    this.#tail = (this.#tail + units) | 0;
    Atomics.store(this.#words, TAIL_WORD, this.#tail);
    this.#wakeReceiver();
  }
}
