/**
 * Map states during a call: entries that were looked up or written, by map, key and map key. A look-up asks the host once; a
 * write is handed over at once, and remembered, so that later records of the call see it.
 *
 *     node     0 next in bucket   4 hash   8 map   12 key ordinal   16 map key   20 its bytes   24 row, 0 = no entry   28 flags   32 turn
 *
 * N1  A node's row is the entry as the next record would find it; it is not changed, only replaced.
 * N2  `order` holds, for each write that made an entry anew, the node; one that was made again later stands for its last place.
 */
import { allocateBlock } from './arena';
import { currentOrdinal, currentSource } from './process';
import { encodeText } from './text';
import { Bytes } from './bytes';
import { Utf8 } from './utf8';

// @ts-ignore: decorator
@external('millrace', 'map')
declare function hostMap(map: i32, pointer: usize, bytes: usize, rows: i32): void;
// @ts-ignore: decorator
@external('millrace', 'map_get')
declare function hostGet(map: i32, ordinal: u32, key: usize, keyBytes: usize, out: usize, room: usize): i32;
// @ts-ignore: decorator
@external('millrace', 'map_next')
declare function hostNext(map: i32, ordinal: u32, key: usize, keyBytes: usize, out: usize, room: usize): i32;

// @ts-ignore: decorator
@inline
const NODE: usize = 40;
// @ts-ignore: decorator
@inline
const ROOM: usize = 256;
/** The entry was removed in this call: if it is there again, then behind all others. */
// @ts-ignore: decorator
@inline
const ANEW: u32 = 1;
// @ts-ignore: decorator
@inline
const WRITTEN: u32 = 2;

let buckets: usize = 0;
let bucketCount: u32 = 0;
let nodes: u32 = 0;
let order: usize = 0;
let orderCount: u32 = 0;
let orderRoom: u32 = 0;
/** Number of the walk over a map, so that nodes it met can be told. */
let turn: u32 = 0;

let keyStart: usize = 0;
let keyBytes: usize = 0;

export function beginMaps(): void {
  buckets = 0;
  bucketCount = 0;
  nodes = 0;
  order = 0;
  orderCount = 0;
  orderRoom = 0;
  turn = 0;
}

/** Writes the bytes of a map key as the host has them: `keyStart`, `keyBytes`. */
function encodeKey<K>(key: K): void {
  if (isString<K>()) {
    const text = changetype<string>(key);
    keyStart = allocateBlock(4 + <usize>text.length * 3);
    const bytes = encodeText(text, keyStart + 4);
    store<u32>(keyStart, <u32>bytes);
    keyBytes = 4 + bytes;
  } else if (isReference<K>()) {
    if (idof<K>() == idof<Utf8>() || idof<K>() == idof<Bytes>()) {
      // @ts-ignore: a span
      const length = <usize>key.length;
      keyStart = allocateBlock(4 + length);
      store<u32>(keyStart, <u32>length);
      // @ts-ignore: a span
      memory.copy(keyStart + 4, key.start, length);
      keyBytes = 4 + length;
    } else {
      const array = changetype<Uint8Array>(changetype<usize>(key));
      const length = <usize>array.length;
      keyStart = allocateBlock(4 + length);
      store<u32>(keyStart, <u32>length);
      memory.copy(keyStart + 4, array.dataStart, length);
      keyBytes = 4 + length;
    }
  } else {
    keyStart = allocateBlock(8);
    store<u64>(keyStart, 0);
    store<K>(keyStart, key);
    keyBytes = 8;
  }
}

function hashOf(map: i32, ordinal: u32): u32 {
  let hash: u32 = 0x9e3779b1 ^ (<u32>map * 0x85ebca6b) ^ (ordinal * 0xc2b2ae35);
  for (let i: usize = 0; i < keyBytes; i++) {
    hash = (hash ^ <u32>load<u8>(keyStart + i)) * 0x01000193;
  }
  return hash ^ (hash >> 15);
}

function sameBytes(a: usize, b: usize, bytes: usize): bool {
  return memory.compare(a, b, bytes) == 0;
}

/** The node of the key that was encoded last, 0 when there is none. */
function findNode(map: i32, ordinal: u32, hash: u32): usize {
  if (bucketCount == 0) return 0;
  let node = load<usize>(buckets + (<usize>(hash & (bucketCount - 1)) << 2));
  while (node != 0) {
    if (
      load<u32>(node, 4) == hash &&
      load<i32>(node, 8) == map &&
      load<u32>(node, 12) == ordinal &&
      <usize>load<u32>(node, 20) == keyBytes &&
      sameBytes(load<usize>(node, 16), keyStart, keyBytes)
    ) {
      return node;
    }
    node = load<usize>(node);
  }
  return 0;
}

function addNode(map: i32, ordinal: u32, hash: u32, row: usize): usize {
  if (nodes >= bucketCount) growBuckets();
  const node = allocateBlock(NODE);
  store<u32>(node, hash, 4);
  store<i32>(node, map, 8);
  store<u32>(node, ordinal, 12);
  store<usize>(node, keyStart, 16);
  store<u32>(node, <u32>keyBytes, 20);
  store<usize>(node, row, 24);
  store<u32>(node, 0, 28);
  store<u32>(node, 0, 32);
  const bucket = buckets + (<usize>(hash & (bucketCount - 1)) << 2);
  store<usize>(node, load<usize>(bucket));
  store<usize>(bucket, node);
  nodes++;
  return node;
}

function growBuckets(): void {
  const old = buckets;
  const oldCount = bucketCount;
  bucketCount = max(<u32>64, oldCount * 4);
  buckets = allocateBlock(<usize>bucketCount << 2);
  memory.fill(buckets, 0, <usize>bucketCount << 2);
  for (let i: u32 = 0; i < oldCount; i++) {
    let node = load<usize>(old + (<usize>i << 2));
    while (node != 0) {
      const next = load<usize>(node);
      const bucket = buckets + (<usize>(load<u32>(node, 4) & (bucketCount - 1)) << 2);
      store<usize>(node, load<usize>(bucket));
      store<usize>(bucket, node);
      node = next;
    }
  }
}

/** The row that the host gives, 0 when it has none. `key` of no bytes but -1 asks for the first. */
function ask(next: bool, map: i32, ordinal: u32, key: usize, bytes: usize): usize {
  let out = allocateBlock(ROOM);
  const length = next
    ? hostNext(map, ordinal, key, bytes, out, ROOM)
    : hostGet(map, ordinal, key, bytes, out, ROOM);
  if (length < 0) return 0;
  if (<usize>length <= ROOM) return out;
  const room = <usize>length;
  out = allocateBlock(room);
  if (next) hostNext(map, ordinal, key, bytes, out, room);
  else hostGet(map, ordinal, key, bytes, out, room);
  return out;
}

/** The node of a map key, looked up when it is met for the first time. */
function loadNode<K>(map: i32, ordinal: u32, key: K): usize {
  encodeKey<K>(key);
  const hash = hashOf(map, ordinal);
  const node = findNode(map, ordinal, hash);
  if (node != 0) return node;
  const start = keyStart;
  const bytes = keyBytes;
  const row = ask(false, map, ordinal, start, bytes);
  keyStart = start;
  keyBytes = bytes;
  return addNode(map, ordinal, hash, row);
}

// @ts-ignore: decorator
@inline
function ordinalOf(broadcast: bool): u32 {
  return broadcast ? 0 : currentOrdinal();
}

/** The row of an entry, not to be changed; 0 when there is none. */
// @ts-ignore: decorator
@global
export function __mr_map_find<K>(map: i32, broadcast: bool, key: K): usize {
  if (!broadcast) __mr_peek();
  return load<usize>(loadNode<K>(map, ordinalOf(broadcast), key), 24);
}

/** Writes an entry, of record type `E`; a null value removes it. */
// @ts-ignore: decorator
@global
export function __mr_map_write<K, E>(map: i32, broadcast: bool, key: K, entry: E, removes: bool): void {
  if (broadcast) {
    if (currentSource() != 1) throw new Error('broadcast state is written by processBroadcast only');
  } else {
    __mr_peek();
  }
  const ordinal = ordinalOf(broadcast);
  encodeKey<K>(key);
  const hash = hashOf(map, ordinal);
  let node = findNode(map, ordinal, hash);
  if (node == 0) node = addNode(map, ordinal, hash, 0);
  // @ts-ignore: a record
  const row = allocateBlock(<usize>entry.__mr_bound() + 16);
  // @ts-ignore: a record
  const bytes: usize = entry.__mr_write(row);
  store<u32>(row, ordinal, 4);
  store<i64>(row, i64.MIN_VALUE, 8);
  hostMap(map, row, bytes, 1);
  const flags = load<u32>(node, 28);
  const isThere = (flags & WRITTEN) != 0 && load<usize>(node, 24) != 0;
  if (removes) {
    store<u32>(node, flags | WRITTEN | ANEW, 28);
    store<usize>(node, 0, 24);
    return;
  }
  store<u32>(node, flags | WRITTEN, 28);
  store<usize>(node, row, 24);
  if (!isThere) pushOrder(node);
}

function pushOrder(node: usize): void {
  if (orderCount == orderRoom) {
    const room = max(<u32>64, orderRoom * 2);
    const grown = allocateBlock(<usize>room << 2);
    memory.copy(grown, order, <usize>orderCount << 2);
    order = grown;
    orderRoom = room;
  }
  store<usize>(order + (<usize>orderCount << 2), node);
  // Its last place counts.
  store<u32>(node, orderCount, 36);
  orderCount++;
}

/** The rows of all entries of the key under way, in the order of their making. */
// @ts-ignore: decorator
@global
export function __mr_map_rows<K, E>(map: i32, broadcast: bool): Array<usize> {
  if (!broadcast) __mr_peek();
  const ordinal = ordinalOf(broadcast);
  const rows = new Array<usize>(0);
  const view = __mr_view<E>();
  turn++;
  let row = ask(true, map, ordinal, 0, <usize>-1);
  while (row != 0) {
    // @ts-ignore: an entry
    view.__mr_move(row);
    // @ts-ignore: an entry
    encodeKey<K>(view.key);
    const start = keyStart;
    const bytes = keyBytes;
    const node = findNode(map, ordinal, hashOf(map, ordinal));
    if (node == 0 || (load<u32>(node, 28) & WRITTEN) == 0) {
      rows.push(row);
    } else if ((load<u32>(node, 28) & ANEW) == 0) {
      store<u32>(node, turn, 32);
      rows.push(load<usize>(node, 24));
    }
    row = ask(true, map, ordinal, start, bytes);
  }
  for (let i: u32 = 0; i < orderCount; i++) {
    const node = load<usize>(order + (<usize>i << 2));
    const isOf = load<i32>(node, 8) == map && load<u32>(node, 12) == ordinal;
    const isLast = load<u32>(node, 36) == i && load<usize>(node, 24) != 0;
    if (isOf && isLast && load<u32>(node, 32) != turn) rows.push(load<usize>(node, 24));
  }
  return rows;
}

/** A view on a copy of the row: what is changed through it stays there. */
// @ts-ignore: decorator
@global
export function __mr_map_view<E>(row: usize): E {
  const bytes = <usize>load<u32>(row);
  const copy = allocateBlock(bytes);
  memory.copy(copy, row, bytes);
  const view = __mr_view<E>();
  // @ts-ignore: an entry
  view.__mr_move(copy);
  return view;
}
