import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { createRowEncoder } from '../../host/abi/create-row-encoder.ts';
import { decodeTime, encodeObject } from '../../host/abi/row-object.ts';
import { decodeAll, objectsOf, rowsOf, schemaOf } from './rows-kit.ts';

const schema = schemaOf({ id: 'u32', name: 'string' });
const objects = [
  { id: 1, name: 'one' },
  { id: 2, name: 'two' },
  { id: 3, name: 'three' },
];

describe('rows', () => {
  test('keep their event times and lose their tags', () => {
    const builder = new BatchBuilder();
    for (const object of objects) encodeObject(schema, object, builder, object.id * 1000);
    builder.view.setUint32(4, 0xdead_beef, true);
    const written = createRowEncoder('rows', schema).encode(builder.batch()).slice();
    expect(new DataView(written.buffer).getUint32(4, true)).toBe(0);
    written[4] = 1;
    const decoded = decodeAll('rows', schema, written);
    expect(decoded.bytes[4]).toBe(0);
    expect(decodeTime(decoded.bytes, 0)).toBe(1000n);
    expect(objectsOf(schema, decoded)).toEqual(objects);
  });

  test('with an invalid content are passed over', () => {
    const { bytes } = rowsOf(schema, objects);
    new DataView(bytes.buffer).setUint32(40 + 28, 1000, true);
    const decoded = decodeAll('rows', schema, bytes);
    expect(objectsOf(schema, decoded)).toEqual([objects[0], objects[2]]);
    expect(decoded.malformed.map(({ reason }) => reason)).toEqual([
      'field "name" reaches beyond its row',
    ]);
  });

  test('behind a length that makes no sense end the input', () => {
    const { bytes } = rowsOf(schema, objects);
    new DataView(bytes.buffer).setUint32(40, 7, true);
    expect(() => decodeAll('rows', schema, bytes)).toThrow(
      expect.objectContaining({ code: 'SOURCE_UNAVAILABLE' }),
    );
  });

  test('cut at the end of the input are malformed', () => {
    const { bytes } = rowsOf(schema, objects);
    const decoded = decodeAll('rows', schema, bytes.slice(0, -8));
    expect(decoded.count).toBe(2);
    expect(decoded.malformed.map(({ reason }) => reason)).toEqual(['the input ends inside a row']);
  });

  test('come in runs of about the bytes asked for', () => {
    const { bytes } = rowsOf(schema, objects);
    expect(objectsOf(schema, decodeAll('rows', schema, bytes, { bytesMax: 1 }))).toEqual(objects);
  });
});
