import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { createKeyRows, type KeyRows } from '../../../abi/key-row.ts';
import { align8, ROW_TAG_OFFSET, ROW_TIME_OFFSET } from '../../../abi/layout.ts';
import { BATCH_BYTES_TARGET, STATE_BYTES_MAX } from '../../../limits.ts';
import type { Batch } from '../../../model/batch.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import {
  DELETE_EVENT_TIMER,
  DELETE_PROCESSING_TIMER,
  SET_PROCESSING_TIMER,
  TIMER_OPERATION_BYTES,
} from '../../../sandbox/process-call.ts';
import { createTimerTable } from '../../../state/create-timer-table.ts';
import type { KeyedSnapshot } from '../../../state/state-table.ts';
import { appendTimer, DELETE_TIMER, readTime, SET_TIMER } from '../../../state/timer-entry.ts';
import type { TimerTable } from '../../../state/timer-table.ts';
import type { ProcessSpec } from '../../process-spec.ts';
import type { OperatorParts } from '../operator-parts.ts';
import type { CallKeys } from './call-keys.ts';

const ENTRY_HEADER_BYTES = 16;
export const EVENT_TIMERS = 'timers';
export const PROCESSING_TIMERS = 'processing-timers';

export type TimerKind = 'event' | 'processing';

/** The timers of a process function, of both kinds of time. */
export class ProcessTimers {
  readonly #tables: Readonly<Record<TimerKind, TimerTable>>;
  readonly #changes: Readonly<Record<TimerKind, BatchBuilder>>;
  readonly #keyRows: KeyRows;
  readonly #popped = new BatchBuilder(BATCH_BYTES_TARGET);
  readonly #rows = new BatchBuilder(BATCH_BYTES_TARGET);

  constructor(spec: ProcessSpec, { context, createTimerTable: create }: OperatorParts) {
    const make = create ?? createTimerTable;
    const options = { keyGroups: context.keyGroups, bytesMax: STATE_BYTES_MAX };
    this.#tables = { event: make(options), processing: make(options) };
    this.#changes = { event: new BatchBuilder(1024), processing: new BatchBuilder(1024) };
    this.#keyRows = createKeyRows(spec.input, spec.key);
  }

  nextMs(kind: TimerKind): number | undefined {
    return this.#tables[kind].nextMs;
  }

  /** Timers set. */
  get entries(): number {
    return this.#tables.event.entries + this.#tables.processing.entries;
  }

  get bytes(): number {
    return this.#tables.event.bytes + this.#tables.processing.bytes;
  }

  pending(kind: TimerKind): number {
    return this.#tables[kind].entries;
  }

  /** Does what a call asked for: operations in order. */
  accept(operations: Uint8Array, keys: CallKeys): void {
    if (operations.length === 0) return;
    const { buffer, byteOffset, length } = operations;
    const view = new DataView(buffer, byteOffset, length);
    for (let at = 0; at < length; at += TIMER_OPERATION_BYTES) {
      const operation = view.getUint32(at + 4, true);
      const timeMs = clamp(readTime(view, at + 8));
      const kind = operation >= SET_PROCESSING_TIMER ? 'processing' : 'event';
      const deletes = operation === DELETE_EVENT_TIMER || operation === DELETE_PROCESSING_TIMER;
      const change = deletes ? DELETE_TIMER : SET_TIMER;
      appendTimer(this.#changes[kind], timeMs, keys.of(view.getUint32(at, true)), change);
    }
    for (const kind of ['event', 'processing'] as const) {
      if (this.#changes[kind].length > 0)
        this.#tables[kind].update(this.#changes[kind].batch().bytes);
      this.#changes[kind].clear();
    }
  }

  /**
   * Takes timers that are due, at most `max`, as rows of the first input with their key set: hash in the tag, time as event time. Good
   * until the next `take`.
   */
  take(kind: TimerKind, untilMs: number, max: number): Batch {
    this.#popped.clear();
    this.#rows.clear();
    this.#tables[kind].pop(untilMs, max, this.#popped);
    const { bytes, view, length } = this.#popped;
    for (let at = 0; at < length; ) {
      const keyBytes = view.getUint32(at + 4, true);
      const time = at + ENTRY_HEADER_BYTES + align8(keyBytes) + ROW_TIME_OFFSET;
      const row = this.#keyRows.append(this.#rows, bytes, at + ENTRY_HEADER_BYTES, keyBytes);
      this.#rows.view.setUint32(row + ROW_TAG_OFFSET, view.getUint32(at, true), true);
      this.#rows.view.setUint32(row + ROW_TIME_OFFSET, view.getUint32(time, true), true);
      this.#rows.view.setUint32(row + ROW_TIME_OFFSET + 4, view.getUint32(time + 4, true), true);
      at = time + 8;
    }
    return this.#rows.batch();
  }

  /** Sets the timers taken last again, but for the first `count`. */
  putBack(kind: TimerKind, count: number): void {
    const { view, length } = this.#popped;
    let at = 0;
    for (let i = 0; i < count; i++) {
      at += ENTRY_HEADER_BYTES + align8(view.getUint32(at + 4, true)) + 16;
    }
    this.#tables[kind].update(this.#popped.bytes.subarray(at, length));
  }

  /** Forgets all timers of a kind. */
  drop(kind: TimerKind): void {
    while (this.#tables[kind].pop(Number.MAX_SAFE_INTEGER, 4096, this.#popped) > 0) {
      this.#popped.clear();
    }
    this.#popped.clear();
  }

  snapshot(): { readonly [state: string]: KeyedSnapshot } {
    return {
      [EVENT_TIMERS]: this.#tables.event.snapshot(),
      [PROCESSING_TIMERS]: this.#tables.processing.snapshot(),
    };
  }

  restore(keyed: { readonly [state: string]: KeyedSnapshot }, range: KeyGroupRange): void {
    const restore = (kind: TimerKind, name: string) => {
      if (Object.hasOwn(keyed, name)) this.#tables[kind].restore(keyed[name], range);
    };
    restore('event', EVENT_TIMERS);
    restore('processing', PROCESSING_TIMERS);
  }

  close(): void {
    this.#tables.event.close();
    this.#tables.processing.close();
  }
}

/** A guest's times may be any; what is beyond safe integers is at the end of all times, in either direction. */
function clamp(timeMs: number): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, timeMs));
}
