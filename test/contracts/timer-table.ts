import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { hashKey } from '../../host/abi/key-hash.ts';
import { MillraceError } from '../../host/errors.ts';
import type { KeyedSnapshot } from '../../host/state/state-table.ts';
import {
  appendTimer,
  DELETE_TIMER,
  SET_TIMER,
  timerEntryBytes,
  timerTimeAt,
} from '../../host/state/timer-entry.ts';
import type { CreateTimerTable, TimerTable } from '../../host/state/timer-table.ts';

const KEY_GROUPS = 16;
const ALL = { start: 0, end: KEY_GROUPS };
const BIG = 2 ** 30;
const LATEST = Number.MAX_SAFE_INTEGER;

/** A timer as `time key`, or its deletion as `-time key`. */
interface Timer {
  readonly timeMs: number;
  readonly key: string;
  readonly hash?: number;
}

/** What every timer table does. */
export function timerTableContract(name: string, createTable: CreateTimerTable): void {
  const create = (bytesMax = BIG): TimerTable => createTable({ keyGroups: KEY_GROUPS, bytesMax });

  describe(`timer table: ${name}`, () => {
    test('hands out what is due, earliest first, and nothing else', () => {
      const table = create();
      set(table, ...[30, 10, 20, -5, 0].map((timeMs) => ({ timeMs, key: 'a' })));
      expect(table.nextMs).toBe(-5);
      expect(pop(table, 19)).toEqual(['-5 a', '0 a', '10 a']);
      expect([table.nextMs, table.entries]).toEqual([20, 2]);
      expect(pop(table, 20)).toEqual(['20 a']);
      expect(pop(table, LATEST)).toEqual(['30 a']);
      expect([table.nextMs, table.entries, table.bytes]).toEqual([undefined, 0, 0]);
      expect(pop(table, LATEST)).toEqual([]);
    });

    test('orders timers of one time by hash, then by key bytes, a prefix first', () => {
      const table = create();
      const keys = ['b', 'a', 'ab', '', 'abc', 'B'];
      set(table, ...keys.map((key) => ({ timeMs: 7, key, hash: 3 })));
      set(table, { timeMs: 7, key: 'z', hash: 2 }, { timeMs: 7, key: 'y', hash: 0xffff_fff0 });
      expect(pop(table, 7)).toEqual(['7 z', '7 ', '7 B', '7 a', '7 ab', '7 abc', '7 b', '7 y']);
    });

    test('knows a timer that is already set', () => {
      const table = create();
      set(table, { timeMs: 1, key: 'a' }, { timeMs: 1, key: 'a' }, { timeMs: 1, key: 'b' });
      set(table, { timeMs: 1, key: 'a' }, { timeMs: 2, key: 'a' });
      expect(table.entries).toBe(3);
      expect(table.bytes).toBe(3 * 17);
      expect(pop(table, LATEST).sort()).toEqual(['1 a', '1 b', '2 a']);
      set(table, { timeMs: 1, key: 'a' });
      expect(pop(table, LATEST)).toEqual(['1 a']);
    });

    test('deletes timers, in the order of the operations', () => {
      const table = create();
      const timer = { timeMs: 5, key: 'a' };
      remove(table, timer);
      set(table, timer, { timeMs: 5, key: 'b' }, { timeMs: 6, key: 'a' });
      remove(table, timer, { timeMs: 7, key: 'a' }, { timeMs: 6, key: 'b' });
      expect(table.entries).toBe(2);
      expect(table.nextMs).toBe(5);
      const both = new BatchBuilder();
      append(both, timer, SET_TIMER);
      append(both, timer, DELETE_TIMER);
      append(both, timer, SET_TIMER);
      append(both, { timeMs: 6, key: 'a' }, DELETE_TIMER);
      table.update(both.batch().bytes);
      expect(pop(table, LATEST).sort()).toEqual(['5 a', '5 b']);
    });

    test('hands out as many as are asked for', () => {
      const table = create();
      for (let timeMs = 0; timeMs < 100; timeMs++) set(table, { timeMs, key: 'k' });
      expect(pop(table, 50, 20)).toHaveLength(20);
      expect(table.nextMs).toBe(20);
      expect(pop(table, 50, 1000)).toHaveLength(31);
      expect(pop(table, 50, 1000)).toHaveLength(0);
      expect(pop(table, 99, 0)).toHaveLength(0);
      expect(table.entries).toBe(49);
    });

    test('holds times at both ends of what a safe integer is', () => {
      const table = create();
      const times = [LATEST, Number.MIN_SAFE_INTEGER, 0, -1, 2 ** 32, -(2 ** 32) - 1, 2 ** 40 + 1];
      set(table, ...times.map((timeMs) => ({ timeMs, key: 'k' })));
      const sorted = times.toSorted((a, b) => a - b).map((timeMs) => `${timeMs} k`);
      expect(pop(table, LATEST - 1)).toEqual(sorted.slice(0, -1));
      expect(pop(table, LATEST)).toEqual(sorted.slice(-1));
    });

    test('throws STATE_LIMIT when keys and times outgrow their limit, not before', () => {
      const table = create(3 * 24);
      const timer = (i: number) => ({ timeMs: i, key: `${i}`.padStart(8, '0') });
      set(table, timer(1), timer(2), timer(3), timer(2));
      const limit = expect.objectContaining({
        code: 'STATE_LIMIT',
        hint: expect.stringMatching(/./),
      });
      expect(() => set(table, timer(4))).toThrow(limit);
      remove(table, timer(1));
      set(table, timer(5));
      expect(table.entries).toBe(3);
    });

    test('a snapshot brings back the timers of each group, whoever owned it', () => {
      const table = create();
      const timers = Array.from({ length: 500 }, (_, i) => ({
        timeMs: (i * 37) % 101,
        key: `${i % 77}`,
      }));
      set(table, ...timers);
      const before = table.snapshot();
      for (const parts of [1, 3, KEY_GROUPS]) {
        const fired = Array.from({ length: parts }, (_, part) => {
          const other = create();
          other.restore(before, {
            start: Math.ceil((part * KEY_GROUPS) / parts),
            end: Math.ceil(((part + 1) * KEY_GROUPS) / parts),
          });
          return pop(other, LATEST);
        });
        expect(fired.flat().sort()).toEqual(pop(copy(create(), before), LATEST).sort());
      }
      expect(pop(copy(create(), before), LATEST)).toEqual(pop(table, LATEST));
    });

    test('an empty table has an empty snapshot', () => {
      const table = create();
      set(table, { timeMs: 1, key: 'a' });
      pop(table, 1);
      expect(table.snapshot()).toEqual({ bytes: new Uint8Array(0), groups: [] });
    });

    test('refuses damaged snapshots', () => {
      const table = create();
      set(table, { timeMs: 1, key: 'abc', hash: 5 }, { timeMs: 2, key: 'abc', hash: 5 });
      const { bytes, groups } = table.snapshot();
      const damages: ((view: DataView) => void)[] = [
        (view) => view.setUint32(0, 6, true), // another group's hash
        (view) => view.setUint32(4, 0xffff_ffff, true),
        (view) => view.setUint32(4, 4_000_000, true),
        (view) => view.setUint32(8, 24, true),
        (view) => view.setUint32(12, 1, true),
        (view) => view.setUint8(19, 1), // padding
        (view) => view.setUint32(24, 24, true),
        (view) => view.setUint32(28, 1, true),
        (view) => view.setInt32(36, 0x7fff_ffff, true), // a time that no number holds
      ];
      for (const damage of damages) {
        const copied = bytes.slice();
        damage(new DataView(copied.buffer));
        expectCorrupt(() => create().restore({ bytes: copied, groups }, ALL));
      }
      for (const part of [
        { entries: 1 },
        { entries: 3 },
        { length: 32 },
        { length: 96 },
        { group: 6 },
      ]) {
        expectCorrupt(() => create().restore({ bytes, groups: [{ ...groups[0], ...part }] }, ALL));
      }
    });

    test('refuses entries that are not timers', () => {
      const entry = new BatchBuilder();
      append(entry, { timeMs: 1, key: 'abc' }, SET_TIMER);
      const { bytes } = entry.batch();
      expect(() => create().update(bytes.subarray(0, bytes.length - 8))).toThrow();
      for (const [at, value] of [
        [4, 90],
        [8, 0],
        [12, 2],
        [24, 8],
        [36, 0x7fff_ffff],
      ]) {
        const copied = bytes.slice();
        new DataView(copied.buffer).setUint32(at, value, true);
        expect(() => create().update(copied)).toThrow();
      }
    });

    test('does what a sorted list does, whatever the operations', () => {
      const key = fc.constantFrom('', 'a', 'b', 'ab', 'key of some length', 'x'.repeat(40));
      const time = fc.oneof(
        fc.integer({ min: -20, max: 20 }),
        fc.constantFrom(LATEST, 2 ** 33, -(2 ** 35)),
      );
      const timer = fc.record({ timeMs: time, key });
      const step = fc.oneof(
        fc.record({
          kind: fc.constant('set' as const),
          timers: fc.array(timer, { maxLength: 30 }),
        }),
        fc.record({
          kind: fc.constant('delete' as const),
          timers: fc.array(timer, { maxLength: 20 }),
        }),
        fc.record({
          kind: fc.constant('pop' as const),
          untilMs: time,
          max: fc.constantFrom(1, 5, 1000),
        }),
        fc.record({ kind: fc.constant('restore' as const) }),
      );
      const run = fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        let table = create();
        const model = new Map<string, Timer>();
        for (const each of steps) {
          if (each.kind === 'set') {
            set(table, ...each.timers);
            for (const one of each.timers) model.set(nameOf(one), one);
          } else if (each.kind === 'delete') {
            remove(table, ...each.timers);
            for (const one of each.timers) model.delete(nameOf(one));
          } else if (each.kind === 'pop') {
            const due = sorted(model)
              .filter(({ timeMs }) => timeMs <= each.untilMs)
              .slice(0, each.max);
            expect(pop(table, each.untilMs, each.max)).toEqual(due.map(nameOf));
            for (const one of due) model.delete(nameOf(one));
          } else {
            table = copy(create(), table.snapshot());
          }
          expect(table.entries).toBe(model.size);
          expect(table.nextMs).toBe(sorted(model)[0]?.timeMs);
        }
        expect(pop(table, LATEST)).toEqual(sorted(model).map(nameOf));
        expect(table.bytes).toBe(0);
      });
      fc.assert(run, { numRuns: 500 });
    });

    test('keeps thousands in order, set and deleted between waves that are due', () => {
      const table = create();
      const model = new Map<string, Timer>();
      let seed = 1;
      const random = (below: number) => {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
        return (seed >>> 8) % below;
      };
      for (let wave = 0; wave < 4; wave++) {
        const fresh = Array.from({ length: 4_000 }, () => ({
          timeMs: wave * 1000 + random(3000),
          key: `${random(500)}`,
        }));
        const deleted = fresh.filter((_, i) => i % 3 === wave % 3);
        set(table, ...fresh);
        for (const one of fresh) model.set(nameOf(one), one);
        remove(table, ...deleted);
        for (const one of deleted) model.delete(nameOf(one));
        const untilMs = wave * 1000 + 1500;
        // In the middle of a wave timers come that are due at once.
        const fired = pop(table, untilMs, 1200);
        const early = Array.from({ length: 50 }, (_, i) => ({
          timeMs: untilMs - 3 * i,
          key: `early ${i}`,
        }));
        const due = sorted(model).filter(({ timeMs }) => timeMs <= untilMs);
        expect(fired).toEqual(due.slice(0, 1200).map(nameOf));
        for (const one of due.slice(0, 1200)) model.delete(nameOf(one));
        set(table, ...early);
        for (const one of early) model.set(nameOf(one), one);
        const rest = sorted(model).filter(({ timeMs }) => timeMs <= untilMs);
        expect(pop(table, untilMs)).toEqual(rest.map(nameOf));
        for (const one of rest) model.delete(nameOf(one));
      }
      expect(pop(table, LATEST)).toEqual(sorted(model).map(nameOf));
    });
  });
}

function sorted(model: Map<string, Timer>): Timer[] {
  const bytes = ({ key }: Timer) => Buffer.from(key);
  return [...model.values()].sort(
    (a, b) => a.timeMs - b.timeMs || hashOf(a) - hashOf(b) || Buffer.compare(bytes(a), bytes(b)),
  );
}

function nameOf({ timeMs, key }: Timer): string {
  return `${timeMs} ${key}`;
}

function hashOf({ key, hash }: Timer): number {
  return hash ?? hashKey(Buffer.from(key));
}

function append(out: BatchBuilder, timer: Timer, operation: 0 | 1): void {
  const key = new Uint8Array(Buffer.from(timer.key));
  appendTimer(out, timer.timeMs, { hash: hashOf(timer), key }, operation);
}

function set(table: TimerTable, ...timers: readonly Timer[]): void {
  const out = new BatchBuilder();
  for (const timer of timers) append(out, timer, SET_TIMER);
  table.update(out.batch().bytes);
}

function remove(table: TimerTable, ...timers: readonly Timer[]): void {
  const out = new BatchBuilder();
  for (const timer of timers) append(out, timer, DELETE_TIMER);
  table.update(out.batch().bytes);
}

/** What is due, as `time key`. */
function pop(table: TimerTable, untilMs: number, max = 1_000_000): string[] {
  const out = new BatchBuilder();
  const count = table.pop(untilMs, max, out);
  const { bytes } = out.batch();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fired: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    const key = Buffer.from(bytes.subarray(at + 16, at + 16 + length)).toString();
    fired.push(`${timerTimeAt(view, at, bytes.length)} ${key}`);
    at += timerEntryBytes(length);
  }
  expect(fired.length).toBe(count);
  return fired;
}

function copy(table: TimerTable, snapshot: KeyedSnapshot): TimerTable {
  table.restore(snapshot, ALL);
  return table;
}

function expectCorrupt(action: () => void): void {
  let thrown: unknown;
  try {
    action();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(MillraceError);
  expect((thrown as MillraceError).code).toBe('CHECKPOINT_CORRUPT');
}
