import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRowEncoder } from '../../host/abi/create-row-encoder.ts';
import { rowsOf, schemaOf } from './rows-kit.ts';

const TEXT = schemaOf({ v: 'string' });

describe('json text', () => {
  test('is what JSON.stringify prints for values that JavaScript has', () => {
    const all = schemaOf({
      t: 'string',
      n: 'f64',
      f: 'f32',
      i: 'i32',
      u: 'u32',
      b: 'bool',
      l: 'list<f64>',
    });
    const number = fc
      .oneof(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer().map((cents) => cents / 100),
        fc.integer().map((units) => units / 1e6),
        fc.integer(),
      )
      .map((value) => value + 0);
    const value = fc.record({
      t: fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
      n: number,
      f: number.map((wide) => Math.fround(wide)).filter((narrow) => Number.isFinite(narrow)),
      i: fc.integer(),
      u: fc.nat(),
      b: fc.boolean(),
      l: fc.array(number, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(value, (object) => {
        const text = createRowEncoder('json', all).encode(rowsOf(all, [object]));
        const expected = JSON.stringify(object);
        const isNegativeZero = [object.n, object.f, ...object.l].some((n) => Object.is(n, -0));
        if (!isNegativeZero) expect(Buffer.from(text).toString()).toBe(`${expected}\n`);
      }),
      { numRuns: 10_000 },
    );
  });

  test('keeps 64-bit integers whole, signs of zeros, and writes null for NaN and infinities', () => {
    const wide = schemaOf({ i: 'i64', u: 'u64', at: 'timestamp', n: 'f64' });
    const text = (i: bigint, u: bigint, n: number) =>
      Buffer.from(
        createRowEncoder('json', wide).encode(rowsOf(wide, [{ i, u, at: i, n }])),
      ).toString();
    expect(text(-(2n ** 63n), 2n ** 64n - 1n, -0)).toBe(
      '{"i":-9223372036854775808,"u":18446744073709551615,"at":-9223372036854775808,"n":-0}\n',
    );
    for (const i of [
      2n ** 53n,
      2n ** 53n - 1n,
      -(2n ** 53n),
      -(2n ** 53n) - 1n,
      999_999_999n,
      10n ** 9n,
    ]) {
      expect(text(i, 0n, Number.NaN)).toBe(`{"i":${i},"u":0,"at":${i},"n":null}\n`);
    }
    expect(text(0n, 0n, Number.NEGATIVE_INFINITY)).toContain('"n":null');
  });

  test('has U+FFFD where bytes are not UTF-8, as TextDecoder puts it', () => {
    const bytes = fc.array(
      fc.constantFrom(
        0x41,
        0x7f,
        0x80,
        0xbf,
        0xc2,
        0xe0,
        0xa0,
        0xed,
        0x9f,
        0xf0,
        0x90,
        0xf4,
        0x8f,
        0xff,
        0x22,
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(bytes, (values) => {
        const batch = rowsOf(TEXT, [{ v: 'x'.repeat(values.length) }]);
        batch.bytes.set(values, 24);
        const text = Buffer.from(createRowEncoder('json', TEXT).encode(batch)).toString();
        const expected = new TextDecoder('utf-8', { ignoreBOM: true }).decode(
          Uint8Array.from(values),
        );
        expect(JSON.parse(text)).toEqual({ v: expected });
      }),
      { numRuns: 10_000 },
    );
  });
});
