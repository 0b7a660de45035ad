/**
 * The value, list and reducing states of a process function: one row a key. What is over is never handed out, and removed when its
 * time has come.
 *
 * E1  A key with a state that can be over has an expiry timer at or before the time when the first is.
 * E2  A row without any value is not kept.
 */
import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { align8, ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import { decodeObject, encodeObject } from '../../../abi/row-object.ts';
import { BATCH_BYTES_TARGET, STATE_BYTES_MAX } from '../../../limits.ts';
import type { Batch } from '../../../model/batch.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { KeySpec } from '../../../model/key-spec.ts';
import type { RecordSchema } from '../../../model/schema.ts';
import type { KeyedSnapshot, StateCapture, StateTable } from '../../../state/state-table.ts';
import { appendTombstone } from '../../../state/tombstone.ts';
import type { ProcessSpec } from '../../process-spec.ts';
import type { OperatorParts } from '../operator-parts.ts';
import type { CallKeys } from './call-keys.ts';
import { ExpiryTimers } from './expiry-timers.ts';
import { StateRows } from './state-row.ts';

const ENTRY_HEADER_BYTES = 16;

export class KeyStates {
  readonly #record: RecordSchema | undefined;
  readonly #table: StateTable;
  readonly #range: KeyGroupRange;
  readonly #rows: StateRows | undefined;
  readonly #expiry: ExpiryTimers | undefined;
  readonly #states = new BatchBuilder(BATCH_BYTES_TARGET);
  readonly #stored = new BatchBuilder(1024);
  /** By ordinal of the call: when the first of its states would have been over. */
  #expiryMs = new Float64Array(1024);
  #restored = false;

  constructor(spec: ProcessSpec, { context, createStateTable }: OperatorParts) {
    const { keyGroups, range } = context;
    this.#range = range;
    this.#table = createStateTable({ keyGroups, range, bytesMax: STATE_BYTES_MAX });
    this.#record = spec.state;
    if (spec.state === undefined) return;
    this.#rows = new StateRows(spec.state, spec.process.states, spec.ttlMs);
    const { leastTtlMs } = this.#rows;
    if (Number.isFinite(leastTtlMs)) this.#expiry = new ExpiryTimers(leastTtlMs, keyGroups);
  }

  get entries(): number {
    return this.#table.entries;
  }

  get bytes(): number {
    return this.#table.bytes;
  }

  /** When `cleanUp` has something to do. */
  get nextMs(): number | undefined {
    this.#watchRestored();
    return this.#expiry?.nextMs;
  }

  /** Numbers the keys of rows that carry hashes; `states` are those of their keys then. */
  resolve(rows: Batch, key: KeySpec, nowMs: number): number {
    this.#watchRestored();
    const states = this.#states;
    states.clear();
    const keys = this.#table.resolve(rows, key, states);
    const looking = this.#rows;
    if (this.#expiry === undefined || looking === undefined) return keys;
    if (this.#expiryMs.length < keys) this.#expiryMs = new Float64Array(keys * 2);
    this.#expiryMs.fill(Number.POSITIVE_INFINITY, 0, keys);
    const { view } = states;
    for (let at = 0; at < states.length; at += view.getUint32(at + ROW_LENGTH_OFFSET, true)) {
      const ordinal = view.getUint32(at + ROW_TAG_OFFSET, true);
      this.#expiryMs[ordinal] = looking.nextExpiryMs(view, at);
      looking.expire(view, at, nowMs);
    }
    return keys;
  }

  /** The row of a key, whether some of it is over by now or not. */
  get(hash: number, key: Uint8Array): Uint8Array | undefined {
    return this.#table.get(hash, key);
  }

  get states(): Batch {
    return this.#states.batch();
  }

  /** Stores what the call handed back. */
  accept(states: Batch, keys: CallKeys): void {
    if (states.count === 0 || this.#rows === undefined) return;
    const stored = this.#stored;
    stored.clear();
    const view = new DataView(states.bytes.buffer, states.bytes.byteOffset, states.bytes.length);
    let kept = 0;
    for (let at = 0; at < states.bytes.length; ) {
      const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
      const ordinal = view.getUint32(at + ROW_TAG_OFFSET, true);
      if (this.#rows.isAlive(view, at)) {
        kept += 1;
        this.#watch(view, at, ordinal, keys);
      } else {
        appendTombstone(stored, ordinal);
      }
      at += length;
    }
    this.#expiry?.commit();
    if (kept === states.count) {
      this.#table.apply(states);
      return;
    }
    if (kept > 0) this.#appendAlive(states, view);
    this.#table.apply(stored.batch());
  }

  /** Removes what is over, for some of the keys whose time has come. */
  cleanUp(nowMs: number): void {
    this.#watchRestored();
    const expiry = this.#expiry;
    if (expiry === undefined || (expiry.nextMs ?? nowMs + 1) > nowMs) return;
    const entries = new BatchBuilder(1024);
    expiry.pop(nowMs, entries);
    const states = this.#states;
    states.clear();
    const keys = this.#table.resolveEntries(entries.batch(), states);
    const nextMs = new Float64Array(keys).fill(Number.POSITIVE_INFINITY);
    this.#stored.clear();
    const { view } = states;
    for (let at = 0; at < states.length; at += view.getUint32(at + ROW_LENGTH_OFFSET, true)) {
      const ordinal = view.getUint32(at + ROW_TAG_OFFSET, true);
      if (this.#rows?.expire(view, at, nowMs) === true) this.#store(at, ordinal);
      nextMs[ordinal] = this.#rows?.nextExpiryMs(view, at) ?? nextMs[ordinal];
    }
    this.#table.apply(this.#stored.batch());
    this.#watchEntries(entries.batch().bytes, (at) => {
      return nextMs[entries.view.getUint32(at + 12, true)];
    });
  }

  /** Undefined when the function has no such states. */
  snapshot(): KeyedSnapshot | undefined {
    return this.#rows === undefined ? undefined : this.#table.snapshot();
  }

  capture(changes: boolean): StateCapture | undefined {
    return this.#rows === undefined ? undefined : this.#table.capture(changes);
  }

  restore(snapshot: KeyedSnapshot, range: KeyGroupRange): void {
    this.#table.restore(snapshot, range);
    this.#restored = true;
  }

  close(): void {
    this.#table.close();
    this.#expiry?.close();
  }

  /** E1, for a row that is about to be stored. */
  #watch(view: DataView, at: number, ordinal: number, keys: CallKeys): void {
    if (this.#expiry === undefined || this.#rows === undefined) return;
    const nextMs = this.#rows.nextExpiryMs(view, at);
    if (nextMs < this.#expiryMs[ordinal]) this.#expiry.add(nextMs, keys.of(ordinal));
  }

  /** E1, for what came from a snapshot. */
  #watchRestored(): void {
    if (!this.#restored) return;
    this.#restored = false;
    if (this.#expiry === undefined) return;
    const entries = new BatchBuilder(BATCH_BYTES_TARGET);
    for (let cursor = 0; cursor >= 0; ) {
      entries.clear();
      cursor = this.#table.scanEntries(this.#range, cursor, BATCH_BYTES_TARGET, entries);
      const { view } = entries;
      this.#watchEntries(entries.batch().bytes, (_at, row) => {
        return this.#rows?.nextExpiryMs(view, row) ?? Number.POSITIVE_INFINITY;
      });
    }
  }

  #watchEntries(entries: Uint8Array, nextMs: (at: number, row: number) => number): void {
    const view = new DataView(entries.buffer, entries.byteOffset, entries.length);
    for (let at = 0; at < entries.length; ) {
      const keyBytes = view.getUint32(at + 4, true);
      const start = at + ENTRY_HEADER_BYTES;
      const row = start + align8(keyBytes);
      const timeMs = nextMs(at, row);
      if (Number.isFinite(timeMs)) {
        const key = entries.subarray(start, start + keyBytes);
        this.#expiry?.add(timeMs, { hash: view.getUint32(at, true), key });
      }
      at = row + view.getUint32(at + 8, true);
    }
    this.#expiry?.commit();
  }

  /** Stores the row at `at` of the states without the bytes of what was dropped; E2. */
  #store(at: number, ordinal: number): void {
    const { view, bytes } = this.#states;
    if (this.#record === undefined) return;
    if (this.#rows?.isAlive(view, at) !== true) {
      appendTombstone(this.#stored, ordinal);
      return;
    }
    const start = this.#stored.length;
    encodeObject(this.#record, decodeObject(this.#record, bytes, at), this.#stored);
    this.#stored.view.setUint32(start + ROW_TAG_OFFSET, ordinal, true);
  }

  #appendAlive(states: Batch, view: DataView): void {
    for (let at = 0; at < states.bytes.length; ) {
      const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
      if (this.#rows?.isAlive(view, at) === true) {
        this.#stored.append({ bytes: states.bytes.subarray(at, at + length), count: 1 });
      }
      at += length;
    }
  }
}
