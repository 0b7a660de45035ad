import { expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';

test('a batch builder that grows keeps the bytes of a row that is not committed yet', () => {
  const builder = new BatchBuilder(64);
  builder.reserve(16);
  builder.bytes[9] = 42;
  builder.reserve(1_000);
  expect(builder.bytes[9]).toBe(42);
  expect(builder.view.getUint8(9)).toBe(42);
  expect(builder.length).toBe(0);
});
