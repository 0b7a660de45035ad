/**
 * A ring in a SharedArrayBuffer, from one thread to one other.
 *
 *      0       4         8            12          64       128                         128 + capacity
 *      ┌──────┬─────────┬────────────┬──────────┬─┬──────┬─┬─────────────────────────────┐
 *      │ tail │ blocked │ checkpoint │ boundary │ │ head │ │ frames                      │
 *      └──────┴─────────┴────────────┴──────────┴─┴──────┴─┴─────────────────────────────┘
 *       sender's line                              receiver's line
 *
 * `tail` and `head` count units of 16 bytes since the beginning, modulo 2^32; the frames between them are the
 * receiver's, the rest is the sender's. `capacity` is a power of two. `blocked` is 1 while the sender waits for room;
 * only the sender writes it. Barrier `checkpoint` has overtaken all frames and stands before unit `boundary`, between two elements;
 * 0 = none has. The sender sets it to 0 while it writes `boundary`.
 *
 * A frame starts at a unit, never wraps round the end, and is rounded up to whole units:
 *
 *      0        4         8         12        16
 *      ┌────────┬─────────┬─────────┬─────────┬──────────────┐
 *      │ kind   │ payload │ rows    │ total   │ payload      │   batch: u32 each; payload ≤ total bytes of the batch
 *      ├────────┼─────────┼─────────┴─────────┼──────────────┘
 *      │ kind   │ 0       │ time or checkpoint│                  watermark, barrier: f64
 *      └────────┴─────────┴───────────────────┘
 *
 * A batch with `payload` < `total` goes on in the next frames; `rows` and `total` are repeated in each. A `pad` frame
 * fills the room up to the end when the next frame would not fit there.
 */
export const RING_HEADER_BYTES = 128;
export const UNIT_BYTES = 16;
export const FRAME_HEADER_BYTES = 16;

/** Indexes of the header's words, as `Int32Array`. */
export const TAIL_WORD = 0;
export const BLOCKED_WORD = 1;
export const OVERTAKEN_WORD = 2;
export const BOUNDARY_WORD = 3;
export const HEAD_WORD = 16;

export const FRAME_PAD = 0;
export const FRAME_BATCH = 1;
export const FRAME_WATERMARK = 2;
export const FRAME_BARRIER = 3;
export const FRAME_END = 4;
/** A watermark, after which nothing follows for a while. */
export const FRAME_IDLE = 5;

/** Makes the memory of a ring. `capacity` is a power of two. */
export function createRing(capacity: number): SharedArrayBuffer {
  return new SharedArrayBuffer(RING_HEADER_BYTES + capacity);
}

export function ringCapacity(ring: SharedArrayBuffer): number {
  return ring.byteLength - RING_HEADER_BYTES;
}

/**
 * Payload bytes of one frame. A quarter of the ring: a pad and a frame together always fit an empty ring, and the
 * sender can fill one frame while the receiver reads another in place.
 */
export function framePayloadMax(capacity: number): number {
  return capacity / 4 - FRAME_HEADER_BYTES;
}

/** Units of a frame with this payload. */
export function frameUnits(payload: number): number {
  return Math.ceil((FRAME_HEADER_BYTES + payload) / UNIT_BYTES);
}
