/**
 * Windowed joins: rows of a key in the same window are partners. When the watermark passes the end of a window its pairs leave, and its
 * rows without a partner, all with the window's last millisecond for their event time. A row is kept once, whatever the number of its
 * windows.
 *
 * W1  The flags of a row hold how many of its windows have fired; its time is up when the next one does. Windows that have fired
 *     before it comes count as well: it is in those that are left, and late when there is none.
 * W2  Windows fire in the order of their ends, each for all keys: when one does, all rows in it are there.
 */
import { eventTimeAt } from '../../../abi/event-time.ts';
import { ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import type { Batch } from '../../../model/batch.ts';
import { WATERMARK_MIN_MS } from '../../../model/element.ts';
import { type JoinHow, type JoinSpec, keepsUnmatched } from '../../join-spec.ts';
import type { Output } from '../../operator.ts';
import type { OperatorParts } from '../operator-parts.ts';
import type { JoinCore, Side } from './join-core.ts';
import type { JoinOutput } from './join-output.ts';
import { placeIn, type RowPlace } from './pair-frames.ts';
import { GONE, RIGHT } from './row-list-layout.ts';
import { RowLists } from './row-lists.ts';

const ROWS_STATE = 'rows';
/** One window that has fired, in the flags of a row. */
const FIRED = 8;

type Windows = Extract<JoinHow, { readonly kind: 'window' }>['window'];

export function createWindowJoin(
  spec: JoinSpec & { readonly how: Extract<JoinHow, { readonly kind: 'window' }> },
  parts: OperatorParts,
  output: JoinOutput,
): JoinCore {
  return new WindowJoin(spec, parts, output);
}

class WindowJoin implements JoinCore {
  readonly #spec: JoinSpec;
  readonly #windows: Windows;
  readonly #output: JoinOutput;
  readonly #lists: RowLists;
  #flags = new Uint32Array(1024);
  #watermarkMs = WATERMARK_MIN_MS;

  constructor(
    spec: JoinSpec & { readonly how: Extract<JoinHow, { readonly kind: 'window' }> },
    parts: OperatorParts,
    output: JoinOutput,
  ) {
    this.#spec = spec;
    this.#windows = spec.how.window;
    this.#output = output;
    const { range } = parts.context;
    const expiryOf = (flags: number, timeMs: number) => this.#endOf(flags, timeMs) - 1;
    this.#lists = new RowLists({ step: spec.id, range, expiryOf }, parts);
  }

  get entries(): number {
    return this.#lists.entries;
  }

  get bytes(): number {
    return this.#lists.bytes;
  }

  /** W1 */
  isLate(_side: Side, timeMs: number): boolean {
    return timeMs === WATERMARK_MIN_MS || this.#lastEnd(timeMs) - 1 <= this.#watermarkMs;
  }

  onRows(rows: Batch, side: Side): void {
    const key = side === 0 ? this.#spec.key : this.#spec.rightKey;
    if (this.#flags.length < rows.count) this.#flags = new Uint32Array(rows.count * 2);
    this.#lists.load(rows, key);
    const { view } = placeIn(rows);
    for (let at = 0, row = 0; row < rows.count; row++) {
      const fired = this.#firedWindows(eventTimeAt(view, at));
      this.#flags[row] = (side === 0 ? 0 : RIGHT) + FIRED * fired;
      at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
    }
    this.#lists.store(rows, key, this.#flags);
  }

  onWatermark(timeMs: number, out: Output): void {
    const { sizeMs } = this.#windows;
    // W2
    for (let next = this.#lists.nextMs; next <= timeMs; next = this.#lists.nextMs) {
      const endMs = next + 1;
      this.#output.window(endMs - sizeMs, endMs);
      this.#lists.expire(next, (row, ordinal) => this.#fire(row, ordinal, endMs, out));
      this.#output.flush(out);
    }
    this.#watermarkMs = timeMs;
  }

  restoreWatermark(timeMs: number): void {
    this.#watermarkMs = timeMs;
  }

  snapshot() {
    return { [ROWS_STATE]: this.#lists.snapshot() };
  }

  capture(changes: boolean) {
    return { [ROWS_STATE]: this.#lists.capture(changes) };
  }

  restore(keyed: Parameters<JoinCore['restore']>[0]): void {
    if (keyed[ROWS_STATE] !== undefined) this.#lists.restore(keyed[ROWS_STATE]);
  }

  close(): void {
    this.#lists.close();
  }

  /** What a row does when a window of it fires; its flags from then on. */
  #fire(row: RowPlace, ordinal: number, endMs: number, out: Output): number {
    const flags = row.view.getUint32(row.at + ROW_TAG_OFFSET, true);
    const side = (flags & RIGHT) as Side;
    const { type } = this.#spec;
    const matched = this.#meet(row, ordinal, endMs, out);
    if (side === 0 && matched && type === 'semi') {
      this.#output.pair(row, undefined, endMs - 1, out);
    } else if (!matched && keepsUnmatched(type, side)) {
      if (side === 0) this.#output.pair(row, undefined, endMs - 1, out);
      else this.#output.pair(undefined, row, endMs - 1, out);
    }
    const last = endMs >= this.#lastEnd(eventTimeAt(row.view, row.at));
    return last ? flags | GONE : flags + FIRED;
  }

  /** Makes the pairs of a left row; of a right one, only says whether there are any. */
  #meet(row: RowPlace, ordinal: number, endMs: number, out: Output): boolean {
    const { view } = row;
    const side = view.getUint32(row.at + ROW_TAG_OFFSET, true) & RIGHT;
    const pairs = side === 0 && this.#spec.function !== undefined;
    const startMs = endMs - this.#windows.sizeMs;
    const sides = this.#lists.sidesOf(ordinal);
    const end = sides.end(ordinal, 1 - side);
    const other = { bytes: row.bytes, view, at: 0 };
    let matched = false;
    for (let i = sides.begin(ordinal, 1 - side); i < end; i++) {
      other.at = sides.offsets[i];
      const timeMs = eventTimeAt(view, other.at);
      if (timeMs < startMs || timeMs >= endMs) continue;
      matched = true;
      if (!pairs) return true;
      this.#output.pair(row, other, endMs - 1, out);
    }
    return matched;
  }

  #firedWindows(timeMs: number): number {
    const first = this.#firstEnd(timeMs);
    if (first - 1 > this.#watermarkMs) return 0;
    return Math.floor((this.#watermarkMs + 1 - first) / this.#windows.everyMs) + 1;
  }

  #endOf(flags: number, timeMs: number): number {
    return this.#firstEnd(timeMs) + Math.floor(flags / FIRED) * this.#windows.everyMs;
  }

  /** Ends of the first and the last window that a time is in. */
  #firstEnd(timeMs: number): number {
    const { sizeMs, everyMs, offsetMs } = this.#windows;
    return (Math.floor((timeMs - sizeMs - offsetMs) / everyMs) + 1) * everyMs + offsetMs + sizeMs;
  }

  #lastEnd(timeMs: number): number {
    const { sizeMs, everyMs, offsetMs } = this.#windows;
    return Math.floor((timeMs - offsetMs) / everyMs) * everyMs + offsetMs + sizeMs;
  }
}
