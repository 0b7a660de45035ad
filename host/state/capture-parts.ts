import type { CapturedState, KeyedSnapshot, KeyGroupPiece, StateCapture } from './state-table.ts';

/** Bytes of a buffer that a group's entries go to, at first and at most; a longer run has one of its own. */
const BUFFER_BYTES_MIN = 1 << 10;
const BUFFER_BYTES_MAX = 1 << 16;

/** What has come of one key group. */
interface Gathered {
  /** Full but for the last, of which `used` bytes are. */
  readonly buffers: Uint8Array[];
  used: number;
  length: number;
  entries: number;
}

/** Gathers what a capture hands out, in the order it comes, and puts it together by key group. Every byte is copied once. */
export class CaptureParts {
  readonly #groups = new Map<number, Gathered>();

  /** Takes `bytes` of one group; they may be overwritten afterwards. */
  add(group: number, bytes: Uint8Array, entries: number): void {
    let gathered = this.#groups.get(group);
    if (gathered === undefined) {
      gathered = { buffers: [], used: 0, length: 0, entries: 0 };
      this.#groups.set(group, gathered);
    }
    let buffer = gathered.buffers.at(-1);
    if (buffer === undefined || buffer.length - gathered.used < bytes.length) {
      if (buffer !== undefined) {
        gathered.buffers[gathered.buffers.length - 1] = buffer.subarray(0, gathered.used);
      }
      buffer = new Uint8Array(Math.max(bytes.length, roomFor(gathered.length)));
      gathered.buffers.push(buffer);
      gathered.used = 0;
    }
    buffer.set(bytes, gathered.used);
    gathered.used += bytes.length;
    gathered.length += bytes.length;
    gathered.entries += entries;
  }

  finish(changes: boolean): CapturedState {
    const parts: Uint8Array[] = [];
    const groups: KeyGroupPiece[] = [];
    let offset = 0;
    for (const [group, gathered] of [...this.#groups].sort(([a], [b]) => a - b)) {
      const { buffers, used, length, entries } = gathered;
      for (const [i, buffer] of buffers.entries()) {
        parts.push(i === buffers.length - 1 ? buffer.subarray(0, used) : buffer);
      }
      groups.push({ group, offset, length, entries });
      offset += length;
    }
    return { parts, groups, changes };
  }
}

/** The next buffer of a group that has `length` bytes: as many again, within bounds. */
function roomFor(length: number): number {
  return Math.min(BUFFER_BYTES_MAX, Math.max(BUFFER_BYTES_MIN, length));
}

/** Completes a capture at once, as a snapshot. */
export function completeCapture(capture: StateCapture): KeyedSnapshot {
  for (;;) {
    const captured = capture.proceed(Number.MAX_SAFE_INTEGER);
    if (captured === undefined) continue;
    const { parts, groups, changes } = captured;
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return changes ? { bytes, groups, changes } : { bytes, groups };
  }
}
