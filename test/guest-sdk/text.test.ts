import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { encodeObject, type RowObject } from '../../host/abi/row-object.ts';
import { batchOf } from '../kit/keyed-rows.ts';
import { RawGuest } from '../kit/raw-guest.ts';
import { decodeBatch } from '../kit/rows.ts';

let guest: RawGuest;
beforeAll(async () => {
  const path = join(import.meta.dirname, 'udfs/text.udf.ts');
  guest = new RawGuest((await compileAssemblyScript({ path })).wasm);
});

function run(name: string, ...records: readonly object[]): RowObject[] {
  const { input, output } = guest.function(name);
  return decodeBatch(output, guest.run(name, batchOf(input, records)).output);
}

const spaced = fc.string({
  unit: fc.constantFrom(' ', '\t', '\n', '\v', '\f', '\r', 'a', 'é', '🙂', ',', '0', '7'),
  maxLength: 16,
});
const anyText = fc.oneof(spaced, fc.string({ unit: 'binary', maxLength: 12 }));
const bytesOf = (text: string) => Buffer.from(text);

describe('a Utf8 value', () => {
  test('answers as JavaScript does on the same text', () => {
    fc.assert(
      fc.property(anyText, anyText, fc.nat(20), fc.nat(20), (left, part, from, index) => {
        // Half of the second texts are parts of the first.
        const right = from % 2 === 0 ? part : [...left].slice(from >> 1, (from >> 1) + 2).join('');
        const [found] = run('facts', { left, right, index });
        const order = Buffer.compare(bytesOf(left), bytesOf(right));
        expect({ ...found, order: Math.sign(found.order as number) }).toMatchObject({
          equals: left === right,
          is: left === right,
          startsWith: left.startsWith(right),
          endsWith: left.endsWith(right),
          contains: left.includes(right),
          indexOf: bytesOf(left).indexOf(bytesOf(right)),
          order,
          trimmed: left.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, ''),
          text: left,
          copy: left,
          length: bytesOf(left).length,
        });
      }),
      { numRuns: 2_000 },
    );
  });

  test('splits words as text.split(/\\s+/) without empty pieces, on ASCII white space', () => {
    fc.assert(
      fc.property(fc.oneof(spaced, fc.string({ maxLength: 20 })), (left) => {
        const found = run('words', { left, right: '', index: 0 }).map(({ text }) => text);
        expect(found).toEqual(left.split(/\s+/).filter((word) => word !== ''));
      }),
      { numRuns: 1_000 },
    );
  });

  test('splits at a separator as text.split does', () => {
    fc.assert(
      fc.property(spaced, (left) => {
        const found = run('pieces', { left, right: '', index: 0 }).map(({ text }) => text);
        expect(found).toEqual(left.split(','));
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ['-9223372036854775808', -(2n ** 63n)],
    ['9223372036854775807', 2n ** 63n - 1n],
    ['+12', 12n],
    ['007', 7n],
    ['', -1n],
    ['-', -1n],
    ['1.5', -1n],
    [' 1', -1n],
    ['١', -1n],
  ])('reads %j as the number %s', (left, number) => {
    expect(run('facts', { left, right: '', index: 0 })[0].number).toBe(number);
  });

  test('is cut between bytes, from the end when the index is negative', () => {
    const slice = (left: string, index: number) =>
      run('facts', { left, right: '', index })[0].slice;
    expect(slice('hello', 2)).toBe('llo');
    expect(slice('hello', -2)).toBe('lo');
    expect(slice('hello', 9)).toBe('');
    expect(slice('hello', -9)).toBe('hello');
  });

  test('gives its bytes', () => {
    const left = 'aé🙂';
    const sum = bytesOf(left).reduce((total, byte) => total + byte, 0);
    expect(run('bytewise', { left, right: '', index: 0 })[0].index).toBe(sum);
  });

  test('with ill-formed bytes reads as TextDecoder reads them', () => {
    const { input, output } = guest.function('facts');
    const odd = fc.constantFrom(
      0x61,
      0x80,
      0xbf,
      0xc0,
      0xc2,
      0xe0,
      0xed,
      0xa0,
      0xf0,
      0x90,
      0xf4,
      0xff,
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(odd, fc.nat(255)), { minLength: 1, maxLength: 12 }),
        (bytes) => {
          const builder = new BatchBuilder();
          encodeObject(input, { left: 'x'.repeat(bytes.length), right: '', index: 0 }, builder);
          const row = builder.batch();
          row.bytes.set(bytes, row.bytes.indexOf(0x78) >>> 0);
          const result = guest.run('facts', row);
          const [{ text }] = decodeBatch(output, result.output);
          expect(text).toBe(
            new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array(bytes)),
          );
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

test('a Bytes value is compared, indexed, cut and copied', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 9 }), fc.boolean(), (data, same) => {
      const other = same ? data.slice() : new Uint8Array([1, 2, 3]);
      const [found] = run('bytes', { data, other, sum: 0, same: false });
      expect(found).toEqual({
        data,
        other: data.slice().reverse().slice(1, -1),
        sum: data.reduce((total, byte) => total + byte, 0),
        same: Buffer.compare(data, other) === 0,
      });
    }),
    { numRuns: 500 },
  );
});
