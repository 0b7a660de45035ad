/**
 * Broadcast joins: every task keeps the right side whole, so left rows stay where they are. A left row meets at once the right rows
 * that came before it, and waits for none.
 *
 * A1  Every task has got the same right rows before a barrier, so each snapshot holds them all, and one part of a snapshot is enough
 *     to restore a task of any parallelism.
 */
import { eventTimeAt } from '../../../abi/event-time.ts';
import { ROW_HEADER_BYTES, ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import type { RowKernel } from '../../../abi/row-kernel.ts';
import type { Batch } from '../../../model/batch.ts';
import type { JoinSpec } from '../../join-spec.ts';
import type { Output } from '../../operator.ts';
import type { OperatorParts } from '../operator-parts.ts';
import type { JoinCore, Side } from './join-core.ts';
import type { JoinOutput } from './join-output.ts';
import { placeIn, type RowPlace } from './pair-frames.ts';
import { GONE, NEVER, RIGHT } from './row-list-layout.ts';
import { RowLists } from './row-lists.ts';

const TABLE_STATE = 'table';

export function createBroadcastJoin(
  spec: JoinSpec,
  parts: OperatorParts,
  output: JoinOutput,
): JoinCore {
  return new BroadcastJoin(spec, parts, output);
}

class BroadcastJoin implements JoinCore {
  readonly #spec: JoinSpec;
  readonly #latest: boolean;
  readonly #output: JoinOutput;
  readonly #kernel: RowKernel;
  readonly #lists: RowLists;
  #flags = new Uint8Array(1024);
  /** By ordinal: the last row of the batch. */
  #lastRow = new Uint32Array(1024);
  #restored = false;

  constructor(spec: JoinSpec, parts: OperatorParts, output: JoinOutput) {
    this.#spec = spec;
    this.#latest = spec.how.kind === 'broadcast' && spec.how.keep === 'latest';
    this.#output = output;
    this.#kernel = parts.kernel;
    const range = { start: 0, end: parts.context.keyGroups };
    this.#lists = new RowLists({ step: spec.id, range, expiryOf: () => NEVER }, parts);
  }

  get entries(): number {
    return this.#lists.entries;
  }

  get bytes(): number {
    return this.#lists.bytes;
  }

  isLate(): boolean {
    return false;
  }

  onRows(rows: Batch, side: Side, out: Output): void {
    const key = side === 0 ? this.#spec.key : this.#spec.rightKey;
    // Neither input comes over a keyed edge.
    this.#kernel.hashKeys(rows, key);
    this.#lists.load(rows, key);
    if (side === 0) this.#probe(rows, out);
    else this.#keep(rows);
  }

  onWatermark(): void {}

  restoreWatermark(): void {}

  snapshot() {
    return { [TABLE_STATE]: this.#lists.snapshot() };
  }

  /** A1: a part stands for itself. */
  capture() {
    return this.snapshot();
  }

  restore(keyed: Parameters<JoinCore['restore']>[0]): void {
    const table = keyed[TABLE_STATE];
    if (table === undefined || this.#restored) return;
    this.#restored = true;
    this.#lists.restore(table);
  }

  close(): void {
    this.#lists.close();
  }

  #probe(rows: Batch, out: Output): void {
    const left = placeIn(rows);
    const { view } = left;
    for (let row = 0; row < rows.count; row++) {
      this.#meet(left, out);
      left.at += view.getUint32(left.at + ROW_LENGTH_OFFSET, true);
    }
  }

  #meet(left: RowPlace, out: Output): void {
    const { type } = this.#spec;
    const timeMs = eventTimeAt(left.view, left.at);
    const start = this.#lists.startOf(left.view.getUint32(left.at + ROW_TAG_OFFSET, true));
    if (start < 0 || type === 'semi') {
      const alone = start < 0 ? type === 'left' || type === 'anti' : type === 'semi';
      if (alone) this.#output.pair(left, undefined, timeMs, out);
      return;
    }
    if (type === 'anti') return;
    const right = placeIn(this.#lists.lists.batch());
    const { view } = right;
    const end = start + view.getUint32(start + ROW_LENGTH_OFFSET, true);
    for (right.at = start + ROW_HEADER_BYTES; right.at < end; ) {
      this.#output.pair(left, right, timeMs, out);
      right.at += view.getUint32(right.at + ROW_LENGTH_OFFSET, true);
    }
  }

  #keep(rows: Batch): void {
    if (this.#flags.length < rows.count) {
      this.#flags = new Uint8Array(rows.count * 2);
      this.#lastRow = new Uint32Array(rows.count * 2);
    }
    this.#flags.fill(RIGHT, 0, rows.count);
    if (this.#latest) this.#replace(rows);
    this.#lists.store(rows, this.#spec.rightKey, this.#flags);
  }

  /** Of each key the last row of the batch takes the place of all before. */
  #replace(rows: Batch): void {
    const { view } = placeIn(rows);
    for (let at = 0, row = 0; row < rows.count; row++) {
      this.#lastRow[view.getUint32(at + ROW_TAG_OFFSET, true)] = row;
      at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
    }
    const { view: kept } = this.#lists.lists;
    for (let at = 0, row = 0; row < rows.count; row++) {
      const ordinal = view.getUint32(at + ROW_TAG_OFFSET, true);
      const start = this.#lists.startOf(ordinal);
      if (this.#lastRow[ordinal] !== row) this.#flags[row] = GONE;
      else if (start >= 0) {
        // Of such a list there is one row.
        kept.setUint32(start + ROW_HEADER_BYTES + ROW_TAG_OFFSET, RIGHT | GONE, true);
        this.#lists.touch(ordinal);
      }
      at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
    }
  }
}
