/**
 * Interval and regular joins: each row is paired with the rows of the other side that are kept, and is kept itself as long as partners
 * may come. A row that finds none leaves alone when that is certain, and once.
 *
 * B1  Which pairs are made depends on rows and watermarks alone, not on when a list is cleaned up.
 * B2  A row is `MATCHED` from its first pair on; of `semi` and `anti`, left rows are kept until then only.
 * B3  A row that leaves alone has the time at which that was certain for its event time: later than every watermark that was passed
 *     on before, so it is late nowhere.
 */
import { eventTimeAt } from '../../../abi/event-time.ts';
import { ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import { type Batch, EMPTY_BATCH } from '../../../model/batch.ts';
import { WATERMARK_MAX_MS, WATERMARK_MIN_MS } from '../../../model/element.ts';
import { type JoinSpec, keepsUnmatched } from '../../join-spec.ts';
import type { Output } from '../../operator.ts';
import type { OperatorParts } from '../operator-parts.ts';
import type { JoinCore, Side } from './join-core.ts';
import type { JoinOutput } from './join-output.ts';
import { placeIn, type RowPlace } from './pair-frames.ts';
import { GONE, MATCHED, NEVER, RIGHT } from './row-list-layout.ts';
import { RowLists } from './row-lists.ts';

/** Rows that nobody waits for may be kept for this part of their time longer, so that lists are not cleaned up for each row. */
const SLACK_PARTS = 16;
const ROWS_STATE = 'rows';

export function createBufferedJoin(
  spec: JoinSpec,
  parts: OperatorParts,
  output: JoinOutput,
): JoinCore {
  return new BufferedJoin(spec, parts, output);
}

class BufferedJoin implements JoinCore {
  readonly #spec: JoinSpec;
  readonly #output: JoinOutput;
  readonly #lists: RowLists;
  /** Milliseconds after its event time when a row of each side can have no partner any more. */
  readonly #keptMs: readonly [number, number];
  readonly #lowerMs: number;
  readonly #upperMs: number;
  /** Whether a row of each side without a partner is put out. */
  readonly #alone: readonly [boolean, boolean];
  /** Pairs are made; else left rows are passed on. */
  readonly #pairs: boolean;
  #flags = new Uint8Array(1024);
  /** A place in the lists that are loaded. */
  #kept = placeIn(EMPTY_BATCH);
  #watermarkMs = WATERMARK_MIN_MS;

  constructor(spec: JoinSpec, parts: OperatorParts, output: JoinOutput) {
    const { how, type } = spec;
    this.#spec = spec;
    this.#output = output;
    this.#pairs = type !== 'semi' && type !== 'anti';
    this.#alone = [keepsUnmatched(type, 0), keepsUnmatched(type, 1)];
    const interval = how.kind === 'interval' ? how : undefined;
    this.#lowerMs = interval?.lowerMs ?? Number.NEGATIVE_INFINITY;
    this.#upperMs = interval?.upperMs ?? Number.POSITIVE_INFINITY;
    const ttlMs = (how.kind === 'regular' ? how.ttlMs : undefined) ?? NEVER;
    this.#keptMs = interval === undefined ? [ttlMs, ttlMs] : [this.#upperMs, -this.#lowerMs];
    const span = interval === undefined ? ttlMs : this.#upperMs - this.#lowerMs;
    const slackMs = span === NEVER ? 1 : Math.max(1, Math.floor(span / SLACK_PARTS));
    const { range } = parts.context;
    this.#lists = new RowLists(
      {
        step: spec.id,
        range,
        expiryOf: (flags, timeMs) => {
          const expiry = this.#expiry((flags & RIGHT) as Side, timeMs);
          const waited = this.#alone[flags & RIGHT] && (flags & MATCHED) === 0;
          return waited || expiry === NEVER ? expiry : Math.ceil(expiry / slackMs) * slackMs;
        },
      },
      parts,
    );
  }

  get entries(): number {
    return this.#lists.entries;
  }

  get bytes(): number {
    return this.#lists.bytes;
  }

  isLate(_side: Side, timeMs: number): boolean {
    return this.#spec.how.kind === 'interval' && timeMs <= this.#watermarkMs;
  }

  onRows(rows: Batch, side: Side, out: Output): void {
    const key = side === 0 ? this.#spec.key : this.#spec.rightKey;
    if (this.#flags.length < rows.count) this.#flags = new Uint8Array(rows.count * 2);
    this.#lists.load(rows, key);
    this.#kept = placeIn(this.#lists.lists.batch());
    const own = placeIn(rows);
    const { view } = own;
    for (let row = 0; row < rows.count; row++) {
      const matched = this.#findPartners(own, side, out);
      this.#flags[row] = this.#fate(own, side, matched, out);
      own.at += view.getUint32(own.at + ROW_LENGTH_OFFSET, true);
    }
    this.#lists.store(rows, key, this.#flags);
  }

  onWatermark(timeMs: number, out: Output): void {
    if (timeMs === WATERMARK_MAX_MS) {
      this.#finish(out);
      return;
    }
    this.#lists.expire(timeMs, (row) => {
      this.#giveUp(row, out);
      return GONE;
    });
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

  /** Makes the pairs of a row with kept ones, in the order in which these came; whether there were any. */
  #findPartners(own: RowPlace, side: Side, out: Output): boolean {
    const ordinal = own.view.getUint32(own.at + ROW_TAG_OFFSET, true);
    const sides = this.#lists.sidesOf(ordinal);
    const end = sides.end(ordinal, 1 - side);
    const timeMs = eventTimeAt(own.view, own.at);
    const other = this.#kept;
    const { view } = other;
    let matched = false;
    for (let i = sides.begin(ordinal, 1 - side); i < end; i++) {
      const at = sides.offsets[i];
      const flags = view.getUint32(at + ROW_TAG_OFFSET, true);
      const otherMs = eventTimeAt(view, at);
      if ((flags & GONE) !== 0 || !this.#fit(side, timeMs, otherMs)) continue;
      matched = true;
      other.at = at;
      const pairMs = Math.max(timeMs, otherMs);
      if (this.#pairs) {
        if (side === 0) this.#output.pair(own, other, pairMs, out);
        else this.#output.pair(other, own, pairMs, out);
        if ((flags & MATCHED) === 0 && this.#alone[1 - side]) this.#mark(at, ordinal, MATCHED);
        continue;
      }
      const left = side === 0 ? own : other;
      if (this.#spec.type === 'semi') this.#output.pair(left, undefined, pairMs, out);
      if (side === 0) return true;
      // B2
      this.#mark(at, ordinal, GONE);
    }
    return matched;
  }

  /** B1: whether a row that comes and one that is kept are partners. */
  #fit(side: Side, timeMs: number, otherMs: number): boolean {
    if (this.#spec.how.kind === 'interval') {
      const distance = side === 0 ? otherMs - timeMs : timeMs - otherMs;
      return distance >= this.#lowerMs && distance <= this.#upperMs;
    }
    return this.#expiry((1 - side) as Side, otherMs) > this.#watermarkMs;
  }

  #mark(at: number, ordinal: number, flag: number): void {
    const { view } = this.#lists.lists;
    view.setUint32(at + ROW_TAG_OFFSET, view.getUint32(at + ROW_TAG_OFFSET, true) | flag, true);
    this.#lists.touch(ordinal);
  }

  /** The flags that a row is kept with; a row for which no partner can come any more is not kept. */
  #fate(own: RowPlace, side: Side, matched: boolean, out: Output): number {
    if (matched && !this.#pairs && side === 0) return GONE;
    const timeMs = eventTimeAt(own.view, own.at);
    const expiry = this.#expiry(side, timeMs);
    if (expiry <= this.#watermarkMs) {
      // B3
      const leftMs = Math.max(timeMs, this.#watermarkMs + 1);
      if (!matched && this.#alone[side]) this.#leave(own, side, leftMs, out);
      return GONE;
    }
    return (side === 0 ? 0 : RIGHT) | (matched ? MATCHED : 0);
  }

  #expiry(side: Side, timeMs: number): number {
    const keptMs = this.#keptMs[side];
    if (timeMs === WATERMARK_MIN_MS || keptMs === NEVER) return NEVER;
    const expiry = timeMs + keptMs;
    return Number.isSafeInteger(expiry) ? expiry : NEVER;
  }

  #giveUp(row: RowPlace, out: Output): void {
    const side = this.#sideAlone(row);
    if (side === undefined) return;
    const timeMs = eventTimeAt(row.view, row.at);
    this.#leave(row, side, Math.max(timeMs, this.#expiry(side, timeMs)), out);
  }

  /** The input ends: rows without a partner leave, all of them stay for those who go on from here with more input. */
  #finish(out: Output): void {
    if (!this.#alone[0] && !this.#alone[1]) return;
    this.#lists.visitAll((row) => {
      const side = this.#sideAlone(row);
      if (side === undefined) return false;
      this.#leave(row, side, this.#lastMs(side, eventTimeAt(row.view, row.at)), out);
      return true;
    });
  }

  /** The side of a kept row that leaves alone when it is given up; undefined = it does not. */
  #sideAlone({ view, at }: RowPlace): Side | undefined {
    const flags = view.getUint32(at + ROW_TAG_OFFSET, true);
    const side = (flags & RIGHT) as Side;
    return (flags & MATCHED) === 0 && this.#alone[side] ? side : undefined;
  }

  /** B3, at the end of the input. */
  #lastMs(side: Side, timeMs: number): number {
    const expiry = this.#expiry(side, timeMs);
    if (expiry !== NEVER) return Math.max(timeMs, expiry);
    if (timeMs === WATERMARK_MIN_MS) return timeMs;
    return Math.max(timeMs, this.#watermarkMs + 1);
  }

  #leave(row: RowPlace, side: Side, timeMs: number, out: Output): void {
    if (side === 0) this.#output.pair(row, undefined, timeMs, out);
    else this.#output.pair(undefined, row, timeMs, out);
  }
}
