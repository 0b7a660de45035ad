import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { createRowValidator } from '../../host/abi/validate-rows.ts';
import type { Batch } from '../../host/model/batch.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { vectorSchema } from '../abi/vector-records.ts';
import { RawGuest } from '../kit/raw-guest.ts';
import { recordUdf, type TextStyle } from '../kit/record-udf.ts';
import { decodeBatch } from '../kit/rows.ts';

interface Vector {
  readonly name: string;
  readonly record: string;
  readonly hex: string;
  readonly count?: number;
}

interface Manifest {
  readonly records: readonly { readonly name: string }[];
  readonly rows: readonly Vector[];
  readonly unusual: readonly Vector[];
}

const manifest: Manifest = JSON.parse(
  readFileSync(new URL('../../guest-sdk/vectors/manifest.json', import.meta.url), 'utf8'),
);
const records = manifest.records.map(({ name }) => vectorSchema(name));

function batchOf(vector: Vector): Batch {
  return { bytes: new Uint8Array(Buffer.from(vector.hex, 'hex')), count: vector.count ?? 1 };
}

function hexOf(batch: Batch): string {
  return Buffer.from(batch.bytes).toString('hex');
}

describe.each<TextStyle>(['objects', 'spans'])('a guest with text and bytes as %s', (style) => {
  let guest: RawGuest;
  beforeAll(async () => {
    const source = recordUdf(records, style);
    guest = new RawGuest((await compileAssemblyScript({ source, name: 'vectors.ts' })).wasm);
  });

  test('describes the records as the vectors do', () => {
    const described = guest.description.records.map(
      (record): RecordSchema => ({ name: record.name, fields: record.fields }),
    );
    expect(described).toEqual(records);
  });

  describe.each(['identity', 'touch', 'partial', 'rebuild'])('%s', (way) => {
    test.each(manifest.rows)('gives $name back byte for byte', (vector) => {
      const { output } = guest.run(`${way}_${vector.record}`, batchOf(vector));
      expect(hexOf(output)).toBe(vector.hex);
    });

    test.each(manifest.unusual)('reads $name', (vector) => {
      const schema = vectorSchema(vector.record);
      const { output } = guest.run(`${way}_${vector.record}`, batchOf(vector));
      expect(createRowValidator(schema)(output.bytes, output.count)).toBeUndefined();
      expect(decodeBatch(schema, output)).toEqual(decodeBatch(schema, batchOf(vector)));
    });
  });
});
