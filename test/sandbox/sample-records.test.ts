import { describe, expect, test } from 'vitest';
import { decodeObject } from '../../host/abi/row-object.ts';
import { createRowValidator } from '../../host/abi/validate-rows.ts';
import { TRIAL_RECORDS } from '../../host/admission-limits.ts';
import type { RecordSchema, ScalarKind, ValueType } from '../../host/model/schema.ts';
import { sampleRecords } from '../../host/sandbox/trial/sample-records.ts';

const SCALARS: readonly ScalarKind[] = [
  ...(['bool', 'i32', 'u32', 'i64', 'u64', 'f32', 'f64', 'string', 'bytes', 'timestamp'] as const),
];
const fields = (types: readonly ValueType[]) => types.map((type, i) => ({ name: `f${i}`, type }));
const scalars = SCALARS.map((kind) => ({ kind }));
const INNER: RecordSchema = { name: 'Inner', fields: fields(scalars) };
const lists = scalars.map((of) => ({ kind: 'list' as const, of }));
const optionals = [...scalars, ...lists].map((of) => ({ kind: 'optional' as const, of }));
const inner = { kind: 'record' as const, record: INNER };
const innerLists = { kind: 'list' as const, of: { kind: 'list' as const, of: inner } };
const ALL: RecordSchema = {
  name: 'All',
  fields: fields([...scalars, ...lists, ...optionals, inner, innerLists]),
};

describe('sample records', () => {
  const samples = sampleRecords(ALL);
  const objects = samples.map(({ bytes }) => decodeObject(ALL, bytes, 0));

  test('are valid rows of their schema', () => {
    expect(samples).toHaveLength(TRIAL_RECORDS);
    const validate = createRowValidator(ALL);
    for (const { bytes, count } of samples) expect(validate(bytes, count)).toBeUndefined();
  });

  test('are the same every time', () => {
    expect(sampleRecords(ALL)).toEqual(samples);
  });

  test('hold the extremes: nothing, null and the least, then much and the most', () => {
    const [least, most] = objects;
    expect(least).toMatchObject({ f1: -(2 ** 31), f7: '', f10: [], f20: null, f41: [] });
    expect(most).toMatchObject({
      f1: 2 ** 31 - 1,
      f3: 2n ** 63n - 1n,
      f6: Number.POSITIVE_INFINITY,
    });
    expect((most.f7 as string).length).toBeGreaterThan(1_000);
    expect((most.f10 as unknown[]).length).toBeGreaterThan(100);
  });

  test('stay small, however lists nest', () => {
    let type: ValueType = { kind: 'string' };
    for (let depth = 0; depth < 8; depth++) type = { kind: 'list', of: type };
    for (const { bytes } of sampleRecords({ name: 'Deep', fields: fields([type, type, type]) })) {
      expect(bytes.length).toBeLessThan(256 * 1024);
    }
  });
});
