import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRowEncoder } from '../../host/abi/create-row-encoder.ts';
import { createRowValidator } from '../../host/abi/validate-rows.ts';
import { ROW_BYTES_MAX } from '../../host/limits.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { objectsOf, rowsOf, schemaOf } from './rows-kit.ts';
import { vectorSchema } from './vector-records.ts';
import { VECTOR_ROWS } from './vector-rows.ts';

const CANARY = 0x7777_7777;

/** The vectors of each record type as one batch. */
function vectorBatches(): { schema: RecordSchema; batch: Batch }[] {
  const names = new Set(VECTOR_ROWS.map(([, record]) => record));
  return [...names].map((name) => {
    const schema = vectorSchema(name);
    const objects = VECTOR_ROWS.filter(([, record]) => record === name).map(
      ([, , object]) => object,
    );
    return { schema, batch: rowsOf(schema, objects.slice(0, 3)) };
  });
}

/** A small deterministic generator: mutations are many, and a failure must come again. */
function createDice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

/** Values that offsets, lengths and counts go wrong with. */
const SUSPECT = [
  0, 1, 7, 8, 15, 16, 24, 32, 40, 64, 0x7fff_ffff, 0x7fff_fff8, 0x8000_0000, 0xffff_fff8,
  0xffff_ffff, 0x2000_0000,
];

describe('a row validator', () => {
  test('takes every batch of mutated vectors or says why not, and reads nothing else', () => {
    const dice = createDice(20_251_121);
    const outcomes = { valid: 0, invalid: 0 };
    for (const { schema, batch } of vectorBatches()) {
      const validate = createRowValidator(schema);
      const { length } = batch.bytes;
      // Rows between canaries; what is valid must not change when they do.
      const memory = new Uint8Array(length + 128);
      for (let i = 0; i < 4_500; i++) {
        new Uint32Array(memory.buffer).fill(CANARY);
        memory.set(batch.bytes, 64);
        const rows = memory.subarray(64, 64 + length - 8 * (dice(12) === 0 ? dice(4) : 0));
        const view = new DataView(memory.buffer, 64, length);
        for (let changes = dice(3); changes >= 0; changes--) {
          const at = dice(length / 4) * 4;
          const near = (view.getUint32(at, true) + dice(33) - 16) >>> 0;
          view.setUint32(at, dice(2) === 0 ? near : SUSPECT[dice(SUSPECT.length)], true);
        }
        const verdict = validate(rows, batch.count);
        new Uint32Array(memory.buffer, 0, 16).fill(0);
        new Uint32Array(memory.buffer, 64 + length).fill(0);
        expect(validate(rows, batch.count)).toBe(verdict);
        outcomes[verdict === undefined ? 'valid' : 'invalid']++;
        if (verdict === undefined) readsWithin(schema, { bytes: rows, count: batch.count });
      }
    }
    expect(outcomes.valid + outcomes.invalid).toBeGreaterThan(50_000);
    expect(outcomes.valid).toBeGreaterThan(1_000);
    expect(outcomes.invalid).toBeGreaterThan(10_000);
  });

  /** Reads every value of valid rows from a buffer of exactly their bytes: reading outside would throw. */
  function readsWithin(schema: RecordSchema, batch: Batch): void {
    const exact = { bytes: batch.bytes.slice(), count: batch.count };
    objectsOf(schema, exact);
    const json = createRowEncoder('json', schema).encode(exact);
    // Pieces share no bytes, so the text cannot be much longer than the rows (an escape is 6 bytes).
    expect(json.length).toBeLessThan(exact.bytes.length * 40);
  }

  test('never throws on any bytes', () => {
    const schema = schemaOf(
      { a: 'string', l: 'list<list<string>>', r: 'optional<In>' },
      { In: { x: 'list<i32>', y: 'bytes' } },
    );
    const validate = createRowValidator(schema);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 4 }), (bytes, count) => {
        const exact = bytes.slice();
        const verdict = validate(exact, count);
        expect(verdict === undefined).toBe(count === 0 && bytes.length === 0);
      }),
      { numRuns: 5_000 },
    );
  });

  test('names the row and the field', () => {
    const schema = schemaOf({ id: 'u32', name: 'string', r: 'In' }, { In: { x: 'list<i32>' } });
    const { bytes, count } = rowsOf(schema, [
      { id: 1, name: 'a', r: { x: [] } },
      { id: 2, name: 'b', r: { x: [1] } },
    ]);
    const view = new DataView(bytes.buffer);
    const second = view.getUint32(0, true);
    const at = second + view.getUint32(second + 32, true);
    view.setUint32(at + 20, 9, true);
    expect(createRowValidator(schema)(bytes, count)).toBe(
      'row 1: field "r" holds a row that is not valid: field "x" reaches beyond its row',
    );
  });

  test('wants batches at multiples of 8', () => {
    const schema = schemaOf({ name: 'string' });
    const { bytes } = rowsOf(schema, [{ name: 'a' }]);
    const memory = new Uint8Array(bytes.length + 8);
    memory.set(bytes, 4);
    const validate = createRowValidator(schema);
    expect(validate(memory.subarray(4, 4 + bytes.length), 1)).toMatch('multiple of 8');
    expect(validate(bytes, 1)).toBeUndefined();
  });

  test('refuses rows beyond the size limit', () => {
    const schema = schemaOf({ id: 'u32' });
    const bytes = new Uint8Array(ROW_BYTES_MAX + 8);
    new DataView(bytes.buffer).setUint32(0, bytes.length, true);
    expect(createRowValidator(schema)(bytes, 1)).toMatch(`limit of ${ROW_BYTES_MAX} bytes`);
  });

  test('is not kept busy by lists and records that all point at one place', () => {
    // 4 MiB of slots, each of them a list of 500,000 slots of the same kind: 5e17 visits if they were made.
    const depth = schemaOf({ l: 'list<list<list<list<list<string>>>>>' });
    const slots = (ROW_BYTES_MAX - 24) / 8;
    const bytes = new Uint8Array(ROW_BYTES_MAX);
    const words = new Uint32Array(bytes.buffer);
    words[0] = ROW_BYTES_MAX;
    for (let i = 0; i <= slots; i++) {
      words[4 + i * 2] = 24;
      words[5 + i * 2] = slots;
    }
    const started = performance.now();
    expect(createRowValidator(depth)(bytes, 1)).toMatch('overlaps');
    // A record of 200 lists that are all the same one.
    const wide = schemaOf(
      Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${i}`, 'list<list<i32>>'])),
    );
    words.fill(0, 4);
    const fixed = 16 + 200 * 8;
    for (let i = 0; i < 200; i++) {
      words[4 + i * 2] = fixed;
      words[5 + i * 2] = (ROW_BYTES_MAX - fixed) / 8;
    }
    expect(createRowValidator(wide)(bytes, 1)).toMatch('overlap');
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
