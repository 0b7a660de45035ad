import { describe, expect, test } from 'vitest';
import { readSection } from '../../host/abi/read-section.ts';
import { writeSection } from '../../host/abi/write-section.ts';
import { MillraceError } from '../../host/errors.ts';
import {
  FIELDS_EXPANDED_MAX,
  FIELDS_MAX,
  SCHEMA_DEPTH_MAX,
  SECTION_BYTES_MAX,
} from '../../host/limits.ts';
import { formatRecord } from '../../host/model/schema.ts';

type Fields = Readonly<Record<string, string>>;

const record = (name: string, fields: Fields) => ({
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
});

const Line = record('Line', { text: 'string' });
const Word = record('Word', { word: 'string', count: 'i64' });

interface Section {
  readonly abi?: unknown;
  readonly sdk?: unknown;
  readonly records?: unknown;
  readonly functions?: unknown;
  readonly [key: string]: unknown;
}

const section = (parts: Section) => ({
  abi: 1,
  sdk: 'test 1',
  records: [],
  functions: [],
  ...parts,
});
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const read = (parts: Section) => readSection(bytes(section(parts)));

function findings(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'MODULE_SECTION_INVALID') {
      return error.details;
    }
    throw error;
  }
  return [];
}

describe('a section', () => {
  const whole = {
    records: [
      Line,
      Word,
      record('All', {
        a: 'optional<list<list<Word>>>',
        b: 'Line',
        c: 'optional<timestamp>',
        d: 'list<bytes>',
      }),
    ],
    functions: [
      { name: 'words', kind: 'flatMap', input: 'Line', output: 'Word' },
      { name: 'upper', kind: 'map', input: 'Line', output: 'Line' },
      { name: 'some', kind: 'filter', input: 'Word', output: 'Word' },
      { name: 'sum', kind: 'reduce', input: 'Word', output: 'Word' },
      { name: 'mean', kind: 'aggregate', input: 'Line', accumulator: 'All', output: 'Word' },
    ],
  };

  test('is read with its names resolved', () => {
    const { sdk, records, functions } = read(whole);
    expect(sdk).toBe('test 1');
    expect(records.map(formatRecord)).toEqual([
      'Line { text: string }',
      'Word { word: string, count: i64 }',
      'All { a: optional<list<list<Word>>>, b: Line, c: optional<timestamp>, d: list<bytes> }',
    ]);
    const states = functions.map(({ name, state }) => [name, state?.name]);
    expect(states).toEqual([
      ['words', undefined],
      ['upper', undefined],
      ['some', undefined],
      ['sum', 'Word'],
      ['mean', 'All'],
    ]);
    expect(functions[0].output).toBe(records[1]);
  });

  test('is written as it was read', () => {
    expect(JSON.parse(new TextDecoder().decode(writeSection(read(whole))))).toEqual(section(whole));
  });

  test('may use records before they are declared', () => {
    const records = [record('A', { b: 'list<B>' }), record('B', { x: 'i32' })];
    expect(read({ records }).records.map(({ name }) => name)).toEqual(['A', 'B']);
  });

  test('of another ABI version is refused whatever else it holds', () => {
    expect(() => readSection(bytes({ abi: 2, types: [] }))).toThrow(
      expect.objectContaining({ code: 'MODULE_ABI_VERSION' }),
    );
  });

  test('reports every finding at once', () => {
    const parts = {
      extra: 1,
      records: [
        record('Line', { text: 'text' }),
        record('Line', { text: 'string' }),
        record('string', { x: 'i32' }),
        record('Empty', {}),
        record('Twice', { a: 'i32' }),
        {
          name: 'T',
          fields: [
            { name: 'a', type: 'i32' },
            { name: 'a', type: 'optional<optional<i32>>' },
          ],
        },
        record('U', { '1x': 'i32', ok: 'list<optional<i32>>' }),
        'nothing',
      ],
      functions: [
        { name: 'f', kind: 'map', input: 'Nope', output: 'Twice' },
        { name: 'f', kind: 'filter', input: 'Twice', output: 'Line' },
        { name: 'g', kind: 'fold', input: 'Line', output: 'Line' },
        { name: 'h', kind: 'aggregate', input: 'Twice', output: 'Twice' },
        { name: 'i', kind: 'map', input: 'U', output: 'Twice', accumulator: 'Twice' },
      ],
    };
    expect(findings(() => read(parts))).toEqual([
      expect.stringContaining('extra'),
      expect.stringMatching(/^records\[3\]\.fields: /),
      expect.stringMatching(/^records\[6\]\.fields\[0\]\.name: is not a name/),
      expect.stringMatching(/^records\[7\]: /),
      expect.stringMatching(/^functions\[2\]\.kind: /),
      expect.stringMatching(/^functions\[3\]\.accumulator: /),
      expect.stringMatching(/^functions\[4\]: .*accumulator/),
      'records[1].name: there are two records "Line"',
      'records[2].name: "string" is the name of a type',
      'records[0].fields[0].type: no type "text"',
      'records[5].fields[1].name: there are two fields "a"',
      'records[5].fields[1].type: an optional stands outermost, not inside another',
      'functions[0].input: no record "Nope"',
      'functions[1]: there are two functions "f"',
      'functions[1].output: a filter gives back its input "Twice"',
    ]);
  });

  test('tells misspelt types from misplaced ones', () => {
    const types = {
      a: 'list<optional<i32>>',
      b: 'list< i32 >',
      c: 'list<i32',
      d: 'optional<Text>',
    };
    expect(findings(() => read({ records: [record('R', types)] }))).toEqual([
      'records[0].fields[0].type: an optional stands outermost, not inside a list',
      'records[0].fields[1].type: no type " i32 "',
      'records[0].fields[2].type: no type "list<i32"',
      'records[0].fields[3].type: no type "Text"',
    ]);
  });

  test('refuses records that contain themselves, directly or not', () => {
    const records = [
      record('A', { b: 'optional<list<B>>' }),
      record('B', { c: 'C' }),
      record('C', { a: 'list<A>' }),
      record('D', { d: 'D' }),
    ];
    expect(findings(() => read({ records }))).toEqual([
      'records[2].fields[0].type: a record may not contain itself: A > B > C > A',
      'records[3].fields[0].type: a record may not contain itself: D > D',
    ]);
  });

  test('nests up to the depth limit', () => {
    const lists = (depth: number) =>
      record('L', { l: `${'list<'.repeat(depth)}i32${'>'.repeat(depth)}` });
    const chain = (depth: number) =>
      Array.from({ length: depth + 1 }, (_, i) =>
        record(`C${i}`, i === depth ? { x: 'i32' } : { next: `C${i + 1}` }),
      );
    const max = SCHEMA_DEPTH_MAX;
    expect(findings(() => read({ records: [lists(max), ...chain(max)] }))).toEqual([]);
    expect(findings(() => read({ records: [lists(max + 1)] }))).toEqual([
      `records[0]: nests ${max + 1} levels deep, limit ${max}`,
    ]);
    expect(findings(() => read({ records: chain(max + 1) })).length).toBe(1);
  });

  test('has as many fields as the limits say', () => {
    const wide = (count: number, type = 'i32') =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, type]));
    expect(findings(() => read({ records: [record('W', wide(FIELDS_MAX))] }))).toEqual([]);
    expect(findings(() => read({ records: [record('W', wide(FIELDS_MAX + 1))] })).length).toBe(1);
    // Records of records of records: 16 million fields if they were unfolded.
    const records = [
      record('A', wide(256)),
      record('B', wide(256, 'A')),
      record('C', wide(256, 'B')),
    ];
    expect(findings(() => read({ records }))).toEqual([
      `records[1]: has 65536 fields with those of nested records, limit ${FIELDS_EXPANDED_MAX}`,
    ]);
  });

  test.each([
    ['is no JSON', new TextEncoder().encode('{"abi":1')],
    ['is no UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['is no object', bytes([])],
    ['lacks everything', bytes({ abi: 1 })],
    ['has an abi that is no number', bytes(section({ abi: '1' }))],
    ['is empty', new Uint8Array(0)],
    ['is too long', new Uint8Array(SECTION_BYTES_MAX + 1).fill(0x20)],
    ['nests absurdly', new TextEncoder().encode('['.repeat(SECTION_BYTES_MAX))],
  ])('that %s is refused', (_, upload) => {
    expect(findings(() => readSection(upload)).length).toBeGreaterThan(0);
  });
});
