import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import type { RowObject } from '../../host/abi/row-object.ts';
import { createRowValidator } from '../../host/abi/validate-rows.ts';
import { EMIT_BATCH, EMIT_RECORD, MERGE, RawGuest } from '../kit/raw-guest.ts';
import { tagRows, tagsOf } from '../kit/tagged-rows.ts';
import { type Timed, timedBatch, timedRecords } from '../kit/timed-rows.ts';
import {
  type Fold,
  hottest,
  type MeanState,
  mean,
  type Reading,
  type TimedReading,
  timedReading,
} from './reading-model.ts';

let guest: RawGuest;
beforeAll(async () => {
  const path = join(import.meta.dirname, 'udfs/kinds.udf.ts');
  guest = new RawGuest((await compileAssemblyScript({ path })).wasm);
});

const KEYS = 4;
const FLAGS = [0, EMIT_RECORD, EMIT_BATCH, EMIT_RECORD | EMIT_BATCH];

interface TimedState<State> {
  readonly record: State;
  readonly time: bigint | undefined;
}

/** A keyed function's states, one per ordinal, as a host would hold them; held to the model's. */
class StateOfKeys<State extends RowObject> {
  readonly #name: string;
  readonly #fold: Fold<State>;
  readonly #model: (TimedState<State> | undefined)[] = Array(KEYS).fill(undefined);

  constructor(name: string, fold: Fold<State>) {
    this.#name = name;
    this.#fold = fold;
  }

  /** Calls the guest with these rows and compares outputs and states with the model. */
  call(rows: readonly Timed[], ordinals: readonly number[], flags: number): void {
    const description = guest.function(this.#name);
    const state = description.state!;
    const before = this.#present();
    const result = guest.runKeyed(this.#name, {
      rows: tagRows(timedBatch((flags & MERGE) !== 0 ? state : description.input, rows), ordinals),
      states: tagRows(
        timedBatch(
          state,
          before.map(([, entry]) => entry),
        ),
        before.map(([ordinal]) => ordinal),
      ),
      keys: KEYS,
      flags,
    });
    const emitted = this.#apply(rows, ordinals, flags);
    for (const [schema, batch] of [
      [description.output, result.output],
      [state, result.states],
    ] as const) {
      expect(createRowValidator(schema)(batch.bytes, batch.count)).toBeUndefined();
    }
    expect(timedRecords(description.output, result.output)).toEqual(emitted);
    const touched = [...new Set(ordinals)].sort();
    expect(tagsOf(result.states)).toEqual(touched);
    expect(timedRecords(state, result.states)).toEqual(touched.map((key) => this.#model[key]));
  }

  #present(): [number, TimedState<State>][] {
    return this.#model.flatMap((entry, key) => (entry === undefined ? [] : [[key, entry]]));
  }

  #apply(rows: readonly Timed[], ordinals: readonly number[], flags: number): Timed[] {
    const emitted: Timed[] = [];
    const result = ({ record, time }: TimedState<State>) => ({
      record: this.#fold.result(record),
      time,
    });
    rows.forEach(({ record, time }, i) => {
      const state = this.#model[ordinals[i]]?.record;
      const next =
        (flags & MERGE) === 0
          ? this.#fold.add(state, record as Reading)
          : state === undefined
            ? (record as State)
            : this.#fold.merge(state, record as State);
      const entry = { record: next, time };
      this.#model[ordinals[i]] = entry;
      if ((flags & EMIT_RECORD) !== 0) emitted.push(result(entry));
    });
    if ((flags & EMIT_BATCH) !== 0)
      emitted.push(...this.#present().map(([, entry]) => result(entry)));
    return emitted;
  }
}

const batches = fc.array(
  fc.record({
    rows: fc.array(fc.tuple(timedReading, fc.nat(KEYS - 1)), { maxLength: 12 }),
    flags: fc.constantFrom(...FLAGS),
  }),
  { maxLength: 5 },
);

/** Small accumulators of the rows, as a local pre-aggregation would make them. */
function accumulators<State extends RowObject>(
  fold: Fold<State>,
  rows: readonly (readonly [TimedReading, number])[],
): Timed[] {
  return rows.map(([{ record, time }]) => ({
    record: fold.add(fold.add(undefined, record), record),
    time,
  }));
}

function check<State extends RowObject>(name: string, fold: Fold<State>): void {
  fc.assert(
    fc.property(batches, fc.boolean(), (calls, merge) => {
      const keys = new StateOfKeys(name, fold);
      for (const { rows, flags } of calls) {
        const ordinals = rows.map(([, ordinal]) => ordinal);
        if (merge) keys.call(accumulators(fold, rows), ordinals, flags | MERGE);
        else
          keys.call(
            rows.map(([row]) => row),
            ordinals,
            flags,
          );
      }
    }),
    { numRuns: 300 },
  );
}

describe('over random batches with states, flags and merges', () => {
  test('a reduce equals the model', () => check<Reading>('hottest', hottest));
  test('an aggregate equals the model', () => check<MeanState>('mean', mean));
});

describe('a keyed call', () => {
  test('without rows emits the results of all states and hands none back', () => {
    const keys = new StateOfKeys('mean', mean);
    const [reading] = fc.sample(timedReading, { numRuns: 1, seed: 7 });
    keys.call([reading, reading], [2, 0], 0);
    keys.call([], [], EMIT_BATCH);
  });

  test('hands over states and results of 20,000 keys', () => {
    const { input, state, output } = guest.function('mean');
    const [reading] = fc.sample(timedReading, { numRuns: 1, seed: 11 });
    const count = 20_000;
    const ordinals = Array.from({ length: count }, (_, i) => i);
    const rows = tagRows(timedBatch(input, Array(count).fill(reading)), ordinals);
    const result = guest.runKeyed('mean', { rows, keys: count, flags: EMIT_BATCH });
    expect(tagsOf(result.states)).toEqual(ordinals);
    const expected = { record: mean.add(undefined, reading.record), time: reading.time };
    expect(timedRecords(state!, result.states)[count - 1]).toEqual(expected);
    expect(result.output.count).toBe(count);
    expect(timedRecords(output, result.output)[0].record).toEqual(mean.result(expected.record));
  });

  test('traps on an ordinal beyond its keys', () => {
    const { input } = guest.function('hottest');
    const [reading] = fc.sample(timedReading, { numRuns: 1, seed: 3 });
    const rows = tagRows(timedBatch(input, [reading]), [5]);
    expect(() => guest.runKeyed('hottest', { rows, keys: 5, flags: 0 })).toThrow('key ordinal');
  });
});
