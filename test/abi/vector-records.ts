/** The record types that the vectors are written in. */
import { readSection } from '../../host/abi/read-section.ts';
import type { RecordSchema } from '../../host/model/schema.ts';

const TYPES = {
  Scalars: {
    flag: 'bool',
    small: 'i32',
    count: 'u32',
    wide: 'i64',
    big: 'u64',
    ratio: 'f32',
    exact: 'f64',
    at: 'timestamp',
  },
  Line: { text: 'string' },
  Texts: { first: 'string', data: 'bytes', second: 'string', third: 'string' },
  Optionals: {
    flag: 'optional<bool>',
    small: 'optional<i32>',
    count: 'optional<u32>',
    wide: 'optional<i64>',
    big: 'optional<u64>',
    ratio: 'optional<f32>',
    exact: 'optional<f64>',
    at: 'optional<timestamp>',
    text: 'optional<string>',
    data: 'optional<bytes>',
    list: 'optional<list<i32>>',
    inner: 'optional<Line>',
  },
  Mixed: { id: 'u32', note: 'optional<string>', score: 'f64' },
  Wide: Object.fromEntries(
    Array.from({ length: 70 }, (_, i) => [`f${i}`, i % 3 === 0 ? 'optional<i32>' : 'u32']),
  ),
  WideText: Object.fromEntries(Array.from({ length: 66 }, (_, i) => [`f${i}`, 'optional<string>'])),
  Lists: {
    flags: 'list<bool>',
    smalls: 'list<i32>',
    counts: 'list<u32>',
    wides: 'list<i64>',
    bigs: 'list<u64>',
    ratios: 'list<f32>',
    exacts: 'list<f64>',
    times: 'list<timestamp>',
    texts: 'list<string>',
    datas: 'list<bytes>',
  },
  Matrix: { name: 'string', cells: 'list<list<f64>>', words: 'list<list<string>>', end: 'string' },
  Point: { x: 'f64', y: 'f64' },
  Label: { text: 'string', size: 'optional<i32>' },
  Shape: { name: 'string', origin: 'Point', label: 'Label', tail: 'string' },
  Drawing: { title: 'string', points: 'list<Point>', labels: 'list<Label>', end: 'u32' },
  Deep: { shape: 'Shape', drawings: 'list<list<Drawing>>', last: 'optional<Shape>' },
} as const;

/** In the form of the custom section. */
export const VECTOR_RECORDS = Object.entries(TYPES).map(([name, fields]) => ({
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
}));

const section = { abi: 1, sdk: 'vectors', records: VECTOR_RECORDS, functions: [] };
const { records } = readSection(new TextEncoder().encode(JSON.stringify(section)));

export function vectorSchema(name: string): RecordSchema {
  const schema = records.find((record) => record.name === name);
  if (schema === undefined) throw new Error(`no vector record "${name}"`);
  return schema;
}
