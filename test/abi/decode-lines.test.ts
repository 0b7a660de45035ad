import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRowDecoder } from '../../host/abi/create-row-decoder.ts';
import { createRowEncoder } from '../../host/abi/create-row-encoder.ts';
import { createRowValidator } from '../../host/abi/validate-rows.ts';
import { ROW_BYTES_MAX } from '../../host/limits.ts';
import { LINE_SCHEMA } from '../../host/model/schema.ts';
import { decodeAll, encodeAll, objectsOf, rowsOf, schemaOf } from './rows-kit.ts';

const RAW = schemaOf({ data: 'bytes' });

function texts(input: string): unknown[] {
  return objectsOf(LINE_SCHEMA, decodeAll('lines', LINE_SCHEMA, input)).map(({ text }) => text);
}

describe('lines', () => {
  test('are what lies between line feeds, without a carriage return before one', () => {
    expect(texts('a\nbb\r\n\n\r\nlast')).toEqual(['a', 'bb', '', '', 'last']);
    expect(texts('\r\r\na\rb\n\r')).toEqual(['\r', 'a\rb', '']);
    expect(texts('')).toEqual([]);
    expect(texts('\n')).toEqual(['']);
  });

  test('become the canonical rows of their texts', () => {
    const unit = fc.constantFrom(
      '\n',
      '\r',
      'a',
      'b',
      'ä',
      '\u0000',
      '\u000b',
      '\u8a0a',
      'longer text ',
    );
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 60 }),
        fc.integer({ min: 1, max: 200 }),
        (text, bytesMax) => {
          const lines = text.split('\n');
          if (lines[lines.length - 1] === '') lines.pop();
          const expected = rowsOf(
            LINE_SCHEMA,
            lines.map((line) => ({ text: line.replace(/\r$/, '') })),
          );
          const decoded = decodeAll('lines', LINE_SCHEMA, text, { bytesMax });
          expect(Buffer.from(decoded.bytes).toString('hex')).toBe(
            Buffer.from(expected.bytes).toString('hex'),
          );
          expect(decoded.count).toBe(expected.count);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  test('of any length around the size of a batch come through', () => {
    for (let length = 65_480; length < 65_560; length++) {
      const line = 'x'.repeat(length);
      for (const end of ['\n', '\r\n', '']) {
        const decoded = decodeAll('lines', LINE_SCHEMA, `a\n${line}${end}`);
        expect([decoded.count, decoded.bytes.length]).toEqual([2, 32 + ((24 + length + 7) & ~7)]);
      }
    }
  });

  test('wait for their end unless the input is final', () => {
    const decoded = decodeAll('lines', LINE_SCHEMA, 'one\ntwo', { final: false });
    expect([decoded.count, decoded.taken]).toEqual([1, 4]);
  });

  test('longer than a row may be are malformed, the ones around them are not', () => {
    const long = 'x'.repeat(ROW_BYTES_MAX);
    for (const end of ['\nafter', '']) {
      const decoded = decodeAll('lines', LINE_SCHEMA, `before\n${long}${end}`);
      expect(decoded.malformed.length).toBe(1);
      expect(decoded.count).toBe(end === '' ? 1 : 2);
    }
    const longest = 'x'.repeat(ROW_BYTES_MAX - 24);
    const decoded = decodeAll('lines', LINE_SCHEMA, `${longest}\n`);
    expect(createRowValidator(LINE_SCHEMA)(decoded.bytes, 1)).toBeUndefined();
  });

  test('are written back with line feeds', () => {
    const text = `a\n\n${'long '.repeat(1_000)}\näöü\n`;
    expect(encodeAll('lines', LINE_SCHEMA, decodeAll('lines', LINE_SCHEMA, text))).toBe(text);
  });

  test('need a record of one string', () => {
    const two = schemaOf({ a: 'string', b: 'string' });
    const expected = expect.objectContaining({ code: 'CONNECTOR_OPTION' });
    expect(() => createRowDecoder('lines', two, () => {})).toThrow(expected);
    expect(() => createRowEncoder('lines', RAW)).toThrow(expected);
    expect(() => createRowEncoder('raw', LINE_SCHEMA)).toThrow(expected);
  });
});

describe('raw records', () => {
  test('are every byte between line feeds', () => {
    const decoded = decodeAll('raw', RAW, Uint8Array.of(0xff, 0x0d, 0x0a, 0x0a, 0x00, 0x0d));
    expect(objectsOf(RAW, decoded)).toEqual([
      { data: Uint8Array.of(0xff, 0x0d) },
      { data: new Uint8Array(0) },
      { data: Uint8Array.of(0x00, 0x0d) },
    ]);
    const written = createRowEncoder('raw', RAW).encode(decoded);
    expect([...written]).toEqual([0xff, 0x0d, 0x0a, 0x0a, 0x00, 0x0d, 0x0a]);
  });
});
