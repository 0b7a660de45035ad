import { guestOf } from '../../kit/hand-made-guest.ts';
import { op, signed, TYPE } from '../../kit/wasm-builder.ts';
import { attacking } from './endless.ts';
import { fails, type Specimen } from './specimen.ts';

const { i32 } = TYPE;
const DONE = op.i32(0);
const LEAST = [0x41, ...signed(-0x8000_0000)];
const GROWN = [op.i32(1_020), op.grow, op.drop];

const trapping = fails('trap', 'GUEST_TRAP', [
  ['is unreachable', attacking(() => [op.unreachable]), /trapped: unreachable/],
  [
    'divides by zero',
    attacking(() => [op.i32(1), op.i32(0), op.div, op.drop]),
    /trapped: divide by zero/,
  ],
  [
    'divides what has no quotient',
    attacking(() => [LEAST, op.i32(-1), op.div, op.drop]),
    /trapped/,
  ],
  [
    'makes a number of NaN',
    attacking(() => [[0x43, 0, 0, 0xc0, 0x7f], [0xa8], op.drop]),
    /trapped/,
  ],
  [
    'calls an empty entry of a table',
    attacking(({ builder }) => {
      builder.table(1);
      return [op.i32(0), op.callIndirect(builder.type([], []))];
    }),
    /trapped/,
  ],
  [
    'calls behind the end of a table',
    attacking(({ builder }) => {
      builder.table(1);
      return [op.i32(1), op.callIndirect(builder.type([], []))];
    }),
    /trapped/,
  ],
  [
    'calls an entry of another type',
    attacking(({ builder }) => {
      builder.table(1).elements(0, [3]);
      return [op.i32(0), op.callIndirect(builder.type([], []))];
    }),
    /trapped/,
  ],
  [
    'copies dropped data',
    attacking(({ builder }) => {
      builder.rawData([1, 1, 7]).dataCount(1);
      return [[0xfc, 9, 0], op.i32(0), op.i32(0), op.i32(1), [0xfc, 8, 0, 0]];
    }),
    /trapped/,
  ],
]);

const memory = fails('memory', 'GUEST_TRAP', [
  [
    'reads behind its memory',
    attacking(() => [op.i32(4 * 65_536), op.load(), op.drop]),
    /out of bounds/,
  ],
  ['reads at 4 GiB less four', attacking(() => [op.i32(-4), op.load(), op.drop]), /out of bounds/],
  [
    'reads at an offset of 4 GiB',
    attacking(() => [op.i32(0), op.load(0xffff_ffff), op.drop]),
    /out of bounds/,
  ],
  [
    'reads where address and offset overflow',
    attacking(() => [op.i32(-1), op.load(0xffff_ffff), op.drop]),
    /out of bounds/,
  ],
  [
    'writes behind its memory',
    attacking(() => [op.i32(4 * 65_536 - 3), op.i32(1), op.store()]),
    /out of bounds/,
  ],
  [
    'fills across the end of its memory',
    attacking(() => [op.i32(0), op.i32(0), op.i32(4 * 65_536 + 1), op.fill]),
    /out of bounds/,
  ],
]);

/** Growing costs the fuel of what it gives; without fuel, what was not given is not there. */
const grown: readonly Specimen[] = fails('fuel', 'FUEL_EXHAUSTED', [
  [
    'believes that it got 4 GiB',
    attacking(() => [op.i32(65_532), op.grow, op.drop, op.i32(0x4000_0000), op.load(), op.drop]),
    /fuel/,
  ],
  [
    'reads behind what it may have at most',
    attacking(() => [...GROWN, ...GROWN, op.i32(1_024 * 65_536), op.load(), op.drop]),
    /fuel/,
  ],
  [
    'grows a table beyond its maximum and calls there',
    attacking(({ builder }) => {
      builder.table(1);
      return [
        [0xd0, 0x70],
        op.i32(65_536),
        [0xfc, 15, 0],
        op.drop,
        op.i32(65_536),
        op.callIndirect(builder.type([], [])),
      ];
    }),
    /fuel/,
  ],
]).map((specimen) => ({
  ...specimen,
  unmetered: { kind: 'fails', code: 'GUEST_TRAP', says: /bounds|trapped/ },
}));

/** Logs data of its own, so many times. */
const logging =
  (bytes: readonly number[], times = 1) =>
  () =>
    guestOf(({ builder, log }) => {
      builder.data(8_192, bytes);
      const call = [op.i32(1), op.i32(8_192), op.i32(bytes.length), op.call(log)];
      const code = [...Array.from({ length: times }, () => call).flat(), DONE];
      return { attack: { kind: 'flatMap', code } };
    });
const utf8 = (text: string): number[] => [...Buffer.from(text)];
const contained = (
  fence: 'text' | 'caps',
  name: string,
  upload: () => Uint8Array<ArrayBuffer>,
  ...log: RegExp[]
) => ({ name, fence, upload, outcome: { kind: 'contained', log } }) as const;

/** What would do harm where it is shown. */
const texts: readonly Specimen[] = [
  contained(
    'text',
    'logs a line that looks like another',
    logging(utf8('a\nerror: forged')),
    /^info: a\\nerror: forged$/,
  ),
  contained(
    'text',
    'logs an escape sequence',
    logging(utf8('\u001b[2J\u001b]0;x\u0007')),
    /^info: \\u\{1b\}\[2J\\u\{1b\}\]0;x\\u\{7\}$/,
  ),
  contained(
    'text',
    'logs a change of direction',
    logging(utf8('a\u202eb')),
    /^info: a\\u\{202e\}b$/,
  ),
  contained('text', 'logs what looks like an escape', logging(utf8('\\n')), /^info: \\\\n$/),
  contained('text', 'logs what is no UTF-8', logging([0xff, 0xfe, 0x61]), /^info: \ufffd\ufffda$/),
  contained('text', 'logs a zero', logging([0x61, 0, 0x62]), /^info: a\\u\{0\}b$/),
  contained(
    'caps',
    'logs more than it may',
    logging(Array<number>(1_000).fill(0x61), 20),
    ...Array.from({ length: 17 }, () => /^info: a+$/),
    /^warn: 3616 bytes of log text dropped/,
  ),
  ...fails('text', 'GUEST_TRAP', [
    [
      'names its function with an escape sequence',
      () => named('\u001b[31mred'),
      /trapped: unreachable/,
    ],
    [
      'names its function with a line end',
      () => named('a\n    at forged (file.ts:1:1)'),
      /trapped: unreachable/,
    ],
    ['names its function at length', () => named('x'.repeat(100_000)), /trapped: unreachable/],
  ]),
];

/** A guest that traps in a function of this name. */
function named(name: string): Uint8Array<ArrayBuffer> {
  return guestOf(({ builder }) => {
    const index = builder.function({ code: [op.unreachable] });
    const bytes = utf8(name);
    const length = [
      (bytes.length & 0x7f) | 0x80,
      ((bytes.length >> 7) & 0x7f) | 0x80,
      bytes.length >> 14,
    ];
    const names = [1, index, ...length, ...bytes];
    const size = [
      (names.length & 0x7f) | 0x80,
      ((names.length >> 7) & 0x7f) | 0x80,
      names.length >> 14,
    ];
    builder.custom('name', [1, ...size, ...names]);
    return { attack: { kind: 'flatMap', locals: [[1, i32]], code: [op.call(index), DONE] } };
  });
}

export const traps: readonly Specimen[] = [...trapping, ...memory, ...grown, ...texts];
