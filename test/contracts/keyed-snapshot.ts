import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MillraceError } from '../../host/errors.ts';
import { keyGroupRange } from '../../host/model/key-group.ts';
import type { CreateStateTable, KeyedSnapshot, StateTable } from '../../host/state/state-table.ts';
import { viewOf } from '../kit/keyed-rows.ts';
import {
  ALL_GROUPS,
  BY_PAGE,
  BY_USER,
  entriesByGroup,
  KEY_GROUPS,
  read,
  scanAll,
  update,
} from '../kit/state-rows.ts';

const MUTATIONS = 6_000;

/** What the snapshots of every state table do. */
export function keyedSnapshotContract(name: string, createTable: CreateStateTable): void {
  const create = (bytesMax = 2 ** 30): StateTable =>
    createTable({ keyGroups: KEY_GROUPS, range: ALL_GROUPS, bytesMax });
  const filled = (keys: number, size = (i: number) => i % 50): StateTable => {
    const table = create();
    const objects = Array.from({ length: keys }, (_, i) => ({ page: `page ${i}`.padEnd(i % 40) }));
    update(table, { objects, key: BY_PAGE }, (_, i) => `${i}`.padEnd(size(i)));
    return table;
  };

  describe(`keyed snapshot: ${name}`, () => {
    test('has the layout of its contract', () => {
      const table = create();
      update(table, { objects: [{ page: 'abc' }], key: BY_PAGE }, () => 'state');
      const { bytes, groups } = table.snapshot();
      const view = viewOf(bytes);
      const hash = view.getUint32(0, true);
      expect(groups).toEqual([{ group: hash % KEY_GROUPS, offset: 0, length: 56, entries: 1 }]);
      expect([4, 8, 12].map((at) => view.getUint32(at, true))).toEqual([7, 32, 0]);
      expect([...bytes.subarray(16, 24)]).toEqual([3, 0, 0, 0, 97, 98, 99, 0]);
      expect([24, 28].map((at) => view.getUint32(at, true))).toEqual([32, 0]);
      expect(Buffer.from(bytes.subarray(48, 53)).toString()).toBe('state');
    });

    test('is dealt by key group, in order, without gaps', () => {
      const { bytes, groups } = filled(2_000).snapshot();
      let offset = 0;
      for (const [i, piece] of groups.entries()) {
        expect(piece.offset).toBe(offset);
        if (i > 0) expect(piece.group).toBeGreaterThan(groups[i - 1].group);
        offset += piece.length;
      }
      expect(offset).toBe(bytes.length);
      expect(groups.reduce((sum, { entries }) => sum + entries, 0)).toBe(2_000);
    });

    test('does not change with the table afterwards', () => {
      const table = filled(100);
      const snapshot = table.snapshot();
      const before = snapshot.bytes.slice();
      update(
        table,
        { objects: [{ page: 'page 1' }, { page: 'new' }], key: BY_PAGE },
        () => 'later',
      );
      expect(snapshot.bytes).toEqual(before);
    });

    test('read back into any parallelism, the parts make up the whole', () => {
      const sizes = fc.record({ keys: fc.nat({ max: 400 }), from: fc.integer({ min: 1, max: 9 }) });
      const run = fc.property(sizes, fc.integer({ min: 1, max: 128 }), ({ keys, from }, to) => {
        const whole = filled(keys).snapshot();
        const parts = Array.from({ length: from }, (_, task) => {
          const table = create();
          table.restore(whole, keyGroupRange(task, KEY_GROUPS, from));
          return table.snapshot();
        });
        const union = new Map<number, string[]>();
        for (let task = 0; task < to; task++) {
          const range = keyGroupRange(task, KEY_GROUPS, to);
          const table = create();
          for (const part of parts) table.restore(part, range);
          for (const [group, entries] of entriesByGroup(table.snapshot())) {
            expect(group >= range.start && group < range.end).toBe(true);
            union.set(group, entries);
          }
        }
        expect(union).toEqual(entriesByGroup(whole));
      });
      fc.assert(run, { numRuns: 12 });
    });

    test('a table that was read back goes on like the one before', () => {
      const before = filled(3_000, (i) => (i % 7) * 100);
      const after = create();
      after.restore(before.snapshot(), ALL_GROUPS);
      expect(after.entries).toBe(before.entries);
      expect(after.bytes).toBe(before.bytes);
      for (const table of [before, after]) {
        const objects = Array.from({ length: 50 }, (_, i) => ({ page: `other ${i}` }));
        update(table, { objects, key: BY_PAGE }, (_, i) => `new ${i}`);
      }
      expect(scanAll(after)).toEqual(scanAll(before));
    });

    test('entries larger than any buffer are read back whole', () => {
      const table = create();
      const page = 'long key '.repeat(300_000);
      update(table, { objects: [{ page }, { page: 'b' }], key: BY_PAGE }, (_, i) =>
        `${i}`.repeat(3_000_000),
      );
      const copy = create();
      copy.restore(table.snapshot(), ALL_GROUPS);
      expect(read(copy, { page }, BY_PAGE)).toBe('0'.repeat(3_000_000));
      expect(entriesByGroup(copy.snapshot())).toEqual(entriesByGroup(table.snapshot()));
    });

    test('a key that comes twice is CHECKPOINT_CORRUPT', () => {
      const table = filled(10);
      expect(() => table.restore(table.snapshot(), ALL_GROUPS)).toThrow(
        expect.objectContaining({ code: 'CHECKPOINT_CORRUPT' }),
      );
    });

    test('throws STATE_LIMIT when the limit is lower than what is read back', () => {
      const table = create();
      const objects = Array.from({ length: 100 }, (_, user) => ({ user }));
      update(table, { objects, key: BY_USER }, () => 'x');
      create(table.bytes).restore(table.snapshot(), ALL_GROUPS);
      expect(() => create(table.bytes - 1).restore(table.snapshot(), ALL_GROUPS)).toThrow(
        expect.objectContaining({ code: 'STATE_LIMIT' }),
      );
    });

    test(`${MUTATIONS} damaged snapshots are CHECKPOINT_CORRUPT or harmless`, () => {
      const whole = filled(60).snapshot();
      const random = randomNumbers(20_261_101);
      let refused = 0;
      for (let i = 0; i < MUTATIONS; i++) {
        const damaged = damage(whole, random);
        const table = create();
        try {
          table.restore(damaged, ALL_GROUPS);
          // Harmless: only bytes inside a state differ, and every key is found with all of its entry.
          const entries = entriesByGroup(table.snapshot());
          expect([...entries.values()].flat().length).toBe(table.entries);
          expect(table.entries).toBe(damaged.groups.reduce((sum, piece) => sum + piece.entries, 0));
        } catch (error) {
          if (!(error instanceof MillraceError)) throw error;
          expect(error.code).toBe('CHECKPOINT_CORRUPT');
          refused++;
        } finally {
          table.close();
        }
      }
      expect(refused).toBeGreaterThan(MUTATIONS / 4);
      expect(refused).toBeLessThan(MUTATIONS);
    });
  });
}

type Random = (below: number) => number;

function randomNumbers(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const NUMBERS = [0, 1, 7, 8, 16, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff];
const ODD_NUMBERS = [-1, 0.5, Number.NaN, 2 ** 53, 1e300, 128];

function damage(snapshot: KeyedSnapshot, random: Random): KeyedSnapshot {
  const bytes = snapshot.bytes.slice();
  const groups = snapshot.groups.map((piece) => ({ ...piece }));
  const piece = groups[random(groups.length)];
  const field = (['group', 'offset', 'length', 'entries'] as const)[random(4)];
  switch (random(7)) {
    case 0:
      bytes[random(bytes.length)] ^= 1 << random(8);
      break;
    case 1:
      // One of the four words of an entry's header.
      viewOf(bytes).setUint32(piece.offset + 4 * random(4), NUMBERS[random(NUMBERS.length)], true);
      break;
    case 2:
      bytes.copyWithin(random(bytes.length), random(bytes.length), random(bytes.length));
      break;
    case 3:
      return { bytes: bytes.slice(0, random(bytes.length)), groups };
    case 4:
      piece[field] += [-8, -1, 1, 8, 1 << 20][random(5)];
      break;
    case 5:
      piece[field] = ODD_NUMBERS[random(ODD_NUMBERS.length)];
      break;
    default:
      [groups[0], groups[groups.length - 1]] = [piece, groups[0]];
  }
  return { bytes, groups };
}
