/** What `udfs/kinds.udf.ts` means, in plain JavaScript, and records to try it on. */
import fc from 'fast-check';
import type { RowObject } from '../../host/abi/row-object.ts';
import type { Timed } from '../kit/timed-rows.ts';

export interface Place extends RowObject {
  readonly x: number;
  readonly y: number;
  readonly label: string;
}

export interface Reading extends RowObject {
  readonly sensor: string;
  readonly value: number;
  readonly at: bigint;
  readonly trusted: boolean;
  readonly battery: number | null;
  readonly note: string | null;
  readonly tags: readonly string[];
  readonly raw: Uint8Array;
  readonly place: Place;
  readonly origin: Place | null;
}

export interface TimedReading extends Timed {
  readonly record: Reading;
}

const text = fc.string({ unit: 'binary', maxLength: 12 });
const place = fc.record({
  x: fc.double({ noNaN: true }),
  y: fc.float({ noNaN: true }),
  label: text,
});

const reading: fc.Arbitrary<Reading> = fc.record({
  sensor: text,
  value: fc.integer({ min: -50, max: 80 }).map((tenths) => tenths / 2),
  at: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  trusted: fc.boolean(),
  battery: fc.option(fc.integer()),
  note: fc.option(text),
  tags: fc.array(text, { maxLength: 4 }),
  raw: fc.uint8Array({ maxLength: 20 }),
  place,
  origin: fc.option(place),
});

export const timedReading: fc.Arbitrary<TimedReading> = fc.record({
  record: reading,
  time: fc.option(fc.bigInt({ min: 0n, max: 4_000_000_000_000n }), { nil: undefined }),
});

const DAY = 86_400_000n;
const NO_TIME = -(2n ** 63n);
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

export const BLANK: Reading = {
  sensor: '',
  value: 0,
  at: 0n,
  trusted: true,
  battery: null,
  note: null,
  tags: [],
  raw: new Uint8Array(0),
  place: { x: 0, y: 0, label: 'here' },
  origin: null,
};

export function stamped({ record, time }: TimedReading): Reading {
  const day = ((time ?? NO_TIME) / DAY + 3n) % 7n;
  const moved = { ...record.place, x: record.place.x + 1 };
  return {
    ...record,
    note: time === undefined ? null : WEEKDAYS[Number(day)],
    tags: [...record.tags, `day ${day}`],
    battery: record.battery === null ? 100 : null,
    place: moved,
    origin: moved,
  };
}

export function slicesOf({ tags }: Reading): Place[] {
  return tags.map((label, x) => ({ x, y: 0, label }));
}

/** A keyed function: how rows fold into a state and what is made of it. */
export interface Fold<State extends RowObject> {
  add(state: State | undefined, input: Reading): State;
  merge(a: State, b: State): State;
  result(state: State): RowObject;
}

export const hottest: Fold<Reading> = {
  add: (state, input) => (state === undefined || input.value > state.value ? input : state),
  merge: (a, b) => (b.value > a.value ? b : a),
  result: (state) => state,
};

export interface MeanState extends RowObject {
  readonly sum: number;
  readonly count: bigint;
  readonly last: Reading | null;
  readonly seen: readonly Reading[];
}

export const mean: Fold<MeanState> = {
  add: (state = { sum: 0, count: 0n, last: null, seen: [] }, input) => ({
    sum: state.sum + input.value,
    count: state.count + 1n,
    last: input,
    seen: [...state.seen, input],
  }),
  merge: (a, b) => ({
    sum: a.sum + b.sum,
    count: a.count + b.count,
    last: b.last,
    seen: [...a.seen, ...b.seen],
  }),
  result: ({ sum, count, last, seen }) => ({
    mean: sum / Number(count),
    count,
    last: last?.sensor ?? '',
    seen: seen.map(({ sensor }) => sensor).join(''),
  }),
};
