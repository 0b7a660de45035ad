import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { hashKey } from '../../host/abi/key-hash.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { CreateStateTable, StateTable } from '../../host/state/state-table.ts';
import { batchOfRows, rowsOf, viewOf } from '../kit/keyed-rows.ts';
import {
  ALL_GROUPS,
  BY_USER,
  KEY_GROUPS,
  keyedBatch,
  stateRow,
  textOf,
} from '../kit/state-rows.ts';

interface Key {
  readonly user: string;
  readonly window: number;
}

const NO_STATE = new Uint8Array(0);

/** An entry whose key is a user and a window behind it; the hash is the user's. */
function entryOf({ user, window }: Key, state: Uint8Array = NO_STATE): Uint8Array {
  const bytes = Buffer.from(user);
  const length = bytes.length + 8;
  const padded = (length + 7) & ~7;
  const entry = new Uint8Array(16 + padded + state.length);
  const view = viewOf(entry);
  view.setUint32(0, hashKey(bytes), true);
  view.setUint32(4, length, true);
  view.setUint32(8, state.length, true);
  entry.set(bytes, 16);
  view.setFloat64(16 + bytes.length, window, true);
  entry.set(state, 16 + padded);
  return entry;
}

function entriesOf(keys: readonly Key[], state?: Uint8Array): Batch {
  return {
    bytes: new Uint8Array(Buffer.concat(keys.map((key) => entryOf(key, state)))),
    count: keys.length,
  };
}

function* offsetsIn(bytes: Uint8Array): Generator<number> {
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; ) {
    yield at;
    at += 16 + ((view.getUint32(at + 4, true) + 7) & ~7) + view.getUint32(at + 8, true);
  }
}

/** The keys and states of entries. */
function readEntries(bytes: Uint8Array): Map<string, string> {
  const view = viewOf(bytes);
  const read = new Map<string, string>();
  for (const at of offsetsIn(bytes)) {
    const length = view.getUint32(at + 4, true);
    const user = Buffer.from(bytes.subarray(at + 16, at + 16 + length - 8)).toString();
    const window = view.getFloat64(at + 16 + length - 8, true);
    const state = at + 16 + ((length + 7) & ~7);
    const row = bytes.subarray(state, state + view.getUint32(at + 8, true));
    read.set(`${user}@${window}`, row.length === 0 ? '' : textOf(row));
  }
  return read;
}

function scanEntries(table: StateTable, bytesMax = 200): Map<string, string> {
  const out = new BatchBuilder(64);
  for (let cursor = 0; cursor >= 0; ) cursor = table.scanEntries(ALL_GROUPS, cursor, bytesMax, out);
  const entries = readEntries(out.batch().bytes);
  expect(out.count).toBe(entries.size);
  return entries;
}

/** Resolves, and says what ordinals the entries got and what states were handed out. */
function resolve(table: StateTable, batch: Batch) {
  const out = new BatchBuilder(64);
  const keys = table.resolveEntries(batch, out);
  const ordinals = [...offsetsIn(batch.bytes)].map((at) =>
    viewOf(batch.bytes).getUint32(at + 12, true),
  );
  const states = new Map(
    rowsOf(out.batch()).map((row) => [viewOf(row).getUint32(4, true), textOf(row)]),
  );
  return { keys, ordinals, states };
}

/** What every state table does with keys given by their bytes. */
export function keyedEntriesContract(name: string, createTable: CreateStateTable): void {
  const create = (composite = true) =>
    createTable({ keyGroups: KEY_GROUPS, range: ALL_GROUPS, bytesMax: 2 ** 30, composite });
  const keyOf = fc.record({
    user: fc.constantFrom('', 'a', 'ada', 'a user with a long name', 'b'),
    window: fc.integer({ min: 0, max: 3 }),
  });

  describe(`entries of a state table: ${name}`, () => {
    test('what one table scans another one resolves', () => {
      const [first, second] = [create(false), create(false)];
      for (const [table, users] of [
        [first, [1, 2, 3]],
        [second, [3, 1]],
      ] as const) {
        const batch = keyedBatch(
          users.map((user) => ({ user })),
          BY_USER,
        );
        table.resolve(batch, BY_USER, new BatchBuilder());
        table.apply(batchOfRows(users.map((user, i) => stateRow(i, `user ${user}`))));
      }
      const out = new BatchBuilder();
      expect(first.scanEntries(ALL_GROUPS, 0, 1 << 20, out)).toBe(-1);
      const { keys, states } = resolve(second, out.batch());
      expect(keys).toBe(3);
      expect([...states.values()].sort()).toEqual(['user 1', 'user 3']);
    });

    test('refuses entries that do not fit their batch', () => {
      for (const length of [17, 1 << 20, 0xffff_fff8]) {
        const batch = entriesOf([{ user: 'a', window: 1 }]);
        viewOf(batch.bytes).setUint32(4, length, true);
        expect(() => create().resolveEntries(batch, new BatchBuilder())).toThrow();
      }
    });

    test('a snapshot of composite keys is restored; one that does not say so is refused', () => {
      const table = create();
      table.resolveEntries(
        entriesOf([
          { user: 'a', window: 1 },
          { user: 'a', window: 2 },
        ]),
        new BatchBuilder(),
      );
      table.apply(batchOfRows([stateRow(0, 'one'), stateRow(1, 'two')]));
      const again = create();
      again.restore(table.snapshot(), ALL_GROUPS);
      expect(scanEntries(again)).toEqual(
        new Map([
          ['a@1', 'one'],
          ['a@2', 'two'],
        ]),
      );
      expect(() => create(false).restore(table.snapshot(), ALL_GROUPS)).toThrow();
    });

    test('does what a map does, whatever the keys', () => {
      const step = fc.record({
        keys: fc.array(keyOf, { maxLength: 30 }),
        applied: fc.boolean(),
        size: fc.nat({ max: 90 }),
        withState: fc.boolean(),
      });
      const run = fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
        const table = create();
        const model = new Map<string, string>();
        for (const { keys, applied, size, withState } of steps) {
          const names = [...new Set(keys.map(({ user, window }) => `${user}@${window}`))];
          const batch = entriesOf(keys, withState ? stateRow(0, 'ignored') : undefined);
          const resolved = resolve(table, batch);
          expect(resolved.keys).toBe(names.length);
          expect(resolved.ordinals).toEqual(
            keys.map(({ user, window }) => names.indexOf(`${user}@${window}`)),
          );
          expect(names.map((_, i) => resolved.states.get(i))).toEqual(
            names.map((one) => model.get(one)),
          );
          if (!applied) continue;
          table.apply(batchOfRows(names.map((_, i) => stateRow(i, `${i}${'+'.repeat(size)}`))));
          for (const [i, one] of names.entries()) model.set(one, `${i}${'+'.repeat(size)}`);
        }
        expect(scanEntries(table)).toEqual(model);
        expect(table.entries).toBe(model.size);
        table.close();
      });
      fc.assert(run, { numRuns: 100 });
    });
  });
}
