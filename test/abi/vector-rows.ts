/** The values of the vectors in `guest-sdk/vectors/`: `[name, record, object, event time]`. */
import type { RowObject } from '../../host/abi/row-object.ts';

export type VectorRow = readonly [
  name: string,
  record: string,
  object: RowObject,
  timeMs?: number | bigint,
];

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const MIN_I64 = -(2n ** 63n);
const MAX_I64 = 2n ** 63n - 1n;
const MAX_U64 = 2n ** 64n - 1n;

const scalars = {
  flag: false,
  small: 0,
  count: 0,
  wide: 0n,
  big: 0n,
  ratio: 0,
  exact: 0,
  at: 0n,
};

const nothing = {
  flag: null,
  small: null,
  count: null,
  wide: null,
  big: null,
  ratio: null,
  exact: null,
  at: null,
  text: null,
  data: null,
  list: null,
  inner: null,
};

const noLists = {
  flags: [],
  smalls: [],
  counts: [],
  wides: [],
  bigs: [],
  ratios: [],
  exacts: [],
  times: [],
  texts: [],
  datas: [],
};

const point = { x: 1.5, y: -2.25 };
const shape = {
  name: 'square',
  origin: point,
  label: { text: 'größer', size: 12 },
  tail: 'end',
};
const drawing = {
  title: 'two',
  points: [point, { x: 0, y: 0 }],
  labels: [
    { text: '', size: null },
    { text: 'b', size: -1 },
  ],
  end: 7,
};

const wide = (isNull: (index: number) => boolean): RowObject =>
  Object.fromEntries(
    Array.from({ length: 70 }, (_, i) => [`f${i}`, i % 3 === 0 && isNull(i) ? null : i]),
  );

const wideText = (isNull: (index: number) => boolean): RowObject =>
  Object.fromEntries(
    Array.from({ length: 66 }, (_, i) => [`f${i}`, isNull(i) ? null : 'x'.repeat(i % 5)]),
  );

export const VECTOR_ROWS: readonly VectorRow[] = [
  ['scalars-zero', 'Scalars', scalars],
  [
    'scalars-highest',
    'Scalars',
    {
      flag: true,
      small: 2 ** 31 - 1,
      count: 2 ** 32 - 1,
      wide: MAX_I64,
      big: MAX_U64,
      ratio: 3.4028234663852886e38,
      exact: Number.MAX_VALUE,
      at: MAX_I64,
    },
  ],
  [
    'scalars-lowest',
    'Scalars',
    {
      ...scalars,
      small: -(2 ** 31),
      wide: MIN_I64,
      ratio: -3.4028234663852886e38,
      exact: -Number.MAX_VALUE,
      at: MIN_I64,
    },
  ],
  [
    'scalars-minus-one',
    'Scalars',
    { ...scalars, small: -1, wide: -1n, ratio: -1, exact: -1, at: -1n },
  ],
  [
    'scalars-beyond-32-bits',
    'Scalars',
    { ...scalars, wide: 2n ** 32n, big: 2n ** 63n, exact: 2 ** 53, at: 1_763_683_200_000n },
  ],
  ['floats-tiny', 'Scalars', { ...scalars, ratio: 2 ** -149, exact: Number.MIN_VALUE }],
  ['floats-negative-zero', 'Scalars', { ...scalars, ratio: -0, exact: -0 }],
  ['floats-infinite', 'Scalars', { ...scalars, ratio: Infinity, exact: -Infinity }],
  ['floats-not-a-number', 'Scalars', { ...scalars, ratio: NaN, exact: NaN }],
  ['floats-inexact', 'Scalars', { ...scalars, ratio: Math.fround(0.1), exact: 0.1 }],

  ['time-none', 'Line', { text: 'no event time' }],
  ['time-epoch', 'Line', { text: 'epoch' }, 0],
  ['time-now', 'Line', { text: '2025-11-21' }, 1_763_683_200_123],
  ['time-before-epoch', 'Line', { text: '1969' }, -1],
  ['time-highest', 'Line', { text: 'highest' }, MAX_I64],
  ['time-lowest', 'Line', { text: 'lowest' }, MIN_I64 + 1n],

  ['text-empty', 'Line', { text: '' }],
  ['text-one-byte', 'Line', { text: 'a' }],
  ['text-seven-bytes', 'Line', { text: '1234567' }],
  ['text-eight-bytes', 'Line', { text: '12345678' }],
  ['text-nine-bytes', 'Line', { text: '123456789' }],
  ['text-utf8', 'Line', { text: 'äß€ – 水 𝄞 🦀' }],
  ['text-control', 'Line', { text: '\u0000\n\r\t"\\\u007f\u2028' }],
  ['text-byte-order-mark', 'Line', { text: '\ufeffmarked' }],
  ['text-long', 'Line', { text: 'long '.repeat(200) }],

  ['texts-all', 'Texts', { first: 'abc', data: bytes(0, 255, 128), second: 'de', third: 'f' }],
  ['texts-empty', 'Texts', { first: '', data: bytes(), second: '', third: '' }],
  ['texts-gaps', 'Texts', { first: '', data: bytes(1), second: '', third: 'last' }],
  [
    'bytes-every-value',
    'Texts',
    { first: '', data: Uint8Array.from({ length: 256 }, (_, i) => i), second: 'x', third: '' },
  ],

  ['optionals-none', 'Optionals', nothing],
  [
    'optionals-all',
    'Optionals',
    {
      flag: true,
      small: -5,
      count: 5,
      wide: -6n,
      big: 6n,
      ratio: 0.5,
      exact: 0.25,
      at: 1000n,
      text: 'here',
      data: bytes(9, 8),
      list: [1, -2, 3],
      inner: { text: 'inside' },
    },
  ],
  [
    'optionals-present-but-zero',
    'Optionals',
    {
      ...scalars,
      text: '',
      data: bytes(),
      list: [],
      inner: { text: '' },
    },
  ],
  ['optionals-only-record', 'Optionals', { ...nothing, inner: { text: 'only' } }],
  ['optionals-only-list', 'Optionals', { ...nothing, list: [7] }],
  ['mixed-null', 'Mixed', { id: 1, note: null, score: 2.5 }],
  ['mixed-empty', 'Mixed', { id: 1, note: '', score: 2.5 }],
  ['mixed-present', 'Mixed', { id: 1, note: 'yes', score: 2.5 }],

  ['wide-none-null', 'Wide', wide(() => false)],
  ['wide-all-null', 'Wide', wide(() => true)],
  ['wide-second-word-null', 'Wide', wide((i) => i >= 64)],
  ['wide-first-word-null', 'Wide', wide((i) => i < 64)],
  ['wide-text-edges-null', 'WideText', wideText((i) => i === 31 || i === 63 || i === 64)],
  ['wide-text-alternating', 'WideText', wideText((i) => i % 2 === 1)],

  ['lists-empty', 'Lists', noLists],
  [
    'lists-one-each',
    'Lists',
    {
      flags: [true],
      smalls: [-1],
      counts: [1],
      wides: [-1n],
      bigs: [1n],
      ratios: [0.5],
      exacts: [0.1],
      times: [1n],
      texts: ['t'],
      datas: [bytes(1)],
    },
  ],
  [
    'lists-extremes',
    'Lists',
    {
      flags: [true, false, true],
      smalls: [2 ** 31 - 1, -(2 ** 31)],
      counts: [0, 2 ** 32 - 1],
      wides: [MIN_I64, MAX_I64],
      bigs: [0n, MAX_U64],
      ratios: [-0, Infinity],
      exacts: [NaN, Number.MIN_VALUE],
      times: [MIN_I64, -1n],
      texts: ['', 'abc', '', '水'],
      datas: [bytes(), bytes(0), bytes(1, 2, 3)],
    },
  ],
  ['lists-texts-only', 'Lists', { ...noLists, texts: ['a', 'bb', 'ccc'] }],
  ['matrix-empty', 'Matrix', { name: '', cells: [], words: [], end: '' }],
  ['matrix-empty-rows', 'Matrix', { name: 'n', cells: [[], []], words: [[]], end: 'e' }],
  [
    'matrix-ragged',
    'Matrix',
    {
      name: 'ragged',
      cells: [[1], [], [2, 3, 4]],
      words: [['a', ''], [], ['bcd']],
      end: 'end',
    },
  ],

  ['nested-one', 'Shape', shape],
  [
    'nested-empty-texts',
    'Shape',
    { name: '', origin: { x: 0, y: 0 }, label: { text: '', size: null }, tail: '' },
  ],
  ['list-of-records', 'Drawing', drawing],
  ['list-of-records-empty', 'Drawing', { title: '', points: [], labels: [], end: 0 }],
  ['deep', 'Deep', { shape, drawings: [[drawing], [], [drawing, drawing]], last: shape }],
  ['deep-null', 'Deep', { shape, drawings: [], last: null }],
];
