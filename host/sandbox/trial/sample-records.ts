import { BatchBuilder } from '../../abi/batch-builder.ts';
import { encodeObject, type RowObject, type RowValue } from '../../abi/row-object.ts';
import { TRIAL_LIST_ELEMENTS, TRIAL_RECORDS, TRIAL_TEXT_CHARS } from '../../admission-limits.ts';
import type { Batch } from '../../model/batch.ts';
import type { RecordSchema, ScalarKind, ValueType } from '../../model/schema.ts';

/** Where extremes of a schema lie: the first sample records are one of each, all others are plain. */
const MANNERS = ['least', 'most', 'odd', 'plain'] as const;
type Manner = (typeof MANNERS)[number];

interface Draw {
  readonly manner: Manner;
  /** The next of a seeded series, `0 ≤ n < 2^32`. */
  readonly next: () => number;
  /** Characters and elements that long values may still have. */
  readonly room: { characters: number; elements: number };
}

/** 1 January 2026, the event time of the first record; one a second follows. */
const FIRST_TIME_MS = 1_767_225_600_000;
const WORDS = [
  'to',
  'be',
  'or',
  'not',
  '42',
  '3.14',
  'a-b',
  'user@example.org',
  '2026-01-01T00:00:00Z',
];
/** Text that trips up: other planes, combining marks, directions, quotes, line ends, what looks like a path. */
const ODD_TEXTS = [
  '\u{1f600}',
  'e\u0301',
  '\u202eabc',
  '"\\',
  '\r\n',
  '../..',
  '\u0000',
  ' ',
  'ß',
  '0',
];

/**
 * Records of a schema to try a function on, one batch each, the same for the same schema: one with everything empty, null
 * or least, one with long strings and lists and the greatest numbers, one of oddities, then plain ones.
 */
export function sampleRecords(schema: RecordSchema): readonly Batch[] {
  const next = createSeries(0x9e37_79b9);
  return Array.from({ length: TRIAL_RECORDS }, (_, i) => {
    const room = { characters: TRIAL_TEXT_CHARS, elements: TRIAL_LIST_ELEMENTS };
    const draw: Draw = { manner: MANNERS[Math.min(i, MANNERS.length - 1)], next, room };
    const builder = new BatchBuilder(256);
    encodeObject(schema, recordOf(schema, draw), builder, FIRST_TIME_MS + i * 1_000);
    return builder.batch();
  });
}

function recordOf(schema: RecordSchema, draw: Draw): RowObject {
  return Object.fromEntries(schema.fields.map(({ name, type }) => [name, valueFor(type, draw)]));
}

function valueFor(type: ValueType, draw: Draw): RowValue {
  switch (type.kind) {
    case 'optional': {
      const absent = draw.manner === 'least' || (draw.manner !== 'most' && draw.next() % 3 === 0);
      return absent ? null : valueFor(type.of, draw);
    }
    case 'list':
      return Array.from({ length: listLength(draw) }, () => valueFor(type.of, draw));
    case 'record':
      return recordOf(type.record, draw);
    default:
      return scalarOf(type.kind, draw);
  }
}

/** Lists share the room of their record, so that lists of lists do not multiply. */
function listLength({ manner, next, room }: Draw): number {
  if (manner === 'least') return 0;
  const wanted = manner === 'most' ? room.elements >> 1 : next() % 4;
  const length = Math.min(wanted, room.elements);
  room.elements -= length;
  return length;
}

function scalarOf(kind: ScalarKind, draw: Draw): RowValue {
  const { manner, next } = draw;
  switch (kind) {
    case 'bool':
      return manner === 'plain' ? next() % 2 === 0 : manner === 'most';
    case 'string':
      return textOf(draw);
    case 'bytes':
      return new TextEncoder().encode(textOf(draw));
    case 'f32':
    case 'f64':
      return pick(manner, [0, Number.POSITIVE_INFINITY, Number.NaN, (next() % 20_000) / 100 - 100]);
    case 'i32':
      return pick(manner, [-(2 ** 31), 2 ** 31 - 1, -1, next() % 1_000]);
    case 'u32':
      return pick(manner, [0, 2 ** 32 - 1, 2 ** 31, next() % 1_000]);
    case 'i64':
      return pick(manner, [-(2n ** 63n), 2n ** 63n - 1n, -1n, BigInt(next() % 1_000)]);
    case 'u64':
      return pick(manner, [0n, 2n ** 64n - 1n, 2n ** 63n, BigInt(next() % 1_000)]);
    case 'timestamp':
      return pick(manner, [0n, 2n ** 53n, -1n, BigInt(FIRST_TIME_MS + (next() % 86_400_000))]);
  }
}

function textOf({ manner, next, room }: Draw): string {
  switch (manner) {
    case 'least':
      return '';
    case 'most': {
      const length = room.characters >> 1;
      room.characters -= length;
      return 'lorem ipsum '.repeat(Math.ceil(length / 12)).slice(0, length);
    }
    case 'odd':
      return ODD_TEXTS[next() % ODD_TEXTS.length];
    case 'plain':
      return Array.from({ length: 1 + (next() % 4) }, () => WORDS[next() % WORDS.length]).join(' ');
  }
}

function pick<T>(manner: Manner, values: readonly [least: T, most: T, odd: T, plain: T]): T {
  return values[MANNERS.indexOf(manner)];
}

/** xorshift32: the same on every machine. */
function createSeries(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
