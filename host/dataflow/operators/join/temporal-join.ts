/**
 * Temporal joins: the right side is a table that changes, each row a new version of its key from its event time on. A left row waits
 * until the watermark has reached it and meets the version of its own time.
 *
 * V1  The version of a time is the one with the latest event time not after it; of equal ones the one that came last.
 * V2  Of the versions that the watermark has passed only the last is kept: left rows that come later are later than it. A version that
 *     comes late holds for the left rows still to come.
 */
import { eventTimeAt } from '../../../abi/event-time.ts';
import { ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import type { Batch } from '../../../model/batch.ts';
import { WATERMARK_MAX_MS, WATERMARK_MIN_MS } from '../../../model/element.ts';
import type { JoinSpec } from '../../join-spec.ts';
import type { Output } from '../../operator.ts';
import type { OperatorParts } from '../operator-parts.ts';
import type { JoinCore, Side } from './join-core.ts';
import type { JoinOutput } from './join-output.ts';
import { placeIn, type RowPlace } from './pair-frames.ts';
import { GONE, NEVER, RIGHT } from './row-list-layout.ts';
import { RowLists } from './row-lists.ts';

const ROWS_STATE = 'rows';

export function createTemporalJoin(
  spec: JoinSpec,
  parts: OperatorParts,
  output: JoinOutput,
): JoinCore {
  return new TemporalJoin(spec, parts, output);
}

class TemporalJoin implements JoinCore {
  readonly #spec: JoinSpec;
  readonly #output: JoinOutput;
  readonly #lists: RowLists;
  #flags = new Uint8Array(1024);
  #watermarkMs = WATERMARK_MIN_MS;

  constructor(spec: JoinSpec, parts: OperatorParts, output: JoinOutput) {
    this.#spec = spec;
    this.#output = output;
    const expiryOf = (flags: number, timeMs: number) => ((flags & RIGHT) === 0 ? timeMs : NEVER);
    const { range } = parts.context;
    this.#lists = new RowLists({ step: spec.id, range, expiryOf }, parts);
  }

  get entries(): number {
    return this.#lists.entries;
  }

  get bytes(): number {
    return this.#lists.bytes;
  }

  isLate(side: Side, timeMs: number): boolean {
    return side === 0 && timeMs <= this.#watermarkMs;
  }

  onRows(rows: Batch, side: Side): void {
    const key = side === 0 ? this.#spec.key : this.#spec.rightKey;
    if (this.#flags.length < rows.count) this.#flags = new Uint8Array(rows.count * 2);
    this.#flags.fill(side === 0 ? 0 : RIGHT, 0, rows.count);
    this.#lists.load(rows, key);
    if (side === 1) this.#forgetVersionsOf(rows);
    this.#lists.store(rows, key, this.#flags);
  }

  onWatermark(timeMs: number, out: Output): void {
    // Before the rows are visited: what the watermark passes is forgotten with them.
    if (timeMs !== WATERMARK_MAX_MS) this.#watermarkMs = timeMs;
    const version = placeIn({ bytes: new Uint8Array(0), count: 0 });
    this.#lists.expire(timeMs, (left, ordinal) => {
      const at = this.#versionAt(left, ordinal);
      version.bytes = left.bytes;
      version.view = left.view;
      version.at = at;
      this.#meet(left, at < 0 ? undefined : version, out);
      this.#forgetVersions(ordinal);
      return GONE;
    });
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

  #meet(left: RowPlace, version: RowPlace | undefined, out: Output): void {
    const { type } = this.#spec;
    const timeMs = eventTimeAt(left.view, left.at);
    if (type === 'semi' || type === 'anti') {
      const wanted = (version !== undefined) === (type === 'semi');
      if (wanted) this.#output.pair(left, undefined, timeMs, out);
    } else if (version !== undefined || type === 'left') {
      this.#output.pair(left, version, timeMs, out);
    }
  }

  /** V1: where the version is, -1 = there is none. Those forgotten on behalf of this watermark are still to be seen. */
  #versionAt(left: RowPlace, ordinal: number): number {
    const { view } = left;
    const timeMs = eventTimeAt(view, left.at);
    const sides = this.#lists.sidesOf(ordinal);
    const end = sides.end(ordinal, RIGHT);
    let found = -1;
    let foundMs = Number.NEGATIVE_INFINITY;
    for (let i = sides.begin(ordinal, RIGHT); i < end; i++) {
      const at = sides.offsets[i];
      const versionMs = eventTimeAt(view, at);
      if (versionMs <= timeMs && versionMs >= foundMs) {
        found = at;
        foundMs = versionMs;
      }
    }
    return found;
  }

  #forgetVersionsOf(rows: Batch): void {
    const { view } = placeIn(rows);
    for (let at = 0, row = 0; row < rows.count; row++) {
      this.#forgetVersions(view.getUint32(at + ROW_TAG_OFFSET, true));
      at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
    }
  }

  /** V2, in the list of a key. */
  #forgetVersions(ordinal: number): void {
    const { view } = this.#lists.lists;
    const sides = this.#lists.sidesOf(ordinal);
    const end = sides.end(ordinal, RIGHT);
    let last = -1;
    let lastMs = Number.NEGATIVE_INFINITY;
    for (let i = sides.begin(ordinal, RIGHT); i < end; i++) {
      const at = sides.offsets[i];
      const versionMs = eventTimeAt(view, at);
      const isGone = (view.getUint32(at + ROW_TAG_OFFSET, true) & GONE) !== 0;
      if (isGone || versionMs > this.#watermarkMs) continue;
      const older = versionMs >= lastMs ? last : at;
      if (older >= 0) this.#forget(older, ordinal);
      if (older === at) continue;
      last = at;
      lastMs = versionMs;
    }
  }

  #forget(at: number, ordinal: number): void {
    const { view } = this.#lists.lists;
    view.setUint32(at + ROW_TAG_OFFSET, view.getUint32(at + ROW_TAG_OFFSET, true) | GONE, true);
    this.#lists.touch(ordinal);
  }
}
