import assert from 'node:assert';
import { BatchBuilder } from '../abi/batch-builder.ts';
import { keyDescriptor } from '../abi/kernel/key-descriptor.ts';
import { keyTooLarge } from '../abi/key-bytes.ts';
import { align8, ROW_HEADER_BYTES } from '../abi/layout.ts';
import { MillraceError } from '../errors.ts';
import { KEY_BYTES_MAX, KEY_GROUPS_MAX, ROW_BYTES_MAX } from '../limits.ts';
import { type Batch, EMPTY_BATCH } from '../model/batch.ts';
import type { KeyGroupRange } from '../model/key-group.ts';
import type { KeySpec } from '../model/key-spec.ts';
import { completeCapture } from './capture-parts.ts';
import * as engine from './engine/load-engine.ts';
import { EngineCapture } from './engine-capture.ts';
import { badEntry, corrupt, ENTRY_BYTES_MIN, piecesIn } from './keyed-snapshot.ts';
import { stateLimit } from './map-state-table.ts';
import type {
  KeyedSnapshot,
  KeyGroupPiece,
  ResolvedView,
  StateCapture,
  StateTable,
  StateTableOptions,
} from './state-table.ts';

/** Bytes of a snapshot that go into the engine at a time: small enough to stay in the cache. */
const RESTORE_BYTES = 1 << 16;

/**
 * Keyed state in trusted WebAssembly (`engine/assembly`), with a memory of its own that grows to 4 GiB.
 *
 * T1  Every call into the engine may grow its memory, which detaches the views of it: they are read through `#refresh` only.
 */
export function createEngineStateTable(options: StateTableOptions): EngineStateTable {
  return new EngineStateTable(options);
}

/** A state table that tells what it takes itself. */
export class EngineStateTable implements StateTable {
  readonly #options: StateTableOptions;
  readonly #engine = engine.loadEngine();
  /** Index of the first result word. */
  readonly #results: number;
  #memory = new Uint8Array(0);
  #words = new Uint32Array(0);
  #key: KeySpec | undefined;
  #capturing = false;

  constructor(options: StateTableOptions) {
    assert(options.keyGroups > 0 && options.keyGroups <= KEY_GROUPS_MAX);
    this.#options = options;
    const ready = this.#engine.init(options.keyGroups, Math.min(options.bytesMax, 2 ** 53));
    if (ready < 0) throw this.#failure(ready);
    this.#engine.setLimits(KEY_BYTES_MAX, ROW_BYTES_MAX);
    if (options.composite === true) this.#engine.setComposite();
    this.#results = this.#engine.resultsAt() >>> 2;
  }

  get entries(): number {
    return this.#engine.entryCount();
  }

  get bytes(): number {
    return this.#engine.byteCount();
  }

  /** Bytes of memory in use: slots, entries, areas and room to spare. */
  get memoryBytes(): number {
    return this.#engine.usedBytes() >>> 0;
  }

  resolve(rows: Batch, key: KeySpec, states: BatchBuilder): number {
    return copyOut(this.view(rows, key, true), rows, states);
  }

  view(rows: Batch, key: KeySpec, hashed: boolean): ResolvedView {
    if (key !== this.#key) this.#useKey(key);
    const at = this.#writeRows(rows);
    const status = this.#engine.resolve(rows.bytes.length, rows.count, hashed);
    return this.#view(rows, at, this.#states(status, this.#engine.resume));
  }

  resolveEntries(entries: Batch, states: BatchBuilder): number {
    const at = this.#writeRows(entries);
    const status = this.#engine.resolveEntries(entries.bytes.length, entries.count);
    const view = this.#view(entries, at, this.#states(status, this.#engine.resumeEntries));
    return copyOut(view, entries, states);
  }

  apply(states: Batch): void {
    const { bytes, count } = states;
    const at = this.#address(this.#engine.exchangeAt(bytes.length));
    this.#memory.set(bytes, at);
    this.#check(this.#engine.apply(bytes.length, count));
  }

  scan(range: KeyGroupRange, cursor: number, bytesMax: number, out: BatchBuilder): number {
    const { scan } = this.#engine;
    return this.#scan(cursor, out, bytesMax, (at, left) => scan(range.start, range.end, at, left));
  }

  scanEntries(range: KeyGroupRange, cursor: number, bytesMax: number, out: BatchBuilder): number {
    const { scanEntries } = this.#engine;
    const { start, end } = range;
    return this.#scan(cursor, out, bytesMax, (at, left) => scanEntries(start, end, at, left));
  }

  get(hash: number, key: Uint8Array): Uint8Array | undefined {
    if (key.length > KEY_BYTES_MAX) return undefined;
    this.#writeKey(key);
    const state = this.#engine.get(hash, key.length) >>> 0;
    if (state === 0) return undefined;
    return this.#memory.slice(state, state + this.#words[state >>> 2]);
  }

  remove(hash: number, key: Uint8Array): boolean {
    if (key.length > KEY_BYTES_MAX) return false;
    this.#writeKey(key);
    return this.#engine.remove(hash, key.length) === 1;
  }

  capture(changes: boolean): StateCapture {
    assert(!this.#capturing, 'a capture of a state table begins before the last one has ended');
    const kind = this.#engine.beginCapture(changes);
    this.#check(kind);
    this.#capturing = true;
    return new EngineCapture({
      engine: this.#engine,
      changes: kind === 1,
      failure: (status) => this.#failure(status),
      onEnd: () => {
        this.#capturing = false;
      },
    });
  }

  snapshot(): KeyedSnapshot {
    return completeCapture(this.capture(false));
  }

  restore(snapshot: KeyedSnapshot, range: KeyGroupRange): void {
    const pieces = piecesIn(snapshot, range, this.#options.keyGroups);
    // Checked against the bytes by now, so a forged count cannot ask for more slots than the snapshot has room for.
    const entries = pieces.reduce((sum, piece) => sum + piece.entries, 0);
    this.#check(
      this.#engine.reserveSlots(Math.min(entries, snapshot.bytes.length / ENTRY_BYTES_MIN)),
    );
    for (const piece of pieces) this.#restorePiece(snapshot, piece);
  }

  close(): void {
    this.#memory = new Uint8Array(0);
    this.#words = new Uint32Array(0);
  }

  #scan(
    cursor: number,
    out: BatchBuilder,
    bytesMax: number,
    scan: (cursor: number, left: number) => number,
  ): number {
    const limit = out.length + bytesMax;
    let next = cursor;
    do {
      next = scan(next, Math.max(0, limit - out.length));
      if (next < -1) throw this.#failure(next);
      out.append(this.#exchanged());
    } while (next >= 0 && out.length < limit);
    return next;
  }

  /** Puts a key, padded, into the exchange area. */
  #writeKey(key: Uint8Array): void {
    const padded = align8(key.length);
    const at = this.#address(this.#engine.exchangeAt(padded));
    this.#memory.fill(0, at, at + padded);
    this.#memory.set(key, at);
  }

  #restorePiece({ bytes, changes = false }: KeyedSnapshot, piece: KeyGroupPiece): void {
    const end = piece.offset + piece.length;
    let at = piece.offset;
    let entries = 0;
    let wanted = RESTORE_BYTES;
    while (at < end) {
      const length = Math.min(wanted, end - at);
      const to = this.#address(this.#engine.exchangeAt(length));
      this.#memory.set(bytes.subarray(at, at + length), to);
      const taken = this.#engine.restore(length, piece.group, changes);
      if (taken < 0) throw this.#restoreFailure(taken, piece, at);
      this.#refresh();
      entries += this.#words[this.#results + engine.OUT_ROWS];
      // Nothing taken means the entry is longer than what was handed over, or than what there is.
      wanted = taken > 0 ? RESTORE_BYTES : this.#words[this.#results + engine.OUT_BYTES];
      if (taken === 0 && wanted > end - at) throw badEntry(piece, at);
      at += taken;
    }
    if (entries !== piece.entries) {
      throw corrupt(
        `key group ${piece.group} of a snapshot holds ${entries} entries, not ${piece.entries}`,
      );
    }
  }

  #restoreFailure(status: number, piece: KeyGroupPiece, at: number): Error {
    if (status === engine.CORRUPT) return badEntry(piece, at);
    if (status !== engine.TWICE) return this.#failure(status);
    return corrupt(`key group ${piece.group} of a snapshot holds a key twice`);
  }

  /** Puts rows, or entries, where they are resolved. */
  #writeRows({ bytes, count }: Batch): number {
    assert(count * ROW_HEADER_BYTES <= bytes.length, 'a batch has fewer bytes than its rows');
    const at = this.#address(this.#engine.prepareRows(bytes.length, count));
    this.#memory.set(bytes, at);
    return at;
  }

  /** The states handed out by a call that returned `status`, in place unless there are more than the exchange area holds. */
  #states(status: number, resume: () => number): Batch {
    this.#check(status);
    if (status !== engine.FULL) return this.#exchanged();
    const gathered = new BatchBuilder();
    for (let next = status; next === engine.FULL; ) {
      gathered.append(this.#exchanged());
      next = resume();
      this.#check(next);
    }
    gathered.append(this.#exchanged());
    return gathered.batch();
  }

  #view({ bytes, count }: Batch, at: number, states: Batch): ResolvedView {
    const rows = { bytes: this.#memory.subarray(at, at + bytes.length), count };
    return { rows, states, keys: this.#words[this.#results + engine.KEY_COUNT] };
  }

  /** The rows in the exchange area, in place. */
  #exchanged(): Batch {
    this.#refresh();
    const bytes = this.#words[this.#results + engine.OUT_BYTES];
    if (bytes === 0) return EMPTY_BATCH;
    const from = this.#engine.exchangeAt(0) >>> 0;
    const count = this.#words[this.#results + engine.OUT_ROWS];
    return { bytes: this.#memory.subarray(from, from + bytes), count };
  }

  #useKey(key: KeySpec): void {
    this.#refresh();
    this.#words.set(keyDescriptor(key), this.#engine.descriptorAt() >>> 2);
    this.#engine.useKey();
    this.#key = key;
  }

  /** An address that the engine gave; it may have grown to give it. */
  #address(at: number): number {
    if (at === 0) throw this.#failure(engine.NO_MEMORY);
    this.#refresh();
    return at >>> 0;
  }

  #check(status: number): void {
    this.#refresh();
    if (status < 0) throw this.#failure(status);
  }

  /** T1 */
  #refresh(): void {
    const { buffer } = this.#engine.memory;
    if (this.#memory.buffer === buffer) return;
    this.#memory = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
  }

  #failure(status: number): Error {
    switch (status) {
      case engine.OVER_LIMIT:
        return stateLimit(this.#options.bytesMax);
      case engine.NO_MEMORY:
        return new MillraceError(
          'STATE_LIMIT',
          'keyed state does not fit into its 4 GiB of memory',
          {
            hint: 'run the step with more parallelism, or keep less per key',
          },
        );
      case engine.LOST:
        return new MillraceError(
          'STATE_LIMIT',
          'no memory is left to keep what changes while keyed state is copied',
          { hint: 'run the step with more parallelism, or keep less per key' },
        );
      case engine.KEY_TOO_LARGE:
        return keyTooLarge();
      default:
        // Rows and ordinals were checked by who called: this is a fault of ours.
        return new assert.AssertionError({
          message: `the state engine refuses a call (${status})`,
        });
    }
  }
}

/** A view as `resolve` answers. */
function copyOut(view: ResolvedView, rows: Batch, states: BatchBuilder): number {
  rows.bytes.set(view.rows.bytes);
  states.append(view.states);
  return view.keys;
}
