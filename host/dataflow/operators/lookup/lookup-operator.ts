/**
 * Joins rows with a table outside: each row asks for its key and waits for the answer while others come.
 *
 * L1  At most `capacity` rows and what one batch brings are under way; the task gives no more meanwhile (`full`).
 * L2  A watermark leaves when every row that came before it has left. Rows leave in order, or, unordered, each as it is answered, but
 *     not before a watermark that came before them.
 * L3  Rows that are under way are part of the snapshot, and ask again after a restore: what came before the barrier leaves exactly once,
 *     before it or after.
 */
import assert from 'node:assert';
import { eventTimeAt } from '../../../abi/event-time.ts';
import { keyBytesOf } from '../../../abi/key-bytes.ts';
import { ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import { decodeObject, type RowObject } from '../../../abi/row-object.ts';
import type { Batch } from '../../../model/batch.ts';
import { WATERMARK_MIN_MS } from '../../../model/element.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { CompiledModule } from '../../../sandbox/guest.ts';
import type { LookupSpec } from '../../lookup-spec.ts';
import {
  type AsyncOperator,
  newCounters,
  type OperatorSnapshot,
  type Output,
  type SwappableOperator,
} from '../../operator.ts';
import { GuestPairs } from '../join/join-output.ts';
import { placeIn } from '../join/pair-frames.ts';
import type { GuestOperatorParts } from '../operator-parts.ts';
import { type LookupAnswer, LookupRequests, type LookupWaiter } from './lookup-requests.ts';
import { restoreRows, snapshotRows } from './pending-rows.ts';

const PENDING_STATE = 'pending';

interface PendingRow extends LookupWaiter {
  readonly kind: 'row';
  readonly row: Uint8Array;
}

type Pending = PendingRow | { readonly kind: 'watermark'; readonly timeMs: number };

export type LookupOperator = AsyncOperator & SwappableOperator;

export function createLookupOperator(spec: LookupSpec, parts: GuestOperatorParts): LookupOperator {
  return new LookupJoin(spec, parts);
}

class LookupJoin implements LookupOperator {
  readonly counters = newCounters();
  readonly #spec: LookupSpec;
  readonly #range: KeyGroupRange;
  readonly #keyGroups: number;
  readonly #pairs: GuestPairs;
  readonly #requests: LookupRequests;
  #pending: Pending[] = [];
  #rows = 0;
  #passedMs = WATERMARK_MIN_MS;
  #answered = false;

  constructor(spec: LookupSpec, parts: GuestOperatorParts) {
    const { lookup, context } = parts;
    assert(lookup, `step "${spec.id}" looks rows up, so it needs a table`);
    this.#spec = spec;
    this.#range = context.range;
    this.#keyGroups = context.keyGroups;
    const join = {
      ...spec,
      kind: 'join',
      how: { kind: 'regular', ttlMs: undefined },
      lateRead: { left: false, right: false },
      stamps: { startIndex: undefined, endIndex: undefined },
    } as const;
    this.#pairs = new GuestPairs(join, parts, this.counters);
    this.#requests = new LookupRequests({
      step: spec.id,
      spec: spec.requests,
      table: lookup.table,
      clock: lookup.clock,
      wake: () => {
        this.#answered = true;
        lookup.wake();
      },
    });
  }

  get id(): string {
    return this.#spec.id;
  }

  /** L1 */
  get full(): boolean {
    return this.#rows >= this.#spec.requests.capacity;
  }

  get busy(): boolean {
    return this.#pending.length > 0;
  }

  get passedMs(): number {
    return this.#passedMs;
  }

  get dueMs(): number | undefined {
    return this.#answered ? Number.NEGATIVE_INFINITY : undefined;
  }

  onTime(_nowMs: number, out: Output): void {
    this.#answered = false;
    this.#release(out);
  }

  onBatch(batch: Batch, out: Output): void {
    if (batch.count === 0) return;
    const { counters } = this;
    counters.batches += 1;
    counters.recordsIn += batch.count;
    counters.bytesIn += batch.bytes.length;
    const { view } = placeIn(batch);
    for (let at = 0, row = 0; row < batch.count; row++) {
      const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
      this.#take(batch.bytes.slice(at, at + length));
      at += length;
    }
    this.#requests.send();
    this.#release(out);
  }

  onWatermark(timeMs: number, out: Output): void {
    this.#pending.push({ kind: 'watermark', timeMs });
    this.#release(out);
  }

  /** Comes when nothing is under way any more. */
  onEnd(): void {}

  /** L3 */
  snapshot(): OperatorSnapshot {
    const rows = this.#pending.flatMap((one) => (one.kind === 'row' ? [one.row] : []));
    return { keyed: { [PENDING_STATE]: snapshotRows(rows, this.#range) }, values: null };
  }

  restore({ keyed }: OperatorSnapshot, range: KeyGroupRange): void {
    const pending = keyed[PENDING_STATE];
    if (pending === undefined) return;
    for (const row of restoreRows(pending, range, this.#keyGroups)) this.#take(row);
    this.#requests.send();
  }

  stage(module: CompiledModule): void {
    this.#pairs.stage(module);
  }

  swap(): void {
    this.#pairs.swap();
  }

  unstage(): void {
    this.#pairs.unstage();
  }

  close(): void {
    this.#pairs.unstage();
    // What it throws nobody waits for.
    this.#requests.close().catch(() => {});
  }

  #take(row: Uint8Array): void {
    const view = new DataView(row.buffer, row.byteOffset, row.length);
    view.setUint32(ROW_TAG_OFFSET, 0, true);
    const bytes = keyBytesOf(view, 0, this.#spec.key);
    const name = Buffer.from(bytes).toString('latin1');
    const pending: PendingRow = { kind: 'row', row, answer: undefined };
    this.#pending.push(pending);
    this.#rows += 1;
    this.#requests.ask(name, () => this.#keyOf(row), pending);
  }

  /** The key under the names that the table has for it. */
  #keyOf(row: Uint8Array): RowObject {
    const { input, key, rightKey } = this.#spec;
    const left = decodeObject(input, row, 0);
    return Object.fromEntries(
      key.fields.map(({ name }, i) => [rightKey.fields[i].name, left[name]]),
    );
  }

  /** L2 */
  #release(out: Output): void {
    const { ordered } = this.#spec.requests;
    const left: Pending[] = [];
    for (let i = 0; i < this.#pending.length; i++) {
      const one = this.#pending[i];
      if (one.kind === 'row' && one.answer !== undefined) {
        this.#rows -= 1;
        this.#leave(one.row, one.answer, out);
      } else if (one.kind === 'watermark' && left.length === 0) {
        this.#passedMs = one.timeMs;
      } else if (ordered || one.kind === 'watermark') {
        for (; i < this.#pending.length; i++) left.push(this.#pending[i]);
      } else {
        left.push(one);
      }
    }
    this.#pending = left;
    this.#pairs.flush(out);
  }

  #leave(row: Uint8Array, answer: LookupAnswer, out: Output): void {
    if (answer.kind === 'down') throw answer.error;
    const left = placeIn({ bytes: row, count: 1 });
    if (answer.kind === 'failed') {
      this.#pairs.giveUp({ bytes: row, count: 1 }, answer.error);
      return;
    }
    const timeMs = eventTimeAt(left.view, 0);
    if (answer.rows.count === 0) {
      if (this.#spec.type === 'left') this.#pairs.pair(left, undefined, timeMs, out);
      return;
    }
    const right = placeIn(answer.rows);
    for (let i = 0; i < answer.rows.count; i++) {
      this.#pairs.pair(left, right, timeMs, out);
      right.at += right.view.getUint32(right.at + ROW_LENGTH_OFFSET, true);
    }
  }
}
