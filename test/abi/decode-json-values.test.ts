import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeAll, objectsOf, schemaOf } from './rows-kit.ts';

const F64 = schemaOf({ v: 'f64' });
const TEXT = schemaOf({ v: 'string' });

function decodedValue(schema: ReturnType<typeof schemaOf>, json: string): unknown {
  const decoded = decodeAll('json', schema, `{"v":${json}}\n`);
  return decoded.count === 1 ? objectsOf(schema, decoded)[0].v : undefined;
}

/** What `JSON.parse` makes of it, or undefined when it throws. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function decodesAs(type: string, json: string): unknown {
  return decodedValue(schemaOf({ v: type }), json);
}

describe('numbers from json', () => {
  test('are the doubles of JSON.parse bit for bit', () => {
    const digits = fc.string({
      unit: fc.constantFrom(...'0123456789'),
      minLength: 1,
      maxLength: 24,
    });
    const exponent = fc.integer({ min: -340, max: 330 }).map((value) => `e${value}`);
    const made = fc
      .tuple(
        fc.constantFrom('', '-'),
        digits,
        fc.option(digits, { nil: '' }),
        fc.option(exponent, { nil: '' }),
      )
      .map(([sign, whole, fraction, power]) => {
        const head = whole.replace(/^0+(?=.)/, '');
        return `${sign}${head}${fraction === '' ? '' : `.${fraction}`}${power}`;
      });
    const printed = fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .map((value) => String(value));
    const decimal = fc.tuple(fc.integer(), fc.nat({ max: 12 })).map(([value, places]) => {
      return (value / 10 ** places).toFixed(places);
    });
    fc.assert(
      fc.property(fc.oneof(made, printed, decimal), (json) => {
        expect(decodedValue(F64, json)).toBe(parsed(json));
      }),
      { numRuns: 20_000 },
    );
  });

  test('are taken or refused as JSON.parse does', () => {
    const unit = fc.constantFrom(...'0123456789+-.eE ');
    fc.assert(
      fc.property(fc.string({ unit, minLength: 1, maxLength: 7 }), (json) => {
        expect(decodedValue(F64, json)).toBe(parsed(json));
      }),
      { numRuns: 20_000 },
    );
  });

  test('near halves between doubles round to even', () => {
    for (const json of [
      '9007199254740993',
      '9007199254740995',
      '9007199254740992.9999999999999999',
      '0.1000000000000000055511151231257827021181583404541015625',
      '0.10000000000000000555111512312578270211815834045410156250000001',
      '1.00000000000000011102230246251565',
      '2.2250738585072011e-308',
      '4.9406564584124654e-324',
      '2.4703282292062327e-324',
      '1.7976931348623158e308',
      '1.7976931348623159e308',
      '-0',
      '0e400',
      '-0.0e-400',
    ]) {
      expect([json, decodedValue(F64, json)]).toEqual([json, JSON.parse(json)]);
    }
  });

  test('are the floats that Math.fround makes of them', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(decodesAs('f32', String(value))).toBe(Math.fround(value + 0));
      }),
    );
  });

  test.each([
    ['i32', -(2n ** 31n), 2n ** 31n - 1n],
    ['u32', 0n, 2n ** 32n - 1n],
    ['i64', -(2n ** 63n), 2n ** 63n - 1n],
    ['u64', 0n, 2n ** 64n - 1n],
    ['timestamp', -(2n ** 63n), 2n ** 63n - 1n],
  ])('fit %s exactly from the lowest to the highest', (type, lowest, highest) => {
    const schema = schemaOf({ v: type });
    const near = fc.tuple(fc.constantFrom(lowest, highest, 0n), fc.bigInt(-1000n, 1000n));
    const value = fc.oneof(
      near.map(([edge, step]) => edge + step),
      fc.bigInt(-(2n ** 65n), 2n ** 65n),
      fc.bigInt(-(2n ** 54n), 2n ** 54n),
      fc.bigInt(lowest, highest),
    );
    fc.assert(
      fc.property(value, (integer) => {
        const decoded = decodedValue(schema, String(integer));
        const expected = integer < lowest || integer > highest ? undefined : integer;
        expect(decoded === undefined ? undefined : BigInt(decoded as number)).toBe(expected);
      }),
      { numRuns: 3_000 },
    );
  });

  test('are integers in every notation that denotes one', () => {
    for (const [json, value] of [
      ['5.0', 5n],
      ['-5e0', -5n],
      ['1.5e1', 15n],
      ['100e-2', 1n],
      ['0.0', 0n],
      ['-0', 0n],
      ['0e99999', 0n],
      ['9.223372036854775807e18', 2n ** 63n - 1n],
      ['1e18', 10n ** 18n],
    ] as const) {
      expect([json, decodesAs('i64', json)]).toEqual([json, value]);
    }
    for (const json of ['0.5', '1e-1', '1e19', '1e99999', '5.0000000000000000001']) {
      expect([json, decodesAs('i64', json)]).toEqual([json, undefined]);
    }
    expect(decodesAs('i32', '2147483647.0')).toBe(2147483647);
    expect(decodesAs('u32', '-0')).toBe(0);
  });

  test('of four megabytes are refused in time', () => {
    const started = performance.now();
    expect(decodesAs('i64', `5.${'0'.repeat(2_000_000)}`)).toBeUndefined();
    expect(decodesAs('i64', '9'.repeat(2_000_000))).toBeUndefined();
    expect(decodesAs('f64', `0.${'0'.repeat(2_000_000)}1`)).toBe(0);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe('strings from json', () => {
  const wellFormed = (text: unknown) =>
    typeof text === 'string' ? text.toWellFormed() : undefined;

  test('are those of JSON.parse, halves of surrogate pairs as U+FFFD', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '\\n',
        '\\"',
        '\\\\',
        '\\/',
        '\\b',
        '\\f',
        '\\r',
        '\\t',
        '\\u0041',
        '\\u00e4',
      ),
      fc.constantFrom(
        '\\ud83e\\udd80',
        '\\ud83e',
        '\\udd80',
        '\\uD83E\\uDD80',
        '\\u0000',
        '\\u20aC',
      ),
      fc
        .string({ unit: 'grapheme', maxLength: 9 })
        .map((text) => JSON.stringify(text).slice(1, -1)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const json = `"${pieces.join('')}"`;
        expect(decodedValue(TEXT, json)).toBe(wellFormed(parsed(json)));
      }),
      { numRuns: 10_000 },
    );
  });

  test('are taken or refused as JSON.parse does', () => {
    const unit = fc.constantFrom(
      '"',
      '\\',
      'u',
      '0',
      'd',
      '8',
      'n',
      '\t',
      '\u0001',
      '\u007f',
      'ä',
      'a',
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 10 }), (text) => {
        const json = `"${text}"`;
        expect(decodedValue(TEXT, json)).toBe(wellFormed(parsed(json)));
      }),
      { numRuns: 20_000 },
    );
  });

  test('longer than a buffer grow it', () => {
    const long = 'x'.repeat(300_000);
    expect(decodedValue(TEXT, JSON.stringify(`${long}"ä`))).toBe(`${long}"ä`);
  });

  test('that are not UTF-8 keep their bytes and read as U+FFFD', () => {
    const line = Buffer.concat([
      Buffer.from('{"v":"a'),
      Buffer.of(0xff, 0xc3),
      Buffer.from('"}\n'),
    ]);
    const decoded = decodeAll('json', TEXT, new Uint8Array(line));
    expect(decoded.malformed).toEqual([]);
    expect([...decoded.bytes.subarray(24, 27)]).toEqual([0x61, 0xff, 0xc3]);
    expect(objectsOf(TEXT, decoded)).toEqual([{ v: 'a\ufffd\ufffd' }]);
  });

  test('of base64 become bytes, padded or not', () => {
    expect(decodesAs('bytes', '"AP+A"')).toEqual(Uint8Array.of(0, 255, 128));
    expect(decodesAs('bytes', '"AP8="')).toEqual(Uint8Array.of(0, 255));
    expect(decodesAs('bytes', '"AP8"')).toEqual(Uint8Array.of(0, 255));
    expect(decodesAs('bytes', '"_-8="')).toEqual(Uint8Array.of(255, 239));
    for (const json of ['"A"', '"AP8=="', '"A="', '"AP 8"', '"=AP8"', '"\\u0041P8="', '5']) {
      expect([json, decodesAs('bytes', json)]).toEqual([json, undefined]);
    }
  });
});
