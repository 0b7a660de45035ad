import { describe, expect, test } from 'vitest';
import type { KeyedCall } from '../../host/sandbox/guest.ts';
import { failureOf, numberRows, startGuest } from '../kit/guest-runs.ts';
import { guestOf, type HandMadeGuest, NUMBERS_ROW_BYTES } from '../kit/hand-made-guest.ts';
import { op } from '../kit/wasm-builder.ts';

/** Rows with these ordinals in their tags. */
function tagged(...ordinals: readonly number[]) {
  const batch = numberRows(...ordinals.map((ordinal) => [ordinal * 10]));
  const view = new DataView(batch.bytes.buffer, batch.bytes.byteOffset);
  for (const [i, ordinal] of ordinals.entries()) {
    view.setUint32(i * NUMBERS_ROW_BYTES + 4, ordinal, true);
  }
  return batch;
}

const callOf = (parts: Partial<KeyedCall>): KeyedCall => ({
  rows: numberRows(),
  states: numberRows(),
  keys: 0,
  emit: 'none',
  merge: false,
  ...parts,
});

/** Parameters of a keyed function by their local. */
const rows = [op.get(0), op.get(1), op.get(2)];
const states = [op.get(3), op.get(4), op.get(5)];

const keyedGuest = (code: (guest: HandMadeGuest) => readonly (readonly number[])[]) =>
  startGuest(guestOf((guest) => ({ f: { kind: 'reduce', code: [...code(guest), op.i32(0)] } })));

describe('a keyed call', () => {
  test('hands rows, states, keys and flags over', async () => {
    const { instance } = await keyedGuest((guest) => [
      // Keys and flags are written into the row that becomes the state.
      ...[op.get(0), op.get(6), op.store(24), op.get(0), op.get(7), op.store(32)],
      ...[...rows, op.call(guest.state), ...states, op.i32(1), op.call(guest.emit)],
    ]);
    const seen = (emit: KeyedCall['emit'], merge: boolean) => {
      const call = callOf({ rows: tagged(0), states: tagged(1), keys: 2, emit, merge });
      const result = instance.runKeyed('f', call);
      expect(result.output).toEqual({ bytes: tagged(1).bytes, count: 1 });
      expect(result.states.count).toBe(1);
      const view = new DataView(result.states.bytes.buffer, result.states.bytes.byteOffset);
      return [view.getInt32(24, true), view.getInt32(32, true)];
    };
    expect(seen('none', false)).toEqual([2, 0]);
    expect(seen('record', false)).toEqual([2, 1]);
    expect(seen('batch', false)).toEqual([2, 2]);
    expect(seen('batch', true)).toEqual([2, 6]);
  });

  test('copies states when they are handed back', async () => {
    const { instance } = await keyedGuest((guest) => [
      ...[...rows, op.call(guest.state)],
      ...[op.get(0), op.i32(77), op.store(16)],
    ]);
    const { states: after } = instance.runKeyed('f', callOf({ rows: tagged(0), keys: 1 }));
    expect(after.bytes).toEqual(tagged(0).bytes);
  });

  test.each([
    ['an ordinal of no key', tagged(0, 5), 3, /ordinal 5 of 3 keys/],
    ['two states of a key', tagged(1, 1), 3, /two states have ordinal 1/],
  ])('that hands back %s is a breach', async (_name, input, keys, says) => {
    const { instance } = await keyedGuest((guest) => [...rows, op.call(guest.state)]);
    const error = failureOf(() => instance.runKeyed('f', callOf({ rows: input, keys })));
    expect(error.code).toBe('ABI_VIOLATION');
    expect(error.message).toMatch(says);
  });

  test('that keeps a state back is a breach', async () => {
    const { instance } = await keyedGuest(() => []);
    const error = failureOf(() => instance.runKeyed('f', callOf({ rows: tagged(0), keys: 1 })));
    expect(error.code).toBe('ABI_VIOLATION');
    expect(error.message).toMatch(/no state was handed back for ordinal 0/);
  });

  test('after a failed one meets no ordinal of it', async () => {
    const { instance: bad } = await keyedGuest((guest) => [...rows, op.call(guest.state)]);
    failureOf(() => bad.runKeyed('f', callOf({ rows: tagged(0, 2, 2), keys: 3 })));
    const { instance } = await keyedGuest((guest) => [...rows, op.call(guest.state)]);
    const result = instance.runKeyed('f', callOf({ rows: tagged(2, 0), keys: 3 }));
    expect(result.states.count).toBe(2);
  });
});
