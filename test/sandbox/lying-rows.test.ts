import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeObject } from '../../host/abi/row-object.ts';
import { MillraceError } from '../../host/errors.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { createSandbox } from '../../host/sandbox/create-sandbox.ts';
import type { GuestInstance } from '../../host/sandbox/guest.ts';
import { utf8 } from '../kit/gate-refusal.ts';
import { AMPLE_LIMITS } from '../kit/guest-runs.ts';
import { addBuffer, handMadeGuest } from '../kit/hand-made-guest.ts';
import { encodeBatch } from '../kit/rows.ts';
import { op, TYPE } from '../kit/wasm-builder.ts';

/** Lies per run; `MILLRACE_FUZZ_RUNS` asks for more. */
const RUNS = Number(process.env.MILLRACE_FUZZ_RUNS ?? 5_000);

const { i32 } = TYPE;
const NUMBER = { name: 'Number', fields: [{ name: 'n', type: 'i32' }] };
const PAIR = {
  name: 'Pair',
  fields: [
    { name: 'a', type: 'string' },
    { name: 'b', type: 'i32' },
  ],
};
const ALL = {
  name: 'All',
  fields: [
    { name: 'text', type: 'string' },
    { name: 'maybe', type: 'optional<bytes>' },
    { name: 'numbers', type: 'list<i64>' },
    { name: 'texts', type: 'list<string>' },
    { name: 'pair', type: 'Pair' },
    { name: 'pairs', type: 'list<Pair>' },
  ],
};

/** A guest that emits the bytes it is given as rows of another record, so many as it is told in the first word. */
function echo(): Uint8Array {
  const guest = handMadeGuest();
  addBuffer(guest);
  const { builder, emit } = guest;
  // The count stands before the rows.
  const code = [
    ...[op.get(0), op.i32(8), op.add, op.get(1), op.i32(8), op.sub],
    ...[op.get(0), op.load(), op.i32(1), op.call(emit), op.i32(0)],
  ];
  const lie = builder.function({ params: [i32, i32, i32], results: [i32], code });
  builder.exported('mr_lie', 'function', lie);
  const functions = [{ name: 'lie', kind: 'flatMap', input: 'Number', output: 'All' }];
  const section = { abi: 1, sdk: 'by hand', records: [NUMBER, PAIR, ALL], functions };
  return builder.custom('millrace', utf8(JSON.stringify(section))).build();
}

/** Offsets and lengths near the edges of a row of about 250 bytes, of 32 bits, and anywhere. */
const word = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.constantFrom(0, 1, 8, 72, 80, 88, 128, 0x7fff_ffff, 0x8000_0000, 0x2000_0001, 0xffff_fff8, -1),
  fc.integer(),
);
/** Words and bytes of a right batch that are changed, and how many rows it says it has. */
const lie = fc.record({
  words: fc.array(fc.tuple(fc.nat(200), word), { maxLength: 3 }),
  bytes: fc.array(fc.tuple(fc.nat(800), fc.nat(255)), { maxLength: 2 }),
  count: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, -1, 5),
});

const RECORDS = [
  {
    ...{ text: 'naïve \u{1f600}', maybe: null, numbers: [1n, -1n], texts: ['', 'a', 'bc'] },
    ...{
      pair: { a: 'x', b: 7 },
      pairs: [
        { a: 'yy', b: 1 },
        { a: '', b: 2 },
      ],
    },
  },
  {
    text: '',
    maybe: Uint8Array.of(1, 2, 3),
    numbers: [],
    texts: [],
    pair: { a: '', b: 0 },
    pairs: [],
  },
];

/** The number of rows and the rows, some of it changed. */
function lieAbout(rows: Batch, { words, bytes, count }: LieParts): Batch {
  const all = new Uint8Array(8 + rows.bytes.length);
  all.set(rows.bytes, 8);
  const view = new DataView(all.buffer);
  view.setUint32(0, rows.count + count, true);
  for (const [place, value] of words) {
    view.setInt32(8 + 4 * (place % (rows.bytes.length / 4)), value, true);
  }
  for (const [place, value] of bytes) all[8 + (place % rows.bytes.length)] = value;
  return { bytes: all, count: 1 };
}

interface LieParts {
  readonly words: readonly (readonly [number, number])[];
  readonly bytes: readonly (readonly [number, number])[];
  readonly count: number;
}

describe('a guest that emits any bytes at all', () => {
  const sandbox = createSandbox();
  let start: () => GuestInstance;
  let schema: RecordSchema;
  beforeAll(async () => {
    const module = await sandbox.compile(echo());
    schema = module.description.functions[0].output;
    start = () => sandbox.instantiate(module, AMPLE_LIMITS, () => {});
  });

  test('is caught, or what it emitted can be read', () => {
    const rows = encodeBatch(schema, RECORDS);
    let instance = start();
    let taken = 0;
    fc.assert(
      fc.property(lie, (parts) => {
        try {
          const { bytes, count } = instance.run('lie', lieAbout(rows, parts));
          taken++;
          const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
          let at = 0;
          for (let i = 0; i < count; i++) {
            expect(JSON.stringify(decodeObject(schema, bytes, at), printable)).toMatch(/^\{/);
            at += view.getUint32(at, true);
          }
          expect(at).toBe(bytes.length);
        } catch (thrown) {
          if (!(thrown instanceof MillraceError)) throw thrown;
          expect(thrown.code).toBe('ABI_VIOLATION');
          instance = start();
        }
      }),
      { numRuns: RUNS },
    );
    // Both happened, or the property says nothing.
    expect(taken).toBeGreaterThan(RUNS / 1_000);
    expect(taken).toBeLessThan(RUNS);
  });
});

function printable(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
