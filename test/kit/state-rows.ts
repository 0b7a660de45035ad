import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { keyBytesOf } from '../../host/abi/key-bytes.ts';
import { hashKey } from '../../host/abi/key-hash.ts';
import { createPlainRowKernel } from '../../host/abi/plain-row-kernel.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { KeyGroupRange } from '../../host/model/key-group.ts';
import type { KeySpec } from '../../host/model/key-spec.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import type { KeyedSnapshot, StateTable } from '../../host/state/state-table.ts';
import { appendTombstone } from '../../host/state/tombstone.ts';
import { batchOf, batchOfRows, keyOf, rowsOf, tagged, viewOf } from './keyed-rows.ts';

export const KEY_GROUPS = 128;
export const ALL_GROUPS: KeyGroupRange = { start: 0, end: KEY_GROUPS };

/** A record with a key of every shape. */
export const VISIT: RecordSchema = {
  name: 'Visit',
  fields: [
    { name: 'user', type: { kind: 'i64' } },
    { name: 'page', type: { kind: 'string' } },
    { name: 'age', type: { kind: 'optional', of: { kind: 'i32' } } },
    { name: 'tag', type: { kind: 'optional', of: { kind: 'string' } } },
  ],
};
export const BY_USER = keyOf(VISIT, 'user');
export const BY_PAGE = keyOf(VISIT, 'page');
export const BY_ALL = keyOf(VISIT, 'tag', 'user', 'age', 'page');

const STATE: RecordSchema = { name: 'State', fields: [{ name: 'text', type: { kind: 'string' } }] };
const kernel = createPlainRowKernel();

/** A visit with everything but what a test cares about filled in. */
export function visit(part: object = {}): object {
  return { user: 0, page: '', age: null, tag: null, ...part };
}

/** Rows with their key hashes in the tags, as a keyed edge delivers them. */
export function keyedBatch(objects: readonly object[], key: KeySpec): Batch {
  const batch = batchOf(VISIT, objects.map(visit));
  kernel.hashKeys(batch, key);
  return batch;
}

/** A state row that holds `text`, tagged with an ordinal. */
export function stateRow(ordinal: number, text: string): Uint8Array {
  return tagged(batchOf(STATE, [{ text }]).bytes, ordinal);
}

/** The row that removes the state of an ordinal. */
export function tombstone(ordinal: number): Uint8Array {
  const out = new BatchBuilder(64);
  appendTombstone(out, ordinal);
  return out.batch().bytes.slice();
}

/** Removes the state of the key of one visit. */
export function removeKey(table: StateTable, object: object, key: KeySpec): boolean {
  const bytes = keyBytesOf(viewOf(batchOf(VISIT, [visit(object)]).bytes), 0, key);
  return table.remove(hashKey(bytes), bytes);
}

/** The text of a state row. */
export function textOf(row: Uint8Array): string {
  const view = viewOf(row);
  const offset = view.getUint32(16, true);
  return Buffer.from(row.subarray(offset, offset + view.getUint32(20, true))).toString();
}

/** One transaction: gives each distinct key of the batch the state that `next` makes of its old one. */
export function update(
  table: StateTable,
  batch: { readonly objects: readonly object[]; readonly key: KeySpec },
  next: (before: string | undefined, ordinal: number) => string,
): void {
  const { states, keys } = resolve(table, batch.objects, batch.key);
  const rows = Array.from({ length: keys }, (_, i) => stateRow(i, next(states.get(i), i)));
  table.apply(batchOfRows(rows));
}

/** Resolves a batch: its ordinals, the states handed out by ordinal, and the number of keys. */
export function resolve(table: StateTable, objects: readonly object[], key: KeySpec) {
  const batch = keyedBatch(objects, key);
  const out = new BatchBuilder();
  const keys = table.resolve(batch, key, out);
  const states = new Map<number, string>();
  for (const row of rowsOf(out.batch())) states.set(viewOf(row).getUint32(4, true), textOf(row));
  return { keys, states, ordinals: rowsOf(batch).map((row) => viewOf(row).getUint32(4, true)) };
}

/** The state of the key of one visit, as text. */
export function read(table: StateTable, object: object, key: KeySpec): string | undefined {
  const row = batchOf(VISIT, [visit(object)]);
  const bytes = keyBytesOf(viewOf(row.bytes), 0, key);
  const state = table.get(hashKey(bytes), bytes);
  return state === undefined ? undefined : textOf(state);
}

/** All states of a range, through `scan` in pieces of `bytesMax`. */
export function scanAll(table: StateTable, range = ALL_GROUPS, bytesMax = 1_000): string[] {
  const texts: string[] = [];
  const out = new BatchBuilder();
  let cursor = 0;
  do {
    out.clear();
    cursor = table.scan(range, cursor, bytesMax, out);
    texts.push(...rowsOf(out.batch()).map(textOf));
  } while (cursor >= 0);
  return texts.sort();
}

/** Entries of a snapshot, read by hand: hash, key and state in hex, by group. */
export function entriesByGroup(snapshot: KeyedSnapshot): Map<number, string[]> {
  const view = viewOf(snapshot.bytes);
  const hex = (from: number, bytes: number) =>
    Buffer.from(snapshot.bytes.subarray(from, from + bytes)).toString('hex');
  const groups = new Map<number, string[]>();
  for (const { group, offset, length, entries } of snapshot.groups) {
    const found: string[] = [];
    for (let at = offset; at < offset + length; ) {
      const [hash, key, state] = [0, 4, 8].map((field) => view.getUint32(at + field, true));
      const stateAt = at + 16 + ((key + 7) & ~7);
      found.push(`${hash} ${hex(at + 16, key)} ${hex(stateAt, state)}`);
      at = stateAt + state;
    }
    if (found.length !== entries) throw new Error(`group ${group} holds ${found.length} entries`);
    groups.set(group, found.sort());
  }
  return groups;
}
