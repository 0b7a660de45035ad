import assert from 'node:assert';
import { BatchBuilder } from '../abi/batch-builder.ts';
import { keyBytesOf } from '../abi/key-bytes.ts';
import { hashKey } from '../abi/key-hash.ts';
import { align8, ROW_HEADER_BYTES, ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../abi/layout.ts';
import { MillraceError } from '../errors.ts';
import type { Batch } from '../model/batch.ts';
import { type KeyGroupRange, keyGroupOf } from '../model/key-group.ts';
import type { KeySpec } from '../model/key-spec.ts';
import { CaptureParts, completeCapture } from './capture-parts.ts';
import { corrupt, ENTRY_HEADER_BYTES, entriesOf, piecesIn } from './keyed-snapshot.ts';
import type {
  KeyedSnapshot,
  ResolvedView,
  StateCapture,
  StateTable,
  StateTableOptions,
} from './state-table.ts';
import { isTombstone } from './tombstone.ts';

interface Entry {
  readonly hash: number;
  readonly key: Uint8Array;
  /** The state row, tag 0; undefined until the first `apply`, and once it is removed. */
  state: Uint8Array | undefined;
}

/** Keyed state in a JavaScript Map: the reference that the engine is held against. Slow and plain. */
export function createMapStateTable(options: StateTableOptions): StateTable {
  return new MapStateTable(options);
}

class MapStateTable implements StateTable {
  readonly #options: StateTableOptions;
  /** Key bytes as Latin-1 text, which is one character a byte, to entry. */
  readonly #entries = new Map<string, Entry>();
  /** Of the last `resolve`, by ordinal. */
  #resolved: Entry[] = [];
  #bytes = 0;
  /** What was stored or removed since the last capture, if there was one. */
  readonly #changed = new Map<string, Entry>();
  #tracking = false;

  constructor(options: StateTableOptions) {
    this.#options = options;
  }

  get entries(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  resolve(rows: Batch, key: KeySpec, states: BatchBuilder): number {
    const view = viewOf(rows.bytes);
    const ordinals = new Map<string, number>();
    this.#resolved = [];
    for (const at of rowOffsets(rows)) {
      const hash = view.getUint32(at + ROW_TAG_OFFSET, true);
      const ordinal = this.#number({ hash, key: keyBytesOf(view, at, key) }, ordinals, states);
      view.setUint32(at + ROW_TAG_OFFSET, ordinal, true);
    }
    return ordinals.size;
  }

  view(rows: Batch, key: KeySpec, hashed: boolean): ResolvedView {
    const numbered = { bytes: rows.bytes.slice(), count: rows.count };
    const view = viewOf(numbered.bytes);
    for (const at of hashed ? [] : rowOffsets(numbered)) {
      view.setUint32(at + ROW_TAG_OFFSET, hashKey(keyBytesOf(view, at, key)), true);
    }
    const states = new BatchBuilder();
    const keys = this.resolve(numbered, key, states);
    return { rows: numbered, states: states.batch(), keys };
  }

  resolveEntries(entries: Batch, states: BatchBuilder): number {
    const view = viewOf(entries.bytes);
    const ordinals = new Map<string, number>();
    this.#resolved = [];
    let at = 0;
    for (let i = 0; i < entries.count; i++) {
      const length = view.getUint32(at + 4, true);
      const key = entries.bytes.slice(at + ENTRY_HEADER_BYTES, at + ENTRY_HEADER_BYTES + length);
      const ordinal = this.#number({ hash: view.getUint32(at, true), key }, ordinals, states);
      const stateBytes = view.getUint32(at + 8, true);
      view.setUint32(at + 12, ordinal, true);
      at += ENTRY_HEADER_BYTES + align8(length) + stateBytes;
    }
    assert(at === entries.bytes.length, 'a batch has other bytes than its entries');
    return ordinals.size;
  }

  apply(states: Batch): void {
    const view = viewOf(states.bytes);
    for (const at of rowOffsets(states)) {
      const entry = this.#resolved[view.getUint32(at + ROW_TAG_OFFSET, true)];
      assert(entry !== undefined, 'a state has an ordinal that no key of the batch has');
      if (isTombstone(view, at)) {
        this.#remove(entry);
        continue;
      }
      const state = states.bytes.slice(at, at + view.getUint32(at + ROW_LENGTH_OFFSET, true));
      viewOf(state).setUint32(ROW_TAG_OFFSET, 0, true);
      this.#store(entry, state);
    }
  }

  scan(range: KeyGroupRange, cursor: number, bytesMax: number, out: BatchBuilder): number {
    return this.#scan(range, cursor, out.length + bytesMax, (entry) => {
      if (entry.state !== undefined) appendRow(out, entry.state, 0);
      return out.length;
    });
  }

  scanEntries(range: KeyGroupRange, cursor: number, bytesMax: number, out: BatchBuilder): number {
    return this.#scan(range, cursor, out.length + bytesMax, (entry) => {
      if (entry.state !== undefined) out.append({ bytes: encodeEntry(entry), count: 1 });
      return out.length;
    });
  }

  get(_hash: number, key: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(latin1(key))?.state?.slice();
  }

  remove(_hash: number, key: Uint8Array): boolean {
    const entry = this.#entries.get(latin1(key));
    if (entry === undefined) return false;
    this.#resolved = [];
    this.#remove(entry);
    return true;
  }

  capture(changes: boolean): StateCapture {
    const known = changes && this.#tracking;
    const entries = this.#encode(known ? [...this.#changed.values()] : [...this.#entries.values()]);
    this.#tracking = true;
    this.#changed.clear();
    const captured = entries.finish(known);
    let left = captured.parts.reduce((sum, part) => sum + part.length, 0);
    let completed = false;
    return {
      changes: known,
      // All is copied by now: what the caller sees is the contract's.
      proceed: (bytesMax) => {
        left -= Math.max(bytesMax, 1);
        completed = left <= 0;
        return completed ? captured : undefined;
      },
      cancel: () => {
        if (!completed) this.#tracking = false;
      },
    };
  }

  snapshot(): KeyedSnapshot {
    return completeCapture(this.capture(false));
  }

  restore(snapshot: KeyedSnapshot, range: KeyGroupRange): void {
    const { keyGroups } = this.#options;
    for (const piece of piecesIn(snapshot, range, keyGroups)) {
      for (const { hash, key, state } of entriesOf(snapshot, piece, this.#options)) {
        const known = this.#entries.get(latin1(key));
        if (known !== undefined && snapshot.changes !== true) {
          throw corrupt(`key group ${piece.group} of a snapshot holds a key twice`);
        }
        if (state !== undefined) {
          this.#store(known ?? { hash, key: key.slice(), state: undefined }, state.slice());
        } else if (known !== undefined) this.#remove(known);
      }
    }
  }

  close(): void {
    this.#entries.clear();
    this.#resolved = [];
    this.#bytes = 0;
  }

  /** `take` gives the bytes that are out by then; scanning stops when they have reached `limit`. */
  #scan(
    range: KeyGroupRange,
    cursor: number,
    limit: number,
    take: (entry: Entry) => number,
  ): number {
    let next = 0;
    for (const entry of this.#entries.values()) {
      if (next++ < cursor || !this.#inRange(entry, range)) continue;
      if (take(entry) >= limit && next < this.#entries.size) return next;
    }
    return -1;
  }

  /** The ordinal of a key in this batch; the first time its state is handed out. */
  #number(
    key: Pick<Entry, 'hash' | 'key'>,
    ordinals: Map<string, number>,
    states: BatchBuilder,
  ): number {
    const name = latin1(key.key);
    const known = ordinals.get(name);
    if (known !== undefined) return known;
    const ordinal = ordinals.size;
    ordinals.set(name, ordinal);
    const entry = this.#entries.get(name) ?? { ...key, state: undefined };
    this.#resolved.push(entry);
    if (entry.state !== undefined) appendRow(states, entry.state, ordinal);
    return ordinal;
  }

  #encode(entries: readonly Entry[]): CaptureParts {
    const parts = new CaptureParts();
    for (const entry of entries) {
      parts.add(keyGroupOf(entry.hash, this.#options.keyGroups), encodeEntry(entry), 1);
    }
    return parts;
  }

  #inRange(entry: Entry, range: KeyGroupRange): boolean {
    const group = keyGroupOf(entry.hash, this.#options.keyGroups);
    return group >= range.start && group < range.end;
  }

  #remove(entry: Entry): void {
    if (entry.state === undefined) return;
    this.#bytes -= entry.key.length + entry.state.length;
    entry.state = undefined;
    this.#entries.delete(latin1(entry.key));
    if (this.#tracking) this.#changed.set(latin1(entry.key), entry);
  }

  #store(entry: Entry, state: Uint8Array): void {
    const before = entry.state === undefined ? 0 : entry.key.length + entry.state.length;
    const bytes = this.#bytes - before + entry.key.length + state.length;
    if (bytes > this.#options.bytesMax) throw stateLimit(this.#options.bytesMax);
    this.#bytes = bytes;
    entry.state = state;
    this.#entries.set(latin1(entry.key), entry);
    if (this.#tracking) this.#changed.set(latin1(entry.key), entry);
  }
}

/** What both lives throw when keys and states outgrow their room. */
export function stateLimit(bytesMax: number): MillraceError {
  return new MillraceError('STATE_LIMIT', `keyed state exceeds its limit of ${bytesMax} bytes`, {
    hint: 'raise the state limit of the step, run it with more parallelism, or keep less per key',
  });
}

function encodeEntry({ hash, key, state }: Entry): Uint8Array {
  const keyRoom = align8(key.length);
  const stateBytes = state?.length ?? 0;
  const bytes = new Uint8Array(ENTRY_HEADER_BYTES + keyRoom + stateBytes);
  const view = viewOf(bytes);
  view.setUint32(0, hash, true);
  view.setUint32(4, key.length, true);
  view.setUint32(8, stateBytes, true);
  bytes.set(key, ENTRY_HEADER_BYTES);
  if (state !== undefined) bytes.set(state, ENTRY_HEADER_BYTES + keyRoom);
  return bytes;
}

function rowOffsets(batch: Batch): number[] {
  const view = viewOf(batch.bytes);
  const offsets: number[] = [];
  let at = 0;
  for (let row = 0; row < batch.count; row++) {
    const left = batch.bytes.length - at;
    assert(left >= ROW_HEADER_BYTES, 'a batch ends before its last row');
    const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
    assert(
      length >= ROW_HEADER_BYTES && length % 8 === 0 && length <= left,
      'a row has a length that does not fit its batch',
    );
    offsets.push(at);
    at += length;
  }
  assert(at === batch.bytes.length, 'a batch has more bytes than its rows');
  return offsets;
}

function appendRow(out: BatchBuilder, row: Uint8Array, tag: number): void {
  const at = out.reserve(row.length);
  out.bytes.set(row, at);
  out.view.setUint32(at + ROW_TAG_OFFSET, tag, true);
  out.commit(row.length, 1);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
