import { expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import type { Batch } from '../../host/model/batch.ts';
import { createEngineStateTable } from '../../host/state/engine-state-table.ts';
import { createMapStateTable } from '../../host/state/map-state-table.ts';
import type { StateTable } from '../../host/state/state-table.ts';
import { batchOfRows, rowsOf, viewOf } from '../kit/keyed-rows.ts';
import {
  ALL_GROUPS,
  BY_PAGE,
  BY_USER,
  entriesByGroup,
  KEY_GROUPS,
  keyedBatch,
  read,
  removeKey,
  scanAll,
  stateRow,
  tombstone,
  update,
} from '../kit/state-rows.ts';

const OPTIONS = { keyGroups: KEY_GROUPS, range: ALL_GROUPS, bytesMax: 2 ** 31 };

/** Numbers below a bound, the same for the same seed. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
}

/** Gives keys that follow one another the same hash: they then stand in each other's way in the slots. */
function shareHashes(rows: Batch, alike: number): void {
  const view = viewOf(rows.bytes);
  for (let at = 0; at < rows.bytes.length; at += view.getUint32(at, true)) {
    const user = view.getUint32(at + 16, true);
    view.setUint32(at + 4, Math.imul(Math.floor(user / alike) + 1, 0x9e3779b1), true);
  }
}

test.each([
  1, 8,
])('states that move while the slots grow stay with their keys, %i keys to a hash', (alike) => {
  const random = randomNumbers(7);
  const tables: StateTable[] = [createMapStateTable(OPTIONS), createEngineStateTable(OPTIONS)];
  for (let round = 0, keys = 40; round < 220; round++) {
    // Some new keys, so that slots are nearly always on the move, and old ones whose states change size.
    keys += 1 + random(120);
    const users = Array.from({ length: 1 + random(300) }, () => random(keys));
    const sizes = users.map(() => (random(5) === 0 ? random(700) : 8 * random(12)));
    const gone = users.map(() => random(round % 3 === 0 ? 2 : 20) === 0);
    const outputs = tables.map((table) => {
      const rows = keyedBatch(
        users.map((user) => ({ user })),
        BY_USER,
      );
      shareHashes(rows, alike);
      const out = new BatchBuilder();
      const count = table.resolve(rows, BY_USER, out);
      const states = Array.from({ length: count }, (_, i) =>
        gone[i] ? tombstone(i) : stateRow(i, '='.repeat(sizes[i])),
      );
      if (round % 5 !== 4) table.apply(batchOfRows(states));
      return { rows: rows.bytes, states: out.batch().bytes.slice(), count };
    });
    expect(outputs[1]).toEqual(outputs[0]);
  }
  const [map, engine] = tables;
  expect(engine.entries).toBe(map.entries);
  expect(engine.bytes).toBe(map.bytes);
  expect(entriesByGroup(engine.snapshot())).toEqual(entriesByGroup(map.snapshot()));
});

test('a block that goes from a moved entry to one not moved yet is not taken for the former', () => {
  const table = createEngineStateTable(OPTIONS);
  // All keys have hash 0 and stand in slots 0, 1, …; at 2,560 of 4,096 slots these begin to move, 512 a batch.
  const store = (users: readonly number[], bytes: number) => {
    const rows = keyedBatch(
      users.map((user) => ({ user })),
      BY_USER,
    );
    for (let at = 0; at < rows.bytes.length; at += viewOf(rows.bytes).getUint32(at, true)) {
      viewOf(rows.bytes).setUint32(at + 4, 0, true);
    }
    table.resolve(rows, BY_USER, new BatchBuilder());
    table.apply(batchOfRows(users.map((user, i) => stateRow(i, `${user}:`.padEnd(bytes, '.')))));
  };
  const [first, late] = [0, 2_500];
  const upTo = (end: number) => Array.from({ length: end }, (_, user) => user);
  store(upTo(late), 8);
  store([late], 400);
  store(upTo(2_562).slice(late + 1), 8);
  store([first], 100);
  store([late], 8);
  store([late], 200);
  for (let i = 0; i < 20; i++) store([1], 8);
  const found = new Set(scanAll(table));
  expect(found.size).toBe(2_562);
  expect(found).toContain(`${late}:`.padEnd(200, '.'));
  expect(found).toContain(`${first}:`.padEnd(100, '.'));
});

test('room that states gave back is used again', () => {
  const table = createEngineStateTable(OPTIONS);
  const objects = Array.from({ length: 200 }, (_, user) => ({ user }));
  const resize = (bytes: number) =>
    update(table, { objects, key: BY_USER }, () => '.'.repeat(bytes));
  const sizes = [10, 2_000, 300, 20_000, 50];
  for (let i = 0; i < 3; i++) for (const bytes of sizes) resize(bytes);
  const settled = table.memoryBytes;
  for (let i = 0; i < 8; i++) for (const bytes of sizes) resize(bytes);
  expect(table.memoryBytes).toBe(settled);
});

test('keys that come and go need no more memory than those that are there', () => {
  const table = createEngineStateTable(OPTIONS);
  let next = 0;
  const turnOver = (keys: number, kept: number) => {
    for (const last = next + keys; next < last; next++) {
      update(table, { objects: [{ user: next }], key: BY_USER }, () => `${next}`.padEnd(40));
      if (next >= kept) expect(removeKey(table, { user: next - kept }, BY_USER)).toBe(true);
    }
  };
  turnOver(4_000, 1_000);
  const settled = table.memoryBytes;
  turnOver(12_000, 1_000);
  expect(table.memoryBytes).toBe(settled);
  expect(table.entries).toBe(1_000);
  expect(new Set(scanAll(table).map((text) => Number(text)))).toEqual(
    new Set(Array.from({ length: 1_000 }, (_, i) => next - 1 - i)),
  );
});

test('snapshots and scans need no more memory the second time', () => {
  const table = createEngineStateTable(OPTIONS);
  const objects = Array.from({ length: 5_000 }, (_, user) => ({ user }));
  update(table, { objects, key: BY_USER }, (_, i) => `${i}`);
  table.snapshot();
  const settled = table.memoryBytes;
  for (let i = 0; i < 50; i++) {
    table.snapshot();
    table.scan(ALL_GROUPS, 0, 1 << 20, new BatchBuilder());
  }
  expect(table.memoryBytes).toBe(settled);
});

test('more states than the exchange area holds come out in several pieces', () => {
  const table = createEngineStateTable(OPTIONS);
  const objects = Array.from({ length: 300 }, (_, i) => ({ page: `page ${i}` }));
  const text = (i: number) => `${i}:`.padEnd(i % 7 === 0 ? 200_000 : 1_000, '.');
  update(table, { objects, key: BY_PAGE }, (_, i) => text(i));
  const out = new BatchBuilder();
  const batch = keyedBatch([...objects, ...objects], BY_PAGE);
  expect(table.resolve(batch, BY_PAGE, out)).toBe(300);
  const rows = rowsOf(out.batch());
  expect(rows.map((row) => viewOf(row).getUint32(4, true))).toEqual(objects.map((_, i) => i));
  for (const [i, object] of objects.entries()) expect(read(table, object, BY_PAGE)).toBe(text(i));
});

test('a small table takes little memory, a large one little more than twice its bytes', () => {
  const small = createEngineStateTable(OPTIONS);
  update(small, { objects: [{ user: 1 }], key: BY_USER }, () => 'x');
  expect(small.memoryBytes).toBeLessThanOrEqual(512 << 10);

  const large = createEngineStateTable(OPTIONS);
  for (let user = 0; user < 100_000; user += 1_000) {
    const objects = Array.from({ length: 1_000 }, (_, i) => ({ user: user + i }));
    update(large, { objects, key: BY_USER }, (_, i) => `${i}`);
  }
  expect(large.memoryBytes).toBeLessThan(2.6 * large.bytes);
});
