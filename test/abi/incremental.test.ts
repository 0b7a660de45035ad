import { describe, expect, test } from 'vitest';
import type { RecordFormat } from '../../host/abi/row-decoder.ts';
import { decodeAll, rowsOf, schemaOf } from './rows-kit.ts';

const schema = schemaOf({ id: 'i64', text: 'optional<string>', list: 'list<f64>' });
const LINE = schemaOf({ text: 'string' });
const RAW = schemaOf({ data: 'bytes' });

const JSON_TEXT = [
  '{"id":1,"text":"plain","list":[1.5,2]}',
  '{"list":[],"text":null,"id":-9007199254740993}\r',
  '',
  'not json',
  '{"id":2,"text":"esc \\u00e4\\n\\ud83e\\udd80 ä🦀","list":[0.1e-3],"x":{"y":[{}]}}',
  '  {"id" : 3 , "list" : [ 1 , 2 ] }  ',
  '{"id":4,"text":"last","list":[]}',
].join('\n');

const CSV_TEXT = [
  'text,id,other,list',
  'plain,1,x,[]',
  '"quoted, ""twice""',
  'two lines",2,,"[1,2.5]"\r',
  '',
  'bad,x,,[]',
  '"",-3,"",[]',
  ',4,y,[]',
].join('\n');

const rows = rowsOf(schema, [
  { id: 1, text: 'one', list: [] },
  { id: 2, text: null, list: [1, 2] },
  { id: 3, text: '', list: [] },
]);

const INPUTS: readonly [RecordFormat, typeof schema, Uint8Array][] = [
  ['json', schema, new TextEncoder().encode(JSON_TEXT)],
  ['json', schema, new TextEncoder().encode(`${JSON_TEXT}\n`)],
  ['csv', schema, new TextEncoder().encode(CSV_TEXT)],
  ['csv', schema, new TextEncoder().encode(`${CSV_TEXT}\n`)],
  ['lines', LINE, new TextEncoder().encode(JSON_TEXT)],
  ['lines', LINE, new TextEncoder().encode(`${CSV_TEXT}\n`)],
  ['raw', RAW, new TextEncoder().encode(JSON_TEXT)],
  ['rows', schema, rows.bytes],
];

describe.each(INPUTS)('an input of %s', (format, type, bytes) => {
  test('gives the same rows wherever it is cut in two', () => {
    const whole = decodeAll(format, type, bytes);
    expect(whole.count).toBeGreaterThan(2);
    for (let splitAt = 0; splitAt <= bytes.length; splitAt++) {
      expect([splitAt, decodeAll(format, type, bytes, { splitAt })]).toEqual([splitAt, whole]);
    }
  });

  test('gives the same rows however few are asked for at a time', () => {
    const whole = decodeAll(format, type, bytes);
    for (let bytesMax = 1; bytesMax < 200; bytesMax += 7) {
      expect(decodeAll(format, type, bytes, { bytesMax })).toEqual(whole);
    }
  });

  test('reads nothing behind the end it is given', () => {
    const whole = decodeAll(format, type, bytes);
    // What lies around the input in a shared buffer would change the rows if it were read.
    const around = new Uint8Array(bytes.length + 64).fill('"'.charCodeAt(0));
    around.set(bytes, 32);
    const shared = around.subarray(32, 32 + bytes.length);
    expect(decodeAll(format, type, shared)).toEqual(whole);
  });
});
