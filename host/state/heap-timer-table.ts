import assert from 'node:assert';
import type { BatchBuilder } from '../abi/batch-builder.ts';
import { ROW_HEADER_BYTES } from '../abi/layout.ts';
import { type KeyGroupRange, keyGroupOf } from '../model/key-group.ts';
import { ENTRY_HEADER_BYTES } from './keyed-snapshot.ts';
import { stateLimit } from './map-state-table.ts';
import type { KeyedSnapshot, KeyGroupPiece } from './state-table.ts';
import {
  DELETE_TIMER,
  SET_TIMER,
  timerEntryBytes,
  timerTimeAt,
  writeTimerHeader,
} from './timer-entry.ts';
import { TimerQueue } from './timer-queue.ts';
import { type KeySpan, TimerSlots } from './timer-slots.ts';
import { timersOf } from './timer-snapshot.ts';
import type { TimerTable, TimerTableOptions } from './timer-table.ts';

/** Capacity above which an empty table gives its memory back. */
const KEPT_CAPACITY = 1 << 14;

/**
 * Timers in typed arrays: slots found by hash (`timer-slots.ts`), in the order of a heap (`timer-queue.ts`). About 60 bytes and
 * the key for each.
 */
export function createHeapTimerTable(options: TimerTableOptions): TimerTable {
  return new HeapTimerTable(options);
}

class HeapTimerTable implements TimerTable {
  readonly #options: TimerTableOptions;
  readonly #slots = new TimerSlots();
  readonly #queue = new TimerQueue(this.#slots);

  constructor(options: TimerTableOptions) {
    this.#options = options;
  }

  get entries(): number {
    return this.#slots.count;
  }

  get bytes(): number {
    return this.#slots.bytes;
  }

  get nextMs(): number | undefined {
    const slot = this.#queue.first();
    return slot < 0 ? undefined : this.#slots.timeOf(slot);
  }

  update(entries: Uint8Array): void {
    const view = new DataView(entries.buffer, entries.byteOffset, entries.length);
    const key: KeySpan = { bytes: entries, view, at: 0, length: 0 };
    for (let at = 0; at < entries.length; ) {
      const timeMs = timerTimeAt(view, at, entries.length);
      assert(timeMs !== undefined, 'an entry is not the entry of a timer');
      const length = view.getUint32(at + 4, true);
      key.at = at + ENTRY_HEADER_BYTES;
      key.length = length;
      const hash = view.getUint32(at, true);
      const operation = view.getUint32(at + 12, true);
      assert(operation === SET_TIMER || operation === DELETE_TIMER, 'a timer is set or deleted');
      if (operation === SET_TIMER) this.#set(timeMs, hash, key);
      else this.#delete(timeMs, hash, key);
      at += timerEntryBytes(length);
    }
  }

  pop(untilMs: number, entriesMax: number, out: BatchBuilder): number {
    let count = 0;
    while (count < entriesMax) {
      const slot = this.#queue.take(untilMs);
      if (slot < 0) break;
      this.#write(slot, out);
      this.#slots.remove(slot);
      this.#slots.release(slot);
      count += 1;
    }
    if (this.entries === 0) this.#release();
    return count;
  }

  snapshot(): KeyedSnapshot {
    const { keyGroups } = this.#options;
    const slots = this.#slots;
    const bytesOf = new Float64Array(keyGroups);
    const entriesOf = new Uint32Array(keyGroups);
    slots.each((slot) => {
      const group = keyGroupOf(slots.hashOf(slot), keyGroups);
      bytesOf[group] += timerEntryBytes(slots.keyLength(slot));
      entriesOf[group] += 1;
    });
    const groups: KeyGroupPiece[] = [];
    const places = new Float64Array(keyGroups);
    let length = 0;
    for (let group = 0; group < keyGroups; group++) {
      if (entriesOf[group] === 0) continue;
      places[group] = length;
      groups.push({ group, offset: length, length: bytesOf[group], entries: entriesOf[group] });
      length += bytesOf[group];
    }
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    slots.each((slot) => {
      const group = keyGroupOf(slots.hashOf(slot), keyGroups);
      this.#writeAt(slot, bytes, view, places[group]);
      places[group] += timerEntryBytes(slots.keyLength(slot));
    });
    return { bytes, groups };
  }

  restore(snapshot: KeyedSnapshot, range: KeyGroupRange): void {
    for (const entries of timersOf(snapshot, range, this.#options.keyGroups)) this.update(entries);
  }

  close(): void {
    this.#slots.clear();
    this.#queue.clear();
  }

  #set(timeMs: number, hash: number, key: KeySpan): void {
    if (this.#slots.find(timeMs, hash, key) >= 0) return;
    if (this.bytes + key.length + ROW_HEADER_BYTES > this.#options.bytesMax) {
      throw stateLimit(this.#options.bytesMax);
    }
    this.#queue.add(this.#slots.add(timeMs, hash, key));
  }

  #delete(timeMs: number, hash: number, key: KeySpan): void {
    const slot = this.#slots.find(timeMs, hash, key);
    if (slot < 0) return;
    this.#slots.remove(slot);
    this.#queue.noteGone();
    if (this.entries === 0) this.#release();
  }

  #write(slot: number, out: BatchBuilder): void {
    const bytes = timerEntryBytes(this.#slots.keyLength(slot));
    const at = out.reserve(bytes);
    this.#writeAt(slot, out.bytes, out.view, at);
    out.commit(bytes, 1);
  }

  #writeAt(slot: number, bytes: Uint8Array, view: DataView, at: number): void {
    const keyBytes = this.#slots.keyLength(slot);
    const timeMs = this.#slots.timeOf(slot);
    writeTimerHeader(view, at, { hash: this.#slots.hashOf(slot), keyBytes, timeMs });
    this.#slots.copyKey(slot, bytes, view, at + ENTRY_HEADER_BYTES);
  }

  /** Nothing is set: a table that was large once does not stay so. */
  #release(): void {
    if (this.#slots.capacity <= KEPT_CAPACITY) return;
    this.close();
  }
}
