import assert from 'node:assert';
import type { BatchBuilder } from '../abi/batch-builder.ts';
import { BatchBuilder as Builder } from '../abi/batch-builder.ts';
import { ROW_HEADER_BYTES } from '../abi/layout.ts';
import { type KeyGroupRange, keyGroupOf } from '../model/key-group.ts';
import { ENTRY_HEADER_BYTES } from './keyed-snapshot.ts';
import { stateLimit } from './map-state-table.ts';
import type { KeyedSnapshot, KeyGroupPiece } from './state-table.ts';
import {
  appendTimer,
  DELETE_TIMER,
  SET_TIMER,
  timerEntryBytes,
  timerTimeAt,
} from './timer-entry.ts';
import { timersOf } from './timer-snapshot.ts';
import type { TimerTable, TimerTableOptions } from './timer-table.ts';

interface Timer {
  readonly timeMs: number;
  readonly hash: number;
  readonly key: Uint8Array;
}

/** Timers in a JavaScript Map, sorted whenever they are asked for: the reference that the heap is held against. */
export function createMapTimerTable(options: TimerTableOptions): TimerTable {
  return new MapTimerTable(options);
}

class MapTimerTable implements TimerTable {
  readonly #options: TimerTableOptions;
  /** By time and key bytes, these as text of one character a byte. */
  readonly #timers = new Map<string, Timer>();
  #bytes = 0;

  constructor(options: TimerTableOptions) {
    this.#options = options;
  }

  get entries(): number {
    return this.#timers.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get nextMs(): number | undefined {
    return this.#sorted()[0]?.timeMs;
  }

  update(entries: Uint8Array): void {
    const view = new DataView(entries.buffer, entries.byteOffset, entries.length);
    for (let at = 0; at < entries.length; ) {
      const timeMs = timerTimeAt(view, at, entries.length);
      assert(timeMs !== undefined, 'an entry is not the entry of a timer');
      const keyBytes = view.getUint32(at + 4, true);
      const start = at + ENTRY_HEADER_BYTES;
      const key = entries.slice(start, start + keyBytes);
      const timer = { timeMs, hash: view.getUint32(at, true), key };
      const operation = view.getUint32(at + 12, true);
      assert(operation === SET_TIMER || operation === DELETE_TIMER, 'a timer is set or deleted');
      if (operation === SET_TIMER) this.#set(timer);
      else this.#delete(timer);
      at += timerEntryBytes(keyBytes);
    }
  }

  pop(untilMs: number, entriesMax: number, out: BatchBuilder): number {
    const due = this.#sorted()
      .filter((timer) => timer.timeMs <= untilMs)
      .slice(0, entriesMax);
    for (const timer of due) {
      appendTimer(out, timer.timeMs, timer);
      this.#delete(timer);
    }
    return due.length;
  }

  snapshot(): KeyedSnapshot {
    const byGroup = Map.groupBy(this.#timers.values(), ({ hash }) =>
      keyGroupOf(hash, this.#options.keyGroups),
    );
    const out = new Builder();
    const groups: KeyGroupPiece[] = [];
    for (const [group, timers] of [...byGroup].sort(([a], [b]) => a - b)) {
      const offset = out.length;
      for (const timer of timers) appendTimer(out, timer.timeMs, timer);
      groups.push({ group, offset, length: out.length - offset, entries: timers.length });
    }
    return { bytes: out.bytes.slice(0, out.length), groups };
  }

  restore(snapshot: KeyedSnapshot, range: KeyGroupRange): void {
    for (const entries of timersOf(snapshot, range, this.#options.keyGroups)) this.update(entries);
  }

  close(): void {
    this.#timers.clear();
    this.#bytes = 0;
  }

  #set(timer: Timer): void {
    const name = nameOf(timer);
    if (this.#timers.has(name)) return;
    const bytes = this.#bytes + timer.key.length + ROW_HEADER_BYTES;
    if (bytes > this.#options.bytesMax) throw stateLimit(this.#options.bytesMax);
    this.#bytes = bytes;
    this.#timers.set(name, timer);
  }

  #delete(timer: Timer): void {
    if (this.#timers.delete(nameOf(timer))) this.#bytes -= timer.key.length + ROW_HEADER_BYTES;
  }

  #sorted(): Timer[] {
    return [...this.#timers.values()].sort(
      (a, b) => a.timeMs - b.timeMs || a.hash - b.hash || Buffer.compare(a.key, b.key),
    );
  }
}

function nameOf({ timeMs, hash, key }: Timer): string {
  return `${timeMs} ${hash} ${Buffer.from(key).toString('latin1')}`;
}
