import type { GuestSpec, KeyedSpec } from '../../host/dataflow/plan.ts';
import { FUEL_PER_RECORD_DEFAULT, MEMORY_PAGES_MAX, OUTPUT_BYTES_MAX } from '../../host/limits.ts';
import { LINE_SCHEMA, type RecordSchema } from '../../host/model/schema.ts';
import type { FakeFunction, FakeGuest } from './fake-sandbox.ts';
import { keyOf } from './keyed-rows.ts';

export const WORD: RecordSchema = {
  name: 'Word',
  fields: [
    { name: 'word', type: { kind: 'string' } },
    { name: 'count', type: { kind: 'i64' } },
  ],
};

/** The accumulator of `mean`. */
export const SUM: RecordSchema = {
  name: 'Sum',
  fields: [
    { name: 'word', type: { kind: 'string' } },
    { name: 'total', type: { kind: 'i64' } },
    { name: 'rows', type: { kind: 'i64' } },
  ],
};

export const MEAN: RecordSchema = {
  name: 'Mean',
  fields: [
    { name: 'word', type: { kind: 'string' } },
    { name: 'mean', type: { kind: 'f64' } },
  ],
};

/** A record whose text or word is this traps, as `spin` runs out of fuel. */
export const POISON = 'poison';
export const SPIN = 'spin';

function live(text: unknown, guest: FakeGuest): string {
  if (text === POISON) guest.trap('unreachable');
  if (text === SPIN) guest.burn(Number.MAX_SAFE_INTEGER);
  return String(text);
}

/** The functions of a word-count module; `mark` tells its versions apart. */
export function wordFunctions(mark = ''): FakeFunction[] {
  const line = { input: LINE_SCHEMA, output: LINE_SCHEMA, state: undefined };
  return [
    {
      ...line,
      name: 'upper',
      body: { map: (record, guest) => ({ text: live(record.text, guest).toUpperCase() + mark }) },
    },
    {
      ...line,
      name: 'long',
      body: { filter: (record, guest) => live(record.text, guest).length > 3 },
    },
    {
      name: 'words',
      input: LINE_SCHEMA,
      output: WORD,
      state: undefined,
      body: {
        flatMap: (record, guest) =>
          live(record.text, guest)
            .split(' ')
            .filter((word) => word !== '')
            .map((word) => ({ word: word + mark, count: 1 })),
      },
    },
    {
      name: 'sum',
      input: WORD,
      output: WORD,
      state: WORD,
      body: {
        reduce: (state, record, guest) => {
          if (record.count === -1n) guest.trap('a count below zero');
          return {
            word: state.word,
            count: BigInt(state.count as bigint) + (record.count as bigint),
          };
        },
      },
    },
    {
      name: 'mean',
      input: WORD,
      output: MEAN,
      state: SUM,
      body: {
        start: { word: '', total: 0n, rows: 0n },
        add: (state, record, guest) => {
          if (record.count === -1n) guest.trap('a count below zero');
          return {
            word: record.word,
            total: (state.total as bigint) + (record.count as bigint),
            rows: (state.rows as bigint) + 1n,
          };
        },
        result: (state, guest) => {
          if (state.total === 13n) guest.trap('an unlucky total');
          return { word: state.word, mean: Number(state.total) / Number(state.rows) };
        },
      },
    },
  ];
}

const LIMITS = {
  fuelPerRecord: FUEL_PER_RECORD_DEFAULT,
  memoryPages: MEMORY_PAGES_MAX,
  outputBytes: OUTPUT_BYTES_MAX,
};
// biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
const FAIL = { retries: 0, backoffMs: 0, then: 'fail' } as const;

/** A step that runs one of the line functions. */
export function lineStep(
  name: 'upper' | 'long' | 'words',
  part: Partial<GuestSpec> = {},
): GuestSpec {
  const kind = { upper: 'map', long: 'filter', words: 'flatMap' } as const;
  return {
    kind: 'guest',
    id: name,
    function: { module: 'text', name, kind: kind[name] },
    input: LINE_SCHEMA,
    output: name === 'words' ? WORD : LINE_SCHEMA,
    onError: FAIL,
    limits: LIMITS,
    ...part,
  };
}

/** A step that sums or averages counts by word. */
export function wordStep(name: 'sum' | 'mean', part: Partial<KeyedSpec> = {}): KeyedSpec {
  return {
    kind: 'keyed',
    id: name,
    function: { module: 'text', name, kind: name === 'sum' ? 'reduce' : 'aggregate' },
    input: WORD,
    state: name === 'sum' ? WORD : SUM,
    output: name === 'sum' ? WORD : MEAN,
    key: keyOf(WORD, 'word'),
    emit: 'record',
    onError: FAIL,
    limits: LIMITS,
    ...part,
  };
}
