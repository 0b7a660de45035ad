import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { decodeObject, decodeTime, encodeObject } from '../../host/abi/row-object.ts';
import { createRowValidator } from '../../host/abi/validate-rows.ts';
import type { Json } from '../../host/model/json.ts';
import { vectorManifest } from './generate-vectors.ts';
import { objectsOf } from './rows-kit.ts';
import { vectorSchema } from './vector-records.ts';
import { objectFromJson, objectToJson } from './vector-value.ts';

const file = new URL('../../guest-sdk/vectors/manifest.json', import.meta.url);
const text = readFileSync(file, 'utf8');

interface RowVector {
  readonly name: string;
  readonly record: string;
  readonly time: string | null;
  readonly value: Json;
  readonly hex: string;
}

interface BatchVector {
  readonly name: string;
  readonly record: string;
  readonly count: number;
  readonly reason: string;
  readonly hex: string;
  readonly values?: readonly Json[];
}

const manifest: {
  readonly rows: readonly RowVector[];
  readonly unusual: readonly BatchVector[];
  readonly invalid: readonly BatchVector[];
} = JSON.parse(text);

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

describe('the vectors', () => {
  test('are what the generator prints', () => {
    expect(text).toBe(vectorManifest());
  });

  test('have names of their own', () => {
    for (const entries of [manifest.rows, manifest.unusual, manifest.invalid]) {
      expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length);
    }
  });

  describe.each(manifest.rows)('row "$name"', ({ record, time, value, hex }) => {
    const schema = vectorSchema(record);

    test('is written as its bytes', () => {
      const builder = new BatchBuilder(64);
      const timeMs = time === null ? undefined : BigInt(time);
      encodeObject(schema, objectFromJson(schema, value), builder, timeMs);
      expect(Buffer.from(builder.batch().bytes).toString('hex')).toBe(hex);
    });

    test('is read as its value and valid', () => {
      const bytes = bytesOf(hex);
      expect(createRowValidator(schema)(bytes, 1)).toBeUndefined();
      expect(objectToJson(schema, decodeObject(schema, bytes, 0))).toEqual(value);
      expect(decodeTime(bytes, 0)?.toString() ?? null).toBe(time);
    });
  });

  test.each(manifest.unusual)('batch "$name" is valid: $reason', (batch) => {
    const schema = vectorSchema(batch.record);
    const bytes = bytesOf(batch.hex);
    expect(createRowValidator(schema)(bytes, batch.count)).toBeUndefined();
    const values = objectsOf(schema, { bytes, count: batch.count }).map((object) =>
      objectToJson(schema, object),
    );
    expect(values).toEqual(batch.values);
  });

  test.each(manifest.invalid)('batch "$name" is refused: $reason', (batch) => {
    const validate = createRowValidator(vectorSchema(batch.record));
    expect(validate(bytesOf(batch.hex), batch.count)).toEqual(expect.any(String));
  });
});

describe('bytes written by hand from the ABI', () => {
  const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer).toString('hex');
  const noTime = u32(0) + u32(0x8000_0000);
  const row = (name: string) => manifest.rows.find((vector) => vector.name === name)?.hex;

  test('are the line "12345678": header, slot, text without padding', () => {
    const slot = u32(24) + u32(8);
    const expected = u32(32) + u32(0) + noTime + slot + Buffer.from('12345678').toString('hex');
    expect(row('text-eight-bytes')).toBe(expected);
  });

  test('are the empty line: offset 0, length 0, no tail', () => {
    expect(row('text-empty')).toBe(u32(24) + u32(0) + noTime + u32(0) + u32(0));
  });

  test('are a null between two fields: slot 0, bit 1 of the null word', () => {
    const score = Buffer.from(Float64Array.of(2.5).buffer).toString('hex');
    const slots = u32(1) + u32(0) + u32(0) + u32(0) + score;
    expect(row('mixed-null')).toBe(u32(48) + u32(0) + noTime + slots + u32(2) + u32(0));
  });

  test('are texts unpadded behind each other, the row padded', () => {
    const tail = '61626300ff80646566';
    const slots = u32(48) + u32(3) + u32(51) + u32(3) + u32(54) + u32(2) + u32(56) + u32(1);
    expect(row('texts-all')).toBe(u32(64) + u32(0) + noTime + slots + tail + '00'.repeat(7));
  });

  test('are lists of lists: outer slots, then each inner list with its pieces', () => {
    const f64 = (value: number) => Buffer.from(Float64Array.of(value).buffer).toString('hex');
    // Fixed 48, "ragged" to 54, padded to 56: cells.
    const slots = u32(48) + u32(6) + u32(56) + u32(3) + u32(112) + u32(3) + u32(171) + u32(3);
    const cells =
      u32(80) + u32(1) + u32(0) + u32(0) + u32(88) + u32(3) + f64(1) + f64(2) + f64(3) + f64(4);
    const words = u32(136) + u32(2) + u32(0) + u32(0) + u32(160) + u32(1);
    // "a" and "" of the first, padding, "bcd" of the last.
    const first = `${u32(152)}${u32(1)}${u32(0)}${u32(0)}61${'00'.repeat(7)}`;
    const last = `${u32(168)}${u32(3)}626364`;
    const fixed = u32(176) + u32(0) + noTime + slots;
    const name = `${Buffer.from('ragged').toString('hex')}0000`;
    const end = `${Buffer.from('end').toString('hex')}${'00'.repeat(2)}`;
    const expected = fixed + name + cells + words + first + last + end;
    expect(row('matrix-ragged')).toBe(expected);
  });
});
