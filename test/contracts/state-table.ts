import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { keyGroupOf } from '../../host/model/key-group.ts';
import type { CreateStateTable, StateTable } from '../../host/state/state-table.ts';
import { batchOfRows, keyOf, rowsOf, viewOf } from '../kit/keyed-rows.ts';
import {
  ALL_GROUPS,
  BY_ALL,
  BY_PAGE,
  BY_USER,
  entriesByGroup,
  KEY_GROUPS,
  keyedBatch,
  read,
  removeKey,
  resolve,
  scanAll,
  stateRow,
  textOf,
  tombstone,
  update,
  VISIT,
} from '../kit/state-rows.ts';

const BIG = 2 ** 30;

/** What every state table does. */
export function stateTableContract(name: string, createTable: CreateStateTable): void {
  const create = (bytesMax = BIG): StateTable =>
    createTable({ keyGroups: KEY_GROUPS, range: ALL_GROUPS, bytesMax });

  describe(`state table: ${name}`, () => {
    test('numbers the distinct keys of a batch in order of first appearance', () => {
      const table = create();
      const users = [5, 9, 5, -5, 9, 5, 0].map((user) => ({ user }));
      const { keys, ordinals, states } = resolve(table, users, BY_USER);
      expect(ordinals).toEqual([0, 1, 0, 2, 1, 0, 3]);
      expect(keys).toBe(4);
      expect(states.size).toBe(0);
    });

    test('hands out the states of the keys that have one, in order, after what is there', () => {
      const table = create();
      update(table, { objects: [{ user: 1 }, { user: 2 }], key: BY_USER }, (_, i) => `first ${i}`);
      const batch = keyedBatch([{ user: 3 }, { user: 2 }, { user: 1 }, { user: 2 }], BY_USER);
      const out = new BatchBuilder(64);
      out.append({ bytes: stateRow(99, 'before'), count: 1 });
      expect(table.resolve(batch, BY_USER, out)).toBe(3);
      const rows = rowsOf(out.batch());
      expect(rows.map(textOf)).toEqual(['before', 'first 1', 'first 0']);
      expect(rows.map((row) => viewOf(row).getUint32(4, true))).toEqual([99, 1, 2]);
    });

    test('takes an empty batch', () => {
      const table = create();
      expect(resolve(table, [], BY_USER).keys).toBe(0);
      table.apply({ bytes: new Uint8Array(0), count: 0 });
      expect(table.entries).toBe(0);
      expect(scanAll(table)).toEqual([]);
      expect(table.snapshot()).toEqual({ bytes: new Uint8Array(0), groups: [] });
    });

    test('a resolve without an apply changes nothing', () => {
      const table = create();
      update(table, { objects: [{ user: 1 }], key: BY_USER }, () => 'kept');
      const before = { snapshot: table.snapshot(), bytes: table.bytes, entries: table.entries };
      for (let i = 0; i < 3; i++) resolve(table, [{ user: i }, { user: 70 + i }], BY_USER);
      expect({ snapshot: table.snapshot(), bytes: table.bytes, entries: table.entries }).toEqual(
        before,
      );
      expect(read(table, { user: 70 }, BY_USER)).toBeUndefined();
      expect(scanAll(table)).toEqual(['kept']);
    });

    test('an apply stores only the keys it is given, in any order, and may follow another', () => {
      const table = create();
      resolve(table, [{ user: 1 }, { user: 2 }, { user: 3 }], BY_USER);
      table.apply(batchOfRows([stateRow(2, 'three'), stateRow(0, 'one')]));
      table.apply(batchOfRows([stateRow(0, 'one again'), stateRow(1, 'two')]));
      expect([1, 2, 3, 4].map((user) => read(table, { user }, BY_USER))).toEqual([
        'one again',
        'two',
        'three',
        undefined,
      ]);
      expect(table.entries).toBe(3);
    });

    test('refuses an ordinal that no key of the batch has', () => {
      const table = create();
      resolve(table, [{ user: 1 }, { user: 1 }], BY_USER);
      for (const ordinal of [1, 2, 0xffff_ffff]) {
        expect(() => table.apply(batchOfRows([stateRow(ordinal, 'x')]))).toThrow();
      }
    });

    test('counts the bytes of keys and states', () => {
      const table = create();
      update(table, { objects: [{ page: 'abc' }], key: BY_PAGE }, () => 'x');
      expect(table.bytes).toBe(7 + 32);
      update(table, { objects: [{ page: 'abc' }, { page: '' }], key: BY_PAGE }, () =>
        'x'.repeat(9),
      );
      expect(table.bytes).toBe(7 + 40 + 4 + 40);
      expect(table.entries).toBe(2);
    });

    test('states grow and shrink, again and again, and keep to their keys', () => {
      const table = create();
      const sizes = [0, 1, 300, 20, 5_000, 70_000, 3, 5_001, 0];
      const users = [1, 2, 3, 4, 5];
      for (const [round, size] of sizes.entries()) {
        const text = (user: number) => `${user}:${round}:`.padEnd(size * user, '.');
        update(table, { objects: users.map((user) => ({ user })), key: BY_USER }, (_, i) =>
          text(users[i]),
        );
        for (const user of users) expect(read(table, { user }, BY_USER)).toBe(text(user));
      }
      expect(table.entries).toBe(5);
    });

    test('gives out copies', () => {
      const table = create();
      update(table, { objects: [{ user: 1 }], key: BY_USER }, () => 'mine');
      const snapshot = table.snapshot();
      snapshot.bytes.fill(255);
      const key = new Uint8Array(8);
      key[0] = 1;
      table.get(new DataView(table.snapshot().bytes.buffer).getUint32(0, true), key)?.fill(255);
      expect(read(table, { user: 1 }, BY_USER)).toBe('mine');
    });

    test('keeps keys apart that differ in null, length, or which field a byte is in', () => {
      const table = create();
      const visits = [
        { tag: null },
        { tag: '' },
        { age: 0 },
        { age: null, page: '\u0000' },
        { page: 'ab', tag: 'c' },
        { page: 'b', tag: 'ca' },
        { page: 'a\u0000\u0000\u0000' },
        { page: 'a' },
        { page: 'k'.repeat(100_000) },
        { page: `${'k'.repeat(99_999)}j` },
      ];
      update(table, { objects: visits, key: BY_ALL }, (_, i) => `state ${i}`);
      expect(table.entries).toBe(visits.length);
      expect(visits.map((each) => read(table, each, BY_ALL))).toEqual(
        visits.map((_, i) => `state ${i}`),
      );
    });

    test('finds keys whose hashes are the same', () => {
      const table = create();
      const batch = keyedBatch(
        Array.from({ length: 300 }, (_, user) => ({ user })),
        BY_USER,
      );
      const hash = viewOf(batch.bytes).getUint32(4, true);
      for (let at = 0; at < batch.bytes.length; at += viewOf(batch.bytes).getUint32(at, true)) {
        viewOf(batch.bytes).setUint32(at + 4, hash, true);
      }
      const again = { bytes: batch.bytes.slice(), count: batch.count };
      expect(table.resolve(batch, BY_USER, new BatchBuilder())).toBe(300);
      table.apply(batchOfRows(Array.from({ length: 300 }, (_, i) => stateRow(i, `${i}`))));
      const out = new BatchBuilder();
      expect(table.resolve(again, BY_USER, out)).toBe(300);
      expect(rowsOf(out.batch()).map(textOf)).toEqual(
        Array.from({ length: 300 }, (_, i) => `${i}`),
      );
    });

    test('grows to many keys in batches of many sizes and loses none', () => {
      const table = create();
      const total = 40_000;
      for (let user = 0, size = 1; user < total; size = (size * 2) % 4_095) {
        const objects = Array.from({ length: Math.min(size, total - user) }, (_, i) => ({
          user: user + i,
        }));
        const first = user;
        update(table, { objects, key: BY_USER }, (before, i) => {
          expect(before).toBeUndefined();
          return `${first + i}`;
        });
        user += objects.length;
      }
      expect(table.entries).toBe(total);
      const texts = scanAll(table, ALL_GROUPS, 64_000);
      expect(new Set(texts)).toEqual(new Set(Array.from({ length: total }, (_, i) => `${i}`)));
      expect(texts.length).toBe(total);
    });

    test('scans a range of key groups in pieces', () => {
      const table = create();
      const objects = Array.from({ length: 500 }, (_, user) => ({ user }));
      update(table, { objects, key: BY_USER }, (_, i) => `${i}`);
      const hashes = rowsOf(keyedBatch(objects, BY_USER)).map((row) =>
        viewOf(row).getUint32(4, true),
      );
      const inRange = (start: number, end: number) =>
        objects
          .map(({ user }) => `${user}`)
          .filter((_, i) => {
            const group = keyGroupOf(hashes[i], KEY_GROUPS);
            return group >= start && group < end;
          })
          .sort();
      for (const [start, end] of [
        [0, 128],
        [0, 1],
        [60, 64],
        [127, 128],
        [5, 5],
      ]) {
        for (const bytesMax of [0, 33, 100_000]) {
          expect(scanAll(table, { start, end }, bytesMax)).toEqual(inRange(start, end));
        }
      }
      const out = new BatchBuilder();
      const cursor = table.scan(ALL_GROUPS, 0, 320, out);
      expect(out.length).toBe(320);
      expect(cursor).toBeGreaterThan(0);
    });

    test('throws STATE_LIMIT when keys and states outgrow their limit, not before', () => {
      const table = create(3 * (8 + 32));
      update(table, { objects: [{ user: 1 }, { user: 2 }, { user: 3 }], key: BY_USER }, () => 'x');
      update(table, { objects: [{ user: 2 }], key: BY_USER }, () => '12345678');
      const limit = expect.objectContaining({
        code: 'STATE_LIMIT',
        hint: expect.stringMatching(/./),
      });
      expect(() => update(table, { objects: [{ user: 4 }], key: BY_USER }, () => 'x')).toThrow(
        limit,
      );
      expect(() =>
        update(table, { objects: [{ user: 1 }], key: BY_USER }, () => '123456789'),
      ).toThrow(limit);
    });

    test('refuses rows that do not fit their batch', () => {
      for (const length of [0, 8, 20, 1 << 20, 0xffff_fff8]) {
        const batch = keyedBatch([{ user: 1 }], BY_USER);
        viewOf(batch.bytes).setUint32(0, length, true);
        expect(() => create().resolve(batch, BY_USER, new BatchBuilder())).toThrow();
        const table = create();
        resolve(table, [{ user: 1 }], BY_USER);
        expect(() => table.apply(batch)).toThrow();
      }
    });

    test('a tombstone removes the state of its key, and of no other', () => {
      const table = create();
      update(table, { objects: [{ user: 1 }, { user: 2 }], key: BY_USER }, (_, i) => `${i}`);
      resolve(table, [{ user: 2 }, { user: 1 }, { user: 3 }], BY_USER);
      const bytes = table.bytes;
      table.apply(batchOfRows([tombstone(1), tombstone(2)]));
      expect([1, 2, 3].map((user) => read(table, { user }, BY_USER))).toEqual([
        undefined,
        '1',
        undefined,
      ]);
      expect([table.entries, table.bytes]).toEqual([1, bytes / 2]);
      expect(scanAll(table)).toEqual(['1']);
      expect(entriesByGroup(table.snapshot()).size).toBe(1);
      table.apply(batchOfRows([tombstone(1), stateRow(2, 'three')]));
      table.apply(batchOfRows([stateRow(1, 'one again')]));
      expect([1, 2, 3].map((user) => read(table, { user }, BY_USER))).toEqual([
        'one again',
        '1',
        'three',
      ]);
      expect(resolve(table, [{ user: 1 }], BY_USER).states.get(0)).toBe('one again');
    });

    test('a state of no fields is not a tombstone, whatever its event time', () => {
      const table = create();
      resolve(table, [{ user: 1 }, { user: 2 }], BY_USER);
      const bare = (ordinal: number, time: bigint) => {
        const row = tombstone(ordinal);
        viewOf(row).setBigInt64(8, time, true);
        return row;
      };
      table.apply(batchOfRows([bare(0, -1n), bare(1, -(2n ** 63n))]));
      expect(table.entries).toBe(2);
    });

    test('removes the state of one key by its bytes, and ends the transaction', () => {
      const table = create();
      const objects = [{ page: 'abc' }, { page: '' }];
      update(table, { objects, key: BY_PAGE }, (_, i) => `${i}`);
      resolve(table, objects, BY_PAGE);
      expect(removeKey(table, { page: 'abd' }, BY_PAGE)).toBe(false);
      expect(removeKey(table, { page: 'abc' }, BY_PAGE)).toBe(true);
      expect(removeKey(table, { page: 'abc' }, BY_PAGE)).toBe(false);
      expect(scanAll(table)).toEqual(['1']);
      expect(() => table.apply(batchOfRows([stateRow(0, 'x')]))).toThrow();
    });

    test('what was removed makes room under the limit', () => {
      const table = create(2 * (8 + 32));
      for (let user = 0; user < 50; user++) {
        update(table, { objects: [{ user }], key: BY_USER }, () => 'x');
        if (user > 0) removeKey(table, { user: user - 1 }, BY_USER);
      }
      expect(table.entries).toBe(1);
    });

    test('does what a map of texts does, whatever the batches', () => {
      const key = fc.constantFrom(BY_USER, BY_PAGE, keyOf(VISIT, 'age', 'tag'), BY_ALL);
      const visits = fc.array(
        fc.record({
          user: fc.integer({ min: 0, max: 40 }),
          page: fc.string({ unit: 'binary', maxLength: 20 }),
          age: fc.option(fc.integer({ min: 0, max: 3 })),
          tag: fc.option(fc.constantFrom('', 'a', 'aa', 'b'.repeat(33))),
        }),
        { maxLength: 30 },
      );
      const removed = fc.array(fc.boolean(), { maxLength: 6 });
      const step = fc.record({
        visits,
        removed,
        applied: fc.boolean(),
        size: fc.nat({ max: 200 }),
      });
      const run = fc.property(key, fc.array(step, { maxLength: 12 }), (keySpec, steps) => {
        const table = create();
        const model = new Map<string, string>();
        const nameOf = (object: object) =>
          JSON.stringify(keySpec.fields.map((field) => Reflect.get(object, field.name)));
        for (const { visits: objects, removed: gone, applied, size } of steps) {
          const names = [...new Set(objects.map(nameOf))];
          const { keys, states, ordinals } = resolve(table, objects, keySpec);
          expect(ordinals).toEqual(objects.map((object) => names.indexOf(nameOf(object))));
          expect(keys).toBe(names.length);
          expect(names.map((_, i) => states.get(i))).toEqual(names.map((each) => model.get(each)));
          if (!applied) continue;
          const next = names.map(
            (each, i) => `${model.get(each)?.length ?? ''}${'+'.repeat(size)}${i}`,
          );
          table.apply(
            batchOfRows(next.map((text, i) => (gone[i] ? tombstone(i) : stateRow(i, text)))),
          );
          for (const [i, each] of names.entries()) {
            if (gone[i]) model.delete(each);
            else model.set(each, next[i]);
          }
        }
        expect(table.entries).toBe(model.size);
        expect(scanAll(table)).toEqual([...model.values()].sort());
        table.close();
      });
      fc.assert(run, { numRuns: 60 });
    });
  });
}
