import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { keyGroupOf } from '../../host/model/key-group.ts';
import { createMapStateTable } from '../../host/state/map-state-table.ts';
import type {
  CreateStateTable,
  KeyedSnapshot,
  StateCapture,
  StateTable,
} from '../../host/state/state-table.ts';
import { ALL_GROUPS, BY_PAGE, KEY_GROUPS, removeKey, update } from '../kit/state-rows.ts';

const OPTIONS = { keyGroups: KEY_GROUPS, range: ALL_GROUPS, bytesMax: 2 ** 30 };

/** What captures of every state table do: incremental ones, and ones that batches come between. */
export function stateCaptureContract(name: string, createTable: CreateStateTable): void {
  const create = (): StateTable => createTable(OPTIONS);
  const pages = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({ page: `page ${from + i}` }));
  const put = (table: StateTable, [from, to]: readonly [number, number], text: string) =>
    update(table, { objects: pages(from, to), key: BY_PAGE }, (_, i) => `${text} ${from + i}`);

  describe(`capture: ${name}`, () => {
    test('the first one is of everything, the next of what changed since', () => {
      const table = create();
      put(table, [0, 100], 'a');
      const first = table.capture(true);
      expect(first.changes).toBe(false);
      const whole = complete(first);
      put(table, [50, 53], 'b');
      removeKey(table, { page: 'page 7' }, BY_PAGE);
      const second = table.capture(true);
      expect(second.changes).toBe(true);
      const changes = complete(second);
      expect(countEntries(whole)).toBe(100);
      expect(countEntries(changes)).toBe(4);
      expect(restored(create(), [whole, changes])).toEqual(stateOf(table));
    });

    test('nothing changed is a capture of nothing', () => {
      const table = create();
      put(table, [0, 10], 'a');
      complete(table.capture(true));
      expect(complete(table.capture(true))).toEqual({
        bytes: new Uint8Array(0),
        groups: [],
        changes: true,
      });
    });

    test('one of everything may be asked for at any time, and what follows builds on it', () => {
      const table = create();
      put(table, [0, 20], 'a');
      complete(table.capture(true));
      put(table, [5, 9], 'b');
      const whole = complete(table.capture(false));
      expect(countEntries(whole)).toBe(20);
      put(table, [8, 10], 'c');
      const changes = complete(table.capture(true));
      expect(countEntries(changes)).toBe(2);
      expect(restored(create(), [whole, changes])).toEqual(stateOf(table));
    });

    test('after one that was given up the next is of everything', () => {
      const table = create();
      put(table, [0, 5_000], 'a');
      complete(table.capture(true));
      put(table, [0, 3_000], 'b');
      removeKey(table, { page: 'page 1' }, BY_PAGE);
      const given = table.capture(true);
      given.proceed(1);
      put(table, [0, 3_000], 'c');
      given.cancel();
      const next = table.capture(true);
      expect(next.changes).toBe(false);
      expect(restored(create(), [complete(next)])).toEqual(stateOf(table));
    });

    test('what is stored, resized or removed meanwhile does not show', () => {
      for (const changes of [false, true]) {
        const table = create();
        put(table, [0, 6_000], 'a');
        if (changes) {
          complete(table.capture(true));
          put(table, [0, 5_500], 'b');
        }
        const before = stateOf(table);
        const capture = table.capture(changes);
        capture.proceed(1);
        put(table, [0, 200], 'other');
        put(table, [4_800, 6_500], 'a much longer text than there was before');
        for (let i = 5_000; i < 5_100; i++) removeKey(table, { page: `page ${i}` }, BY_PAGE);
        put(table, [5_050, 5_060], 'back');
        const last = complete(capture, 1 << 14);
        const copy = create();
        if (changes) {
          const base = create();
          put(base, [0, 6_000], 'a');
          copy.restore(base.snapshot(), ALL_GROUPS);
        }
        copy.restore(last, ALL_GROUPS);
        expect(stateOf(copy)).toEqual(before);
        const after = create();
        after.restore(copy.snapshot(), ALL_GROUPS);
        after.restore(complete(table.capture(true)), ALL_GROUPS);
        expect(stateOf(after)).toEqual(stateOf(table));
      }
    });

    test('a key that was removed and came again is there after a restore, the other way round not', () => {
      const table = create();
      put(table, [0, 3], 'a');
      const base = complete(table.capture(true));
      removeKey(table, { page: 'page 0' }, BY_PAGE);
      put(table, [0, 1], 'again');
      put(table, [5, 6], 'new');
      removeKey(table, { page: 'page 5' }, BY_PAGE);
      removeKey(table, { page: 'page 1' }, BY_PAGE);
      put(table, [1, 2], 'back');
      removeKey(table, { page: 'page 1' }, BY_PAGE);
      const state = restored(create(), [base, complete(table.capture(true))]);
      expect(state).toEqual(stateOf(table));
      expect([...state.values()].flat().length).toBe(2);
    });

    test('an entry without a state is refused in a snapshot of everything', () => {
      const table = create();
      put(table, [0, 3], 'a');
      complete(table.capture(true));
      removeKey(table, { page: 'page 0' }, BY_PAGE);
      const { bytes, groups } = complete(table.capture(true));
      const whole = { bytes, groups: groups.map((piece) => ({ ...piece })) };
      expect(() => create().restore(whole, ALL_GROUPS)).toThrow(
        expect.objectContaining({ code: 'CHECKPOINT_CORRUPT' }),
      );
    });

    test('chains of captures give back the state at each, whatever happens between their pieces', () => {
      const run = fc.property(fc.array(step, { maxLength: 25 }), fc.nat(), (steps, seed) => {
        const table = create();
        // Scanning a table moves all its slots: its states are those of another one that does the same.
        const twin = createMapStateTable(OPTIONS);
        let chain: KeyedSnapshot[] = [];
        let running: { capture: StateCapture; state: Map<number, string[]> } | undefined;
        const settle = (pieces: number) => {
          for (let i = 0; running !== undefined && i < pieces; i++) {
            const captured = running.capture.proceed(1 << 14);
            if (captured === undefined) continue;
            chain = captured.changes ? [...chain, joined(captured)] : [joined(captured)];
            expect(restored(create(), chain)).toEqual(running.state);
            running = undefined;
          }
        };
        const random = randomNumbers(seed);
        for (const { first, keys, removed, size, capture, pieces } of steps) {
          const objects = Array.from({ length: keys }, () => ({
            page: `page ${first + random(400)}`,
          }));
          const gone = Array.from({ length: removed }, () => ({
            page: `page ${first + random(400)}`,
          }));
          for (const one of [table, twin]) {
            update(one, { objects, key: BY_PAGE }, (_, i) => `${i}`.padEnd(size));
            for (const object of gone) removeKey(one, object, BY_PAGE);
          }
          settle(pieces);
          if (capture === 'none') continue;
          settle(Number.MAX_SAFE_INTEGER);
          const state = stateOf(twin);
          running = { capture: table.capture(capture === 'changes'), state };
        }
        settle(Number.MAX_SAFE_INTEGER);
        table.close();
      });
      fc.assert(run, { numRuns: 15 });
    });
  });
}

const step = fc.record({
  first: fc.nat({ max: 4_000 }),
  keys: fc.nat({ max: 3_000 }),
  removed: fc.nat({ max: 150 }),
  size: fc.nat({ max: 120 }),
  capture: fc.constantFrom('none', 'all', 'changes', 'changes'),
  pieces: fc.nat({ max: 3 }),
});

function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function complete(capture: StateCapture, bytesMax = 1 << 20): KeyedSnapshot {
  for (;;) {
    const captured = capture.proceed(bytesMax);
    if (captured !== undefined) return joined(captured);
  }
}

function joined(captured: NonNullable<ReturnType<StateCapture['proceed']>>): KeyedSnapshot {
  const { parts, groups, changes } = captured;
  return { bytes: new Uint8Array(Buffer.concat(parts)), groups, changes };
}

function countEntries(snapshot: KeyedSnapshot): number {
  return snapshot.groups.reduce((sum, { entries }) => sum + entries, 0);
}

/** All entries of a table, by group; not through a capture, which would be the base of the next one. */
function stateOf(table: StateTable): Map<number, string[]> {
  const out = new BatchBuilder();
  for (let cursor = 0; cursor >= 0; ) {
    cursor = table.scanEntries(ALL_GROUPS, cursor, 1 << 20, out);
  }
  const groups = new Map<number, string[]>();
  for (let at = 0; at < out.length; ) {
    const group = keyGroupOf(out.view.getUint32(at, true), KEY_GROUPS);
    const length =
      16 + ((out.view.getUint32(at + 4, true) + 7) & ~7) + out.view.getUint32(at + 8, true);
    const entry = Buffer.from(out.bytes.subarray(at, at + length)).toString('hex');
    groups.set(group, [...(groups.get(group) ?? []), entry]);
    at += length;
  }
  for (const entries of groups.values()) entries.sort();
  return groups;
}

function restored(table: StateTable, chain: readonly KeyedSnapshot[]): Map<number, string[]> {
  for (const snapshot of chain) table.restore(snapshot, ALL_GROUPS);
  const state = stateOf(table);
  table.close();
  return state;
}
