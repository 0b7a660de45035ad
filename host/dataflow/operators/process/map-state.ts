/**
 * One map state of a process function: entries by key and map key, walked in the order of their making (`map-node.ts`).
 *
 * M1  Between two calls of `commit` every ring is closed: who follows a link finds a node.
 * M2  An entry that can be over has an expiry timer at or before that time.
 */
import assert from 'node:assert';
import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { copyKey } from '../../../abi/copy-key.ts';
import { hashKey } from '../../../abi/key-hash.ts';
import { align8, ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import { BATCH_BYTES_TARGET, STATE_BYTES_MAX } from '../../../limits.ts';
import type { Batch } from '../../../model/batch.ts';
import { type KeyGroupRange, keyGroupOf } from '../../../model/key-group.ts';
import type { KeySpec } from '../../../model/key-spec.ts';
import type { MapDescription } from '../../../model/process-description.ts';
import type { ScalarKind } from '../../../model/schema.ts';
import type { KeyedSnapshot, StateCapture, StateTable } from '../../../state/state-table.ts';
import type { HashedKey } from '../../../state/timer-entry.ts';
import { appendTombstone } from '../../../state/tombstone.ts';
import type { OperatorParts } from '../operator-parts.ts';
import { ExpiryTimers } from './expiry-timers.ts';
import { type MapNode, readNode, writeNode } from './map-node.ts';

const ENTRY_HEADER_BYTES = 16;
/** The byte behind the key. */
const HEAD = 0;
const ENTRY = 1;

/** A node that a commit has looked at or made; without `node` it is removed. */
interface Loaded {
  readonly place: HashedKey;
  node: MapNode | undefined;
  dirty: boolean;
}

export class MapState {
  readonly #table: StateTable;
  readonly #keyGroups: number;
  readonly #range: KeyGroupRange;
  readonly #ttlMs: number;
  readonly #expiry: ExpiryTimers | undefined;
  /** Of the map key in a row of the entry record. */
  readonly #mapKey: KeySpec;
  readonly #isBroadcast: boolean;
  /** By composite key, one character a byte: what a commit has under way. */
  readonly #loaded = new Map<string, Loaded>();
  #restored = false;

  constructor(map: MapDescription, ttlMs: number | undefined, parts: OperatorParts) {
    const { keyGroups, range } = parts.context;
    this.#keyGroups = keyGroups;
    this.#range = range;
    const options = { keyGroups, range, bytesMax: STATE_BYTES_MAX, composite: true };
    this.#table = parts.createStateTable(options);
    this.#ttlMs = map.broadcast
      ? Number.POSITIVE_INFINITY
      : (map.ttlMs ?? ttlMs ?? Number.POSITIVE_INFINITY);
    this.#isBroadcast = map.broadcast;
    if (Number.isFinite(this.#ttlMs)) this.#expiry = new ExpiryTimers(this.#ttlMs, keyGroups);
    const kind = map.entry.fields[0].type.kind as ScalarKind;
    this.#mapKey = { fields: [{ name: 'key', index: 0, kind, optional: false }], slots: 2 };
  }

  get entries(): number {
    return this.#table.entries;
  }

  get bytes(): number {
    return this.#table.bytes;
  }

  get nextMs(): number | undefined {
    this.#watchRestored();
    return this.#expiry?.nextMs;
  }

  /** The row of an entry. */
  get(key: HashedKey, mapKey: Uint8Array, nowMs: number): Uint8Array | undefined {
    const node = this.#read(this.#placeOf(key, mapKey));
    return node === undefined || this.#isOver(node, nowMs) ? undefined : node.entry;
  }

  /** The row of the entry after that of `mapKey`, which need not be there any more; the first without it. */
  next(key: HashedKey, mapKey: Uint8Array | undefined, nowMs: number): Uint8Array | undefined {
    let node = this.#read(this.#placeOf(key, mapKey));
    while (node?.next !== undefined) {
      node = this.#read(this.#placeOf(key, node.next));
      assert(node, 'a link of a map state leads nowhere');
      if (!this.#isOver(node, nowMs)) return node.entry;
    }
    return undefined;
  }

  /** Stores rows of the entry record, ordinals in their tags, in order; a null value removes the entry. */
  commit(rows: Batch, keyOf: (ordinal: number) => HashedKey, nowMs: number): void {
    if (rows.count === 0) return;
    const { bytes } = rows;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const mapKeys = new BatchBuilder(1024);
    for (let at = 0; at < bytes.length; ) {
      const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
      mapKeys.clear();
      const keyBytes = copyKey(mapKeys, view, at, this.#mapKey);
      const mapKey = mapKeys.bytes.slice(0, keyBytes);
      const key = keyOf(view.getUint32(at + ROW_TAG_OFFSET, true));
      // Field 1 of 2: the null word stands behind two slots.
      if (((view.getUint8(at + 32) >> 1) & 1) === 1) this.#remove(key, mapKey);
      else {
        const entry = bytes.slice(at, at + length);
        new DataView(entry.buffer).setUint32(ROW_TAG_OFFSET, 0, true);
        this.#put(key, mapKey, entry, nowMs);
      }
      at += length;
    }
    this.#flush();
  }

  /** Removes entries that are over, for some of those whose time has come. */
  cleanUp(nowMs: number): void {
    this.#watchRestored();
    const expiry = this.#expiry;
    if (expiry === undefined || (expiry.nextMs ?? nowMs + 1) > nowMs) return;
    const entries = new BatchBuilder(1024);
    expiry.pop(nowMs, entries);
    this.#eachPlace(entries.batch().bytes, (place) => {
      const node = this.#read(place);
      if (node?.entry === undefined) return;
      if (!this.#isOver(node, nowMs)) {
        expiry.add(node.atMs + this.#ttlMs, place);
        return;
      }
      const mapKey = this.#mapKeyOf(node.entry);
      const end = place.key.length - mapKey.length - 1;
      this.#remove(this.#keyOf(place, end), mapKey);
    });
    expiry.commit();
    this.#flush();
  }

  snapshot(): KeyedSnapshot {
    return this.#table.snapshot();
  }

  /** Broadcast state is captured whole: a task that restores it reads one snapshot and knows of no changes. */
  capture(changes: boolean): KeyedSnapshot | StateCapture {
    return this.#isBroadcast ? this.#table.snapshot() : this.#table.capture(changes);
  }

  restore(snapshot: KeyedSnapshot, range: KeyGroupRange): void {
    if (!this.#isBroadcast) {
      this.#table.restore(snapshot, range);
      this.#restored = true;
      return;
    }
    // Every task had all of it: one part is enough, whichever groups it stood under.
    if (this.#table.entries > 0) return;
    this.#adopt(snapshot);
  }

  close(): void {
    this.#table.close();
    this.#expiry?.close();
  }

  /** Takes broadcast entries over under a group of this task. */
  #adopt(snapshot: KeyedSnapshot): void {
    this.#table.restore(snapshot, { start: 0, end: this.#keyGroups });
    const entries = new BatchBuilder(BATCH_BYTES_TARGET);
    const all = { start: 0, end: this.#keyGroups };
    for (let cursor = 0; cursor >= 0; ) {
      cursor = this.#table.scanEntries(all, cursor, BATCH_BYTES_TARGET, entries);
    }
    const { bytes } = entries.batch();
    const found: { readonly was: HashedKey; readonly row: Uint8Array }[] = [];
    this.#eachPlace(bytes, (was, row) => {
      found.push({ was, row });
    });
    for (const { was } of found) this.#table.remove(was.hash, was.key);
    for (const { was, row } of found) {
      const place = { hash: this.#groupHash(was.key, this.#range.start), key: was.key };
      this.#loaded.set(nameOf(place.key), { place, node: readNode(row), dirty: true });
    }
    this.#flush();
  }

  #put(key: HashedKey, mapKey: Uint8Array, entry: Uint8Array, nowMs: number): void {
    const known = this.#load(this.#placeOf(key, mapKey));
    if (known.node !== undefined && !this.#isOver(known.node, nowMs)) {
      known.node = { ...known.node, entry, atMs: nowMs };
      known.dirty = true;
      return;
    }
    // What is over counts as gone: its successor goes to the end.
    if (known.node !== undefined) this.#remove(key, mapKey);
    const head = this.#load(this.#placeOf(key, undefined));
    head.node ??= { entry: undefined, atMs: 0, previous: undefined, next: undefined };
    const last = head.node.previous;
    if (last === undefined) head.node.next = mapKey;
    else this.#linked(key, last).next = mapKey;
    head.node.previous = mapKey;
    head.dirty = true;
    known.node = { entry, atMs: nowMs, previous: last, next: undefined };
    known.dirty = true;
    if (this.#expiry !== undefined) this.#expiry.add(nowMs + this.#ttlMs, known.place);
  }

  #remove(key: HashedKey, mapKey: Uint8Array): void {
    const known = this.#load(this.#placeOf(key, mapKey));
    const { node } = known;
    if (node === undefined) return;
    known.node = undefined;
    known.dirty = true;
    if (node.previous === undefined && node.next === undefined) {
      const head = this.#load(this.#placeOf(key, undefined));
      head.node = undefined;
      head.dirty = true;
      return;
    }
    this.#linked(key, node.previous).next = node.next;
    this.#linked(key, node.next).previous = node.previous;
  }

  /** The node of a link, which is going to be changed. */
  #linked(key: HashedKey, link: Uint8Array | undefined): MapNode {
    const loaded = this.#load(this.#placeOf(key, link));
    assert(loaded.node, 'a link of a map state leads nowhere');
    loaded.dirty = true;
    return loaded.node;
  }

  #load(place: HashedKey): Loaded {
    const name = nameOf(place.key);
    let loaded = this.#loaded.get(name);
    if (loaded === undefined) {
      loaded = { place, node: this.#read(place), dirty: false };
      this.#loaded.set(name, loaded);
    }
    return loaded;
  }

  #read({ hash, key }: HashedKey): MapNode | undefined {
    const row = this.#table.get(hash, key);
    return row === undefined ? undefined : readNode(row);
  }

  #flush(): void {
    const dirty = [...this.#loaded.values()].filter((one) => one.dirty);
    this.#loaded.clear();
    const entries = new BatchBuilder(1024);
    for (const { place } of dirty) appendPlace(entries, place);
    this.#table.resolveEntries(entries.batch(), new BatchBuilder(1024));
    const rows = new BatchBuilder(1024);
    // Every place is there once, so ordinals are their numbers.
    for (const [ordinal, { node }] of dirty.entries()) {
      if (node === undefined) appendTombstone(rows, ordinal);
      else writeNode(rows, node, ordinal);
    }
    this.#table.apply(rows.batch());
    this.#expiry?.commit();
  }

  #isOver(node: MapNode, nowMs: number): boolean {
    return node.atMs + this.#ttlMs <= nowMs;
  }

  /** Where the entry of a map key is, or without one the head. */
  #placeOf({ hash, key }: HashedKey, mapKey: Uint8Array | undefined): HashedKey {
    const composite = new Uint8Array(key.length + 1 + (mapKey?.length ?? 0));
    composite.set(key);
    composite[key.length] = mapKey === undefined ? HEAD : ENTRY;
    if (mapKey !== undefined) composite.set(mapKey, key.length + 1);
    const group = this.#isBroadcast ? this.#range.start : keyGroupOf(hash, this.#keyGroups);
    return { hash: this.#groupHash(composite, group), key: composite };
  }

  /** A hash of all bytes that is in the group. */
  #groupHash(composite: Uint8Array, group: number): number {
    const hash = hashKey(composite);
    const placed = hash - (hash % this.#keyGroups) + group;
    return placed > 0xffff_ffff ? placed - this.#keyGroups : placed;
  }

  /** The key that a place belongs to; its hash counts for nothing but the group. */
  #keyOf(place: HashedKey, keyBytes: number): HashedKey {
    return { hash: keyGroupOf(place.hash, this.#keyGroups), key: place.key.subarray(0, keyBytes) };
  }

  #mapKeyOf(entry: Uint8Array): Uint8Array {
    const out = new BatchBuilder(64);
    const view = new DataView(entry.buffer, entry.byteOffset, entry.length);
    const length = copyKey(out, view, 0, this.#mapKey);
    return out.bytes.slice(0, length);
  }

  /** M2, for what came from a snapshot. */
  #watchRestored(): void {
    if (!this.#restored) return;
    this.#restored = false;
    const expiry = this.#expiry;
    if (expiry === undefined) return;
    const entries = new BatchBuilder(BATCH_BYTES_TARGET);
    for (let cursor = 0; cursor >= 0; ) {
      entries.clear();
      cursor = this.#table.scanEntries(this.#range, cursor, BATCH_BYTES_TARGET, entries);
      this.#eachPlace(entries.batch().bytes, (place, row) => {
        const node = readNode(row);
        if (node.entry !== undefined) expiry.add(node.atMs + this.#ttlMs, place);
      });
      expiry.commit();
    }
  }

  #eachPlace(entries: Uint8Array, action: (place: HashedKey, row: Uint8Array) => void): void {
    const view = new DataView(entries.buffer, entries.byteOffset, entries.length);
    for (let at = 0; at < entries.length; ) {
      const keyBytes = view.getUint32(at + 4, true);
      const start = at + ENTRY_HEADER_BYTES;
      const row = start + align8(keyBytes);
      const end = row + view.getUint32(at + 8, true);
      const key = entries.slice(start, start + keyBytes);
      action({ hash: view.getUint32(at, true), key }, entries.subarray(row, end));
      at = end;
    }
  }
}

function appendPlace(out: BatchBuilder, { hash, key }: HashedKey): void {
  const bytes = ENTRY_HEADER_BYTES + align8(key.length);
  const at = out.reserve(bytes);
  out.bytes.fill(0, at, at + bytes);
  out.view.setUint32(at, hash, true);
  out.view.setUint32(at + 4, key.length, true);
  out.bytes.set(key, at + ENTRY_HEADER_BYTES);
  out.commit(bytes, 1);
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}
