import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JSON_DEPTH_MAX, ROW_BYTES_MAX } from '../../host/limits.ts';
import { decodeAll, objectsOf, schemaOf } from './rows-kit.ts';

/** What `JSON.parse` makes of it, or undefined when it throws. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

describe('records from json', () => {
  test('are malformed exactly when JSON.parse throws', () => {
    // Every field is optional and unknown keys are passed over: only the syntax decides.
    const schema = schemaOf({
      a: 'optional<f64>',
      b: 'optional<list<f64>>',
      c: 'optional<string>',
    });
    const unit = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"x"',
        '"c"',
        '"',
        '1',
        'null',
        'true',
        ' ',
        '\t',
        'nul',
        '-',
        '\\',
      ],
      ...['"x":1', '"x":[', '"x":{', '"a":1', '"b":[1', '"c":"', ',"x":'],
    );
    let taken = 0;
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 9 }), fc.boolean(), (inner, wrap) => {
        const json = wrap ? `{${inner}}` : inner;
        if (json.trim() === '') return;
        const value = parsed(json);
        const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
        if (isObject && !fits(value)) return;
        const decoded = decodeAll('json', schema, `${json}\n`);
        expect([json, decoded.count, decoded.malformed.length]).toEqual(
          isObject ? [json, 1, 0] : [json, 0, 1],
        );
        taken += decoded.count;
      }),
      { numRuns: 30_000 },
    );
    expect(taken).toBeGreaterThan(200);
  });

  function fits(value: object): boolean {
    const { a = 1, b = [], c = '' } = value as { a?: unknown; b?: unknown; c?: unknown };
    const numbers = Array.isArray(b) && b.every((element) => typeof element === 'number');
    return (
      (typeof a === 'number' || a === null) &&
      (numbers || b === null) &&
      (typeof c === 'string' || c === null)
    );
  }

  test('have the values of JSON.parse for any JSON', () => {
    const schema = schemaOf({ a: 'optional<f64>', z: 'optional<string>' });
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue()),
        fc.nat({ max: 2 }),
        (rest, indent) => {
          const object = { ...rest, a: 1.5, z: 'end' };
          const json = JSON.stringify(object, undefined, indent).replaceAll('\n', '\t');
          const decoded = decodeAll('json', schema, json);
          expect(objectsOf(schema, decoded)).toEqual([{ a: 1.5, z: 'end' }]);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  const schema = schemaOf(
    {
      id: 'u32',
      note: 'optional<string>',
      inner: 'optional<In>',
      list: 'optional<list<In>>',
      flag: 'bool',
    },
    { In: { x: 'i32' } },
  );
  const reasonOf = (json: string) => decodeAll('json', schema, json).malformed[0]?.reason;

  test('say which field is missing or of another type', () => {
    expect(reasonOf('{"flag":true}')).toBe('field "id" is missing');
    expect(reasonOf('{"id":1}')).toBe('field "flag" is missing');
    expect(reasonOf('{"id":"1","flag":true}')).toBe('field "id" takes u32');
    expect(reasonOf('{"id":null,"flag":true}')).toBe('field "id" takes u32');
    expect(reasonOf('{"id":4294967296,"flag":true}')).toBe('field "id" takes u32');
    expect(reasonOf('{"id":1,"flag":1}')).toBe('field "flag" takes bool');
    expect(reasonOf('{"id":1,"flag":true,"note":5}')).toBe('field "note" takes string or null');
    expect(reasonOf('{"id":1,"flag":true,"inner":5}')).toBe('field "inner" takes In or null');
    expect(reasonOf('{"id":1,"flag":true,"inner":{}}')).toBe('field "inner.x" is missing');
    expect(reasonOf('{"id":1,"flag":true,"inner":{"x":[]}}')).toBe('field "inner.x" takes i32');
    expect(reasonOf('{"id":1,"flag":true,"list":[{"x":1},{"x":"2"}]}')).toBe(
      'field "list.x" takes i32',
    );
    expect(reasonOf('{"id":1,"flag":true,"list":[null]}')).toBe(
      'field "list" takes list<In> or null',
    );
    expect(reasonOf('{"id":01,"flag":true}')).toBe('not a JSON object on one line');
    expect(reasonOf('[1]')).toBe('not a JSON object on one line');
    expect(reasonOf('{"id":1,"flag":true} {}')).toBe('something follows the JSON object');
  });

  test('take the last of a key that comes twice, null included', () => {
    const decoded = decodeAll(
      'json',
      schema,
      '{"id":1,"note":"a","flag":true,"note":"bb","id":2}\n{"id":1,"note":"a","flag":true,"note":null}',
    );
    const rest = { inner: null, list: null, flag: true };
    expect(objectsOf(schema, decoded)).toEqual([
      { id: 2, note: 'bb', ...rest },
      { id: 1, note: null, ...rest },
    ]);
  });

  test('find keys that are written with escapes', () => {
    const decoded = decodeAll(
      'json',
      schema,
      '{"\\u0069d":7,"fl\\u0061g":false,"\\u0000":1,"i\\"d":2}',
    );
    expect(objectsOf(schema, decoded)).toMatchObject([{ id: 7, flag: false }]);
  });

  test('tell keys apart that begin alike', () => {
    const names = ['a', 'ab', 'abc', 'abcd', 'abce', 'abcde', 'abcdf', 'abcd1', 'b', 'constructor'];
    const similar = schemaOf(Object.fromEntries(names.map((name) => [name, 'i32'])));
    const object = Object.fromEntries(names.map((name, i) => [name, i]));
    const reversed = Object.fromEntries(Object.entries(object).reverse());
    const text = `${JSON.stringify(reversed)}\n${JSON.stringify({ abcdg: 99, ...object, toString: 1 })}`;
    expect(objectsOf(similar, decodeAll('json', similar, text))).toEqual([object, object]);
  });

  test('of many fields find each, and the one that is missing', () => {
    const names = Array.from({ length: 200 }, (_, i) => `f${i}`);
    const wide = schemaOf(Object.fromEntries(names.map((name) => [name, 'u32'])));
    const object = Object.fromEntries(names.map((name, i) => [name, i]));
    const reversed = JSON.stringify(Object.fromEntries(Object.entries(object).reverse()));
    expect(objectsOf(wide, decodeAll('json', wide, reversed))).toEqual([object]);
    const { f150: _, ...lacking } = object;
    expect(decodeAll('json', wide, JSON.stringify(lacking)).malformed[0].reason).toBe(
      'field "f150" is missing',
    );
  });

  test('are passed over when malformed, and the others are kept', () => {
    const line = (id: number) => `{"id":${id},"flag":true}`;
    const text = `${line(1)}\n{"id":2\n\n${line(3)}\r\n  \t\nnonsense\n${line(4)}`;
    const decoded = decodeAll('json', schema, text);
    expect(objectsOf(schema, decoded).map(({ id }) => id)).toEqual([1, 3, 4]);
    expect(decoded.malformed.map((bad) => bad.text)).toEqual(['{"id":2', 'nonsense']);
  });

  test('nest in unknown fields up to the limit', () => {
    const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    const text = (depth: number) => `{"id":1,"flag":true,"other":${nested(depth)}}`;
    expect(decodeAll('json', schema, text(JSON_DEPTH_MAX)).count).toBe(1);
    expect(decodeAll('json', schema, text(JSON_DEPTH_MAX + 1)).count).toBe(0);
    expect(decodeAll('json', schema, text(1_000_000)).malformed.length).toBe(1);
  });

  test('become rows of at most the size limit', () => {
    const long = JSON.stringify({ id: 1, flag: true, note: 'x'.repeat(ROW_BYTES_MAX) });
    expect(decodeAll('json', schema, long).malformed[0].reason).toBe(
      `its row is longer than ${ROW_BYTES_MAX} bytes`,
    );
    const inflating = schemaOf(
      { list: 'list<In>' },
      { In: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, 'optional<i32>'])) },
    );
    const empty = `{"list":[${Array.from({ length: 50_000 }, () => '{}').join()}]}`;
    expect(decodeAll('json', inflating, empty).malformed.length).toBe(1);
  });
});
