import { BatchBuilder } from '../../../abi/batch-builder.ts';
import {
  NO_TIME_HIGH,
  ROW_LENGTH_OFFSET,
  ROW_TAG_OFFSET,
  ROW_TIME_OFFSET,
} from '../../../abi/layout.ts';
import type { Batch } from '../../../model/batch.ts';
import type { WindowBounds } from './window-bounds.ts';

/** Event times beyond this, which is that of `Date`, are none: windows could not be told apart there. */
export const EVENT_TIME_MAX_MS = 8_640_000_000_000_000;

const HIGH = 0x1_0000_0000;
/** Builders kept for the next batches. */
const SPARE_MAX = 16;

/** Rows of one pane, in order. */
export interface PaneRows {
  readonly paneEnd: number;
  readonly rows: Batch;
}

/** Where the rows of a batch belong. Good until the next batch is dealt. */
export interface DealtRows {
  /** By pane, in the order of the first row of each. */
  readonly panes: readonly PaneRows[];
  /** Single rows of panes of which windows have fired, but not the last. */
  readonly behind: readonly PaneRows[];
  /** Rows that no window takes any more, or that have no event time; tags 0. */
  readonly late: Batch;
}

/** Deals the rows of a batch by the pane of their event time. Rows that follow each other in a pane are copied together; a batch of one pane is not copied. */
export class PaneDealer {
  readonly #bounds: WindowBounds;
  readonly #late = new BatchBuilder(64);
  readonly #builders = new Map<number, BatchBuilder>();
  readonly #spare: BatchBuilder[] = [];
  #behind: PaneRows[] = [];
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(bounds: WindowBounds) {
    this.#bounds = bounds;
  }

  /** A pane is behind when a window of it ends at or before `firedMs`, and late when all end at or before `lateMs`, which is not after it. */
  deal(batch: Batch, firedMs: number, lateMs: number): DealtRows {
    this.#clear();
    const { bytes } = batch;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const { paneMs } = this.#bounds;
    let run = 0;
    let paneEnd = Number.NaN;
    for (let at = 0; at < bytes.length; ) {
      const length = this.#view.getUint32(at + ROW_LENGTH_OFFSET, true);
      const timeMs = this.#timeAt(at);
      // False for the first row, and for rows without time.
      if (!(timeMs < paneEnd && timeMs >= paneEnd - paneMs)) {
        const next = Number.isNaN(timeMs) ? Number.NaN : this.#bounds.paneOf(timeMs);
        if (at > 0 && !Object.is(next, paneEnd)) {
          this.#close(bytes, run, at, { paneEnd, firedMs, lateMs });
          run = at;
        }
        paneEnd = next;
      }
      at += length;
    }
    if (run === 0 && this.#isOpen(paneEnd, firedMs)) {
      return { panes: [{ paneEnd, rows: batch }], behind: [], late: this.#late.batch() };
    }
    this.#close(bytes, run, bytes.length, { paneEnd, firedMs, lateMs });
    return this.#dealt();
  }

  #dealt(): DealtRows {
    const panes = [...this.#builders].map(([paneEnd, builder]) => ({
      paneEnd,
      rows: builder.batch(),
    }));
    return { panes, behind: this.#behind, late: this.#late.batch() };
  }

  #isOpen(paneEnd: number, firedMs: number): boolean {
    return this.#bounds.firstWindow(paneEnd) > firedMs;
  }

  /** Puts the rows between `from` and `to`, which are of one pane, where they belong. */
  #close(
    bytes: Uint8Array,
    from: number,
    to: number,
    place: { readonly paneEnd: number; readonly firedMs: number; readonly lateMs: number },
  ): void {
    if (from === to) return;
    const { paneEnd, firedMs, lateMs } = place;
    if (this.#isOpen(paneEnd, firedMs)) {
      this.#append(this.#builderOf(paneEnd), bytes, from, to);
    } else if (this.#bounds.lastWindow(paneEnd) > lateMs) {
      for (let at = from; at < to; ) {
        const end = at + this.#view.getUint32(at + ROW_LENGTH_OFFSET, true);
        this.#behind.push({ paneEnd, rows: { bytes: bytes.slice(at, end), count: 1 } });
        at = end;
      }
    } else {
      for (let at = from; at < to; ) {
        this.#view.setUint32(at + ROW_TAG_OFFSET, 0, true);
        at += this.#view.getUint32(at + ROW_LENGTH_OFFSET, true);
      }
      this.#append(this.#late, bytes, from, to);
    }
  }

  #append(out: BatchBuilder, bytes: Uint8Array, from: number, to: number): void {
    let rows = 0;
    for (let at = from; at < to; rows++) at += this.#view.getUint32(at + ROW_LENGTH_OFFSET, true);
    out.append({ bytes: bytes.subarray(from, to), count: rows });
  }

  #builderOf(paneEnd: number): BatchBuilder {
    const found = this.#builders.get(paneEnd);
    if (found !== undefined) return found;
    const builder = this.#spare.pop() ?? new BatchBuilder(4096);
    this.#builders.set(paneEnd, builder);
    return builder;
  }

  #clear(): void {
    for (const builder of this.#builders.values()) {
      builder.clear();
      if (this.#spare.length < SPARE_MAX) this.#spare.push(builder);
    }
    this.#builders.clear();
    this.#late.clear();
    this.#behind = [];
  }

  /** NaN when the row has none. */
  #timeAt(at: number): number {
    const low = this.#view.getUint32(at + ROW_TIME_OFFSET, true);
    const high = this.#view.getInt32(at + ROW_TIME_OFFSET + 4, true);
    if (high === NO_TIME_HIGH) return Number.NaN;
    const timeMs = high * HIGH + low;
    return Math.abs(timeMs) <= EVENT_TIME_MAX_MS ? timeMs : Number.NaN;
  }
}
