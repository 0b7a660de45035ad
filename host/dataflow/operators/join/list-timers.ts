import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { keyBytesOf } from '../../../abi/key-bytes.ts';
import { hashKey } from '../../../abi/key-hash.ts';
import { align8 } from '../../../abi/layout.ts';
import { STATE_BYTES_MAX } from '../../../limits.ts';
import type { Batch } from '../../../model/batch.ts';
import type { KeySpec } from '../../../model/key-spec.ts';
import { createTimerTable } from '../../../state/create-timer-table.ts';
import { appendTimer } from '../../../state/timer-entry.ts';
import type { TimerTable } from '../../../state/timer-table.ts';
import { NEVER } from './row-list-layout.ts';
import { ENTRY_HEADER_BYTES } from './table-keys.ts';

/** Timers that are taken at once. */
const TIMERS_AT_ONCE = 4096;

/** When lists of rows are to be looked at again, by key. Timers are set when `settle` is called. */
export class ListTimers {
  readonly #timers: TimerTable;
  readonly #set = new BatchBuilder();
  readonly #taken = new BatchBuilder();

  constructor(keyGroups: number) {
    this.#timers = createTimerTable({ keyGroups, bytesMax: STATE_BYTES_MAX });
  }

  get nextMs(): number {
    return this.#timers.nextMs ?? NEVER;
  }

  /** A timer for the key of the row at `at`. */
  setForRow(timeMs: number, view: DataView, at: number, key: KeySpec): void {
    const bytes = keyBytesOf(view, at, key);
    appendTimer(this.#set, timeMs, { hash: hashKey(bytes), key: bytes });
  }

  /** Timers for the keys of entries whose `timeOf` is not `NEVER`; it is given where the entry and its state are. */
  setForEntries(
    { bytes, count }: Batch,
    timeOf: (view: DataView, entry: number, state: number) => number,
  ): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0, entry = 0; entry < count; entry++) {
      const from = at + ENTRY_HEADER_BYTES;
      const keyBytes = view.getUint32(at + 4, true);
      const state = from + align8(keyBytes);
      const timeMs = timeOf(view, at, state);
      if (timeMs < NEVER) {
        const key = bytes.subarray(from, from + keyBytes);
        appendTimer(this.#set, timeMs, { hash: view.getUint32(at, true), key });
      }
      at = state + view.getUint32(at + 8, true);
    }
  }

  settle(): void {
    if (this.#set.count > 0) this.#timers.update(this.#set.batch().bytes);
    this.#set.clear();
  }

  /** Some of the timers at or before `untilMs`, the earliest first, as entries; they are gone then. */
  take(untilMs: number): Batch {
    this.#taken.clear();
    this.#timers.pop(untilMs, TIMERS_AT_ONCE, this.#taken);
    return this.#taken.batch();
  }

  close(): void {
    this.#timers.close();
  }
}
