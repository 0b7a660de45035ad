import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../host/abi/batch-builder.ts';
import { createRowDecoder } from '../../host/abi/create-row-decoder.ts';
import { ROW_BYTES_MAX } from '../../host/limits.ts';
import { decodeAll, encodeAll, objectsOf, rowsOf, schemaOf } from './rows-kit.ts';

const schema = schemaOf({
  id: 'u32',
  name: 'string',
  note: 'optional<string>',
  score: 'optional<f64>',
});

function objects(text: string) {
  const decoded = decodeAll('csv', schema, text);
  return objectsOf(schema, decoded);
}

const row = (
  id: number,
  name: string,
  note: string | null = null,
  score: number | null = null,
) => ({
  id,
  name,
  note,
  score,
});

describe('a csv decoder', () => {
  test('finds columns by name, in any order, and passes over unknown ones', () => {
    const text = 'score,extra,name,id,note\n1.5,x,Ann,1,n\n,,Bob,2,\n';
    expect(objects(text)).toEqual([row(1, 'Ann', 'n', 1.5), row(2, 'Bob')]);
  });

  test('takes optional fields without a column as null', () => {
    expect(objects('name,id\nAnn,1\n')).toEqual([row(1, 'Ann')]);
  });

  test('reads quoted cells with commas, quotes and line ends in them', () => {
    const text = 'id,name,note\n1,"a,b","say ""hi"""\n2,"two\nlines\r\n","x"\n3,"""",""\n';
    expect(objects(text)).toEqual([
      row(1, 'a,b', 'say "hi"'),
      row(2, 'two\nlines\r\n', 'x'),
      row(3, '"', ''),
    ]);
  });

  test('tells an empty string from nothing only where nothing may be', () => {
    expect(objects('id,name,note\n1,,\n2,"",""\n')).toEqual([row(1, ''), row(2, '', '')]);
  });

  test('takes carriage returns before line ends, a missing last one, blank lines and a byte order mark', () => {
    const text = '\ufeffid,"name"\r\n1,Ann\r\n\r\n\n2,Bob\r\n3,Eve';
    expect(objects(text)).toEqual([row(1, 'Ann'), row(2, 'Bob'), row(3, 'Eve')]);
  });

  test('reports what is malformed and keeps the others', () => {
    const text =
      'id,name,score\nx,Ann,\n1,Bob\n2,a"b,\n3,"c"d,\n4,Eve,nine\n5,Kim,9\n,Lee,1\n6,Zoe,';
    const decoded = decodeAll('csv', schema, text);
    expect(objectsOf(schema, decoded)).toEqual([row(5, 'Kim', null, 9), row(6, 'Zoe')]);
    expect(decoded.malformed).toEqual([
      { reason: 'field "id" takes u32', text: 'x,Ann,' },
      { reason: 'the record has 2 cells, the header 3', text: '1,Bob' },
      { reason: 'cell 2 holds a quote but does not start with one', text: '2,a"b,' },
      { reason: 'cell 2 goes on behind its closing quote', text: '3,"c"d,' },
      { reason: 'field "score" takes f64 or nothing', text: '4,Eve,nine' },
      { reason: 'field "id" takes u32', text: ',Lee,1' },
    ]);
  });

  test('gives up one line, not the file, for a quote that is never closed', () => {
    const decoded = decodeAll('csv', schema, 'id,name\n1,"open\n2,Bob\n3,Eve\n');
    expect(objectsOf(schema, decoded)).toEqual([row(2, 'Bob'), row(3, 'Eve')]);
    expect(decoded.malformed).toEqual([{ reason: 'a quote is not closed', text: '1,"open' }]);
    const long = `id,name\n1,"open\n${'2,Bob\n'.repeat(ROW_BYTES_MAX / 6 + 10)}`;
    const cut = decodeAll('csv', schema, long, { final: false });
    expect(cut.malformed.map(({ text }) => text)).toEqual(['1,"open']);
    expect(cut.count).toBe(Math.floor(ROW_BYTES_MAX / 6 + 10));
  });

  test('reads numbers, bools, bytes, lists and records', () => {
    const all = schemaOf(
      {
        i: 'i32',
        w: 'i64',
        u: 'u64',
        f: 'f64',
        b: 'bool',
        d: 'bytes',
        l: 'list<string>',
        r: 'In',
        o: 'optional<In>',
      },
      { In: { x: 'i32', y: 'optional<string>' } },
    );
    const text =
      'i,w,u,f,b,d,l,r,o\n' +
      '+007,-9223372036854775808,18446744073709551615,-Infinity,TRUE,AP8=,"[""a,"",""""]",{"x":1},\n'.replace(
        '{"x":1}',
        '"{""y"":""q"",""x"":1}"',
      ) +
      '"-5",1.0,0,1e3,false,,[],"{""x"":2}","{""x"":3,""y"":null}"\n';
    const decoded = decodeAll('csv', all, text);
    expect(decoded.malformed).toEqual([]);
    expect(objectsOf(all, decoded)).toEqual([
      {
        i: 7,
        w: -(2n ** 63n),
        u: 2n ** 64n - 1n,
        f: Number.NEGATIVE_INFINITY,
        b: true,
        d: Uint8Array.of(0, 255),
        l: ['a,', ''],
        r: { x: 1, y: 'q' },
        o: null,
      },
      {
        i: -5,
        w: 1n,
        u: 0n,
        f: 1000,
        b: false,
        d: new Uint8Array(0),
        l: [],
        r: { x: 2, y: null },
        o: { x: 3, y: null },
      },
    ]);
    expect(decodeAll('csv', all, encodeAll('csv', all, decoded)).bytes).toEqual(decoded.bytes);
  });

  test('says which record of a cell lacks what', () => {
    const nested = schemaOf({ r: 'In' }, { In: { x: 'i32' } });
    const decoded = decodeAll('csv', nested, 'r\n{}\n[]\n"{""x"":1} "\n"{""x"":1}"\n');
    expect(decoded.count).toBe(1);
    expect(decoded.malformed.map(({ reason }) => reason)).toEqual([
      'field "r": field "x" is missing',
      'field "r" takes In',
      'field "r" takes In',
    ]);
  });

  test('keeps nulls of a record with one field: blank lines', () => {
    const single = schemaOf({ v: 'optional<string>' });
    const batch = rowsOf(single, [{ v: 'a' }, { v: null }, { v: '' }, { v: 'b' }]);
    const text = encodeAll('csv', single, batch);
    expect(text).toBe('v\na\n\n""\nb\n');
    expect(decodeAll('csv', single, text).bytes).toEqual(batch.bytes);
  });

  test.each([
    ['name\nAnn\n', 'no column "id"'],
    ['id,name,id\n1,Ann,2\n', 'two columns "id"'],
    ['id,na"me\n', 'cell 2 holds a quote but does not start with one'],
  ])('refuses a header that no record can be read with', (text, fault) => {
    expect(() => decodeAll('csv', schema, text)).toThrow(
      expect.objectContaining({
        code: 'SOURCE_UNAVAILABLE',
        message: expect.stringContaining(fault),
      }),
    );
  });

  test('goes on in the middle of a file once it has seen the header', () => {
    const bytes = new TextEncoder().encode('name,id\nAnn,1\nBob,2\nEve,3\n');
    const decoder = createRowDecoder('csv', schema, (reason) => expect.fail(reason));
    const out = new BatchBuilder();
    const header = { bytes, start: 0, end: 10, final: false, bytesMax: 0 };
    expect(decoder.decode(header, out)).toBe(8);
    expect(out.count).toBe(0);
    decoder.decode({ bytes, start: 14, end: bytes.length, final: true, bytesMax: 1 << 16 }, out);
    expect(objectsOf(schema, out.batch())).toEqual([row(2, 'Bob'), row(3, 'Eve')]);
  });

  test('reads back any cells that a plain RFC 4180 writer wrote', () => {
    const unit = fc.constantFrom('"', ',', '\n', '\r', 'a', ' ', 'ä');
    const texts = fc.array(fc.tuple(fc.string({ unit, maxLength: 8 }), fc.string({ unit })));
    fc.assert(
      fc.property(texts, (pairs) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const lines = pairs.map(([a, b], i) => `${quoted(a)},${i},${quoted(b)}\r\n`);
        const expected = pairs.map(([a, b], i) => row(i, a, b));
        expect(objects(`name,id,note\r\n${lines.join('')}`)).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });
});
