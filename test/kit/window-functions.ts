import type { WindowedSpec, WindowShape } from '../../host/dataflow/window-spec.ts';
import { FUEL_PER_RECORD_DEFAULT, MEMORY_PAGES_MAX, OUTPUT_BYTES_MAX } from '../../host/limits.ts';
import type { RecordSchema, ScalarKind } from '../../host/model/schema.ts';
import type { FakeFunction } from './fake-sandbox.ts';
import { keyOf } from './keyed-rows.ts';

function recordOf(name: string, fields: { readonly [field: string]: ScalarKind }): RecordSchema {
  return {
    name,
    fields: Object.entries(fields).map(([field, kind]) => ({ name: field, type: { kind } })),
  };
}

const BOUNDS = { windowStart: 'i64', windowEnd: 'timestamp' } as const;

export const READING = recordOf('Reading', { key: 'string', value: 'i64', ...BOUNDS });
/** The accumulator of `mean`. */
const TOTAL = recordOf('Total', { key: 'string', total: 'i64', rows: 'i64' });
const MEAN = recordOf('Mean', { ...BOUNDS, key: 'string', mean: 'f64' });
const LIST = recordOf('List', {
  key: 'string',
  values: 'string',
  start: 'f64',
  end: 'f64',
  ...BOUNDS,
});

/** What functions say about the bounds of their windows: the host knows better. */
export const UNBOUND = { windowStart: 0n, windowEnd: 0n };

/** A record of this value traps when it is folded, or when it is in the list of an `apply`. */
export const POISON = -666n;

/** Functions whose results tell which values they were made of. */
export function windowFunctions(): FakeFunction[] {
  return [
    {
      name: 'sum',
      input: READING,
      output: READING,
      state: READING,
      body: {
        reduce: (state, record, guest) => {
          if (record.value === POISON) guest.trap('poison');
          return { ...state, value: BigInt(state.value as bigint) + (record.value as bigint) };
        },
      },
    },
    {
      name: 'mean',
      input: READING,
      output: MEAN,
      state: TOTAL,
      body: {
        start: { key: '', total: 0n, rows: 0n },
        add: (state, record, guest) => {
          if (record.value === POISON) guest.trap('poison');
          return {
            key: record.key,
            total: (state.total as bigint) + (record.value as bigint),
            rows: (state.rows as bigint) + 1n,
          };
        },
        merge: (a, b) => ({
          key: a.key,
          total: (a.total as bigint) + (b.total as bigint),
          rows: (a.rows as bigint) + (b.rows as bigint),
        }),
        result: (state) => ({
          ...UNBOUND,
          key: state.key,
          mean: Number(state.total) / Number(state.rows),
        }),
      },
    },
    {
      name: 'list',
      input: READING,
      output: LIST,
      state: undefined,
      body: {
        apply: (rows, { start, end }, guest) => {
          if (rows.some((row) => row.value === POISON)) guest.trap('poison');
          const values = rows.map((row) => row.value).join(' ');
          return [{ ...UNBOUND, key: rows[0].key, values, start, end }];
        },
      },
    },
  ];
}

export type WindowFunctionName = 'sum' | 'mean' | 'list';

const KINDS = { sum: 'reduce', mean: 'aggregate', list: 'apply' } as const;
const STATES = { sum: READING, mean: TOTAL, list: READING };
const OUTPUTS = { sum: READING, mean: MEAN, list: LIST };

/** A windowed step of one of the functions. */
export function windowStep(
  name: WindowFunctionName,
  window: WindowShape,
  part: Partial<WindowedSpec> = {},
): WindowedSpec {
  const output = OUTPUTS[name];
  const index = (field: string) => output.fields.findIndex((one) => one.name === field);
  return {
    kind: 'windowed',
    id: name,
    function: { module: 'windows', name, kind: KINDS[name] },
    input: READING,
    state: STATES[name],
    output,
    key: keyOf(READING, 'key'),
    window,
    trigger: undefined,
    allowedLatenessMs: 0,
    lateRead: false,
    stamps: { startIndex: index('windowStart'), endIndex: index('windowEnd') },
    // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
    onError: { retries: 0, backoffMs: 0, then: 'fail' },
    limits: {
      fuelPerRecord: FUEL_PER_RECORD_DEFAULT,
      memoryPages: MEMORY_PAGES_MAX,
      outputBytes: OUTPUT_BYTES_MAX,
    },
    ...part,
  };
}
