import { OUTPUT_BYTES_MAX } from '../../../host/limits.ts';
import { utf8 } from '../../kit/gate-refusal.ts';
import {
  addBuffer,
  guestOf,
  handMadeGuest,
  INPUT_ADDRESS,
  NUMBERS_ROW_BYTES,
} from '../../kit/hand-made-guest.ts';
import { op, TYPE } from '../../kit/wasm-builder.ts';
import { attacking } from './endless.ts';
import { fails, type Specimen } from './specimen.ts';

const { i32 } = TYPE;
const DONE = op.i32(0);
const ROW = NUMBERS_ROW_BYTES;
const MEMORY = 4 * 65_536;

/** Emits runs of its memory, each said to be so many rows. */
const emitting = (...runs: (readonly [at: number, bytes: number, count: number, last: number])[]) =>
  attacking(({ emit }) =>
    runs.flatMap((run) => [...run.map((number) => op.i32(number)), op.call(emit)]),
  );

const runs = fails('abi', 'ABI_VIOLATION', [
  ['emits from a negative address', emitting([-8, 8, 1, 0]), /outside the memory/],
  ['emits from behind its memory', emitting([MEMORY, ROW, 1, 0]), /outside the memory/],
  ['emits across the end of its memory', emitting([MEMORY - 8, ROW, 1, 0]), /outside the memory/],
  ['emits 4 GiB', emitting([0, -8, 1, 0]), /outside the memory/],
  ['emits at an odd address', emitting([INPUT_ADDRESS + 1, ROW, 1, 0]), /multiples of 8/],
  ['emits a length that is odd', emitting([INPUT_ADDRESS, ROW - 1, 1, 0]), /multiples of 8/],
  ['emits less than a row', emitting([INPUT_ADDRESS, 8, 1, 0]), /emitted rows/],
  ['emits two rows that are one', emitting([INPUT_ADDRESS, ROW, 2, 0]), /emitted rows/],
  ['emits no row with bytes', emitting([INPUT_ADDRESS, ROW, 0, 0]), /emitted rows/],
  ['emits rows without bytes', emitting([INPUT_ADDRESS, 0, 5, 0]), /emitted rows/],
  ['emits four billion rows', emitting([INPUT_ADDRESS, ROW, -1, 1]), /emitted rows/],
  [
    'emits after the last run',
    emitting([INPUT_ADDRESS, ROW, 1, 1], [INPUT_ADDRESS, ROW, 1, 0]),
    /follow after the last/,
  ],
  ['emits zeros for rows', emitting([4_096, ROW, 1, 0]), /emitted rows/],
  [
    'says that it failed',
    () => guestOf(() => ({ attack: { kind: 'flatMap', code: [op.i32(1)] } })),
    /returned 1, expected 0/,
  ],
  [
    'hands back states from a flatMap',
    attacking(({ state }) => [op.i32(INPUT_ADDRESS), op.i32(ROW), op.i32(1), op.call(state)]),
    /state/,
  ],
  [
    'changes a row after it was emitted',
    attacking(({ emit }) => [
      op.i32(INPUT_ADDRESS),
      op.i32(ROW),
      op.i32(1),
      op.i32(1),
      op.call(emit),
      op.i32(INPUT_ADDRESS),
      op.i32(-8),
      op.store(),
    ]),
    /emitted rows/,
  ],
  [
    'grows its memory, then emits from behind the new end',
    attacking(({ emit }) => [
      op.i32(1),
      op.grow,
      op.drop,
      op.i32(MEMORY + 65_536),
      op.i32(ROW),
      op.i32(1),
      op.i32(0),
      op.call(emit),
    ]),
    /outside the memory/,
  ],
  [
    'logs from outside of its memory',
    attacking(({ log }) => [op.i32(1), op.i32(-1), op.i32(100), op.call(log)]),
    /log text/,
  ],
  [
    'logs 4 GiB',
    attacking(({ log }) => [op.i32(1), op.i32(0), op.i32(-1), op.call(log)]),
    /log text/,
  ],
]);

/** A guest of one kind of function whose emitted rows are data of its own. */
function sending(type: string, row: readonly number[]): () => Uint8Array<ArrayBuffer> {
  return () => {
    const guest = handMadeGuest();
    addBuffer(guest);
    const { builder, emit } = guest;
    const code = [op.i32(8_192), op.i32(row.length), op.i32(1), op.i32(0), op.call(emit), DONE];
    const attack = builder.function({ params: [i32, i32, i32], results: [i32], code });
    builder.exported('mr_attack', 'function', attack).data(8_192, row);
    const section = {
      abi: 1,
      sdk: 'zoo',
      records: [
        { name: 'Numbers', fields: [{ name: 'n0', type: 'i32' }] },
        {
          name: 'R',
          fields: [
            { name: 'f', type },
            { name: 'g', type },
          ],
        },
      ],
      functions: [{ name: 'attack', kind: 'flatMap', input: 'Numbers', output: 'R' }],
    };
    return builder.custom('millrace', utf8(JSON.stringify(section))).build();
  };
}

const word = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
const TIME = [0, 0, 0, 0, 0, 0, 0, 0x80];
/** A row of two fields: their slots as two words each, then a tail. */
function row(
  first: readonly [number, number],
  second: readonly [number, number],
  tail: readonly number[] = [],
) {
  const slots = [...first, ...second].flatMap(word);
  return [...word(32 + tail.length), ...word(0), ...TIME, ...slots, ...tail];
}
const TAIL = [0x61, 0x62, 0x63, 0x64, 0, 0, 0, 0];

const rows = fails('abi', 'ABI_VIOLATION', [
  [
    'a row of length 0',
    sending('i32', [...word(0), ...word(0), ...TIME, ...Array<number>(16).fill(0)]),
    /rows/,
  ],
  [
    'a row of 4 GiB',
    sending('i32', [...word(-8), ...word(0), ...TIME, ...Array<number>(16).fill(0)]),
    /rows/,
  ],
  [
    'a row of an odd length',
    sending('i32', [...word(33), ...word(0), ...TIME, ...Array<number>(16).fill(0)]),
    /rows/,
  ],
  ['a string behind the row', sending('string', row([40, 4], [0, 0], TAIL)), /rows/],
  ['a string across the end of the row', sending('string', row([36, 8], [0, 0], TAIL)), /rows/],
  ['a string of 4 GiB', sending('string', row([32, -1], [0, 0], TAIL)), /rows/],
  ['a string whose end overflows', sending('string', row([-4, 8], [0, 0], TAIL)), /rows/],
  ['a string in its own header', sending('string', row([0, 4], [0, 0], TAIL)), /rows/],
  ['a string in the slots', sending('string', row([16, 4], [0, 0], TAIL)), /rows/],
  ['strings that share bytes', sending('string', row([32, 8], [32, 8], TAIL)), /rows/],
  ['a list of more than there is', sending('list<i64>', row([32, 2], [0, 0], TAIL)), /rows/],
  [
    'a list whose bytes overflow',
    sending('list<i64>', row([32, 0x2000_0001], [0, 0], TAIL)),
    /rows/,
  ],
  [
    'a list at an odd place',
    sending('list<i64>', row([33, 1], [0, 0], [...TAIL, ...TAIL])),
    /rows/,
  ],
  [
    'a list of strings that point at each other',
    sending('list<string>', row([32, 1], [0, 0], [...word(32), ...word(8)])),
    /rows/,
  ],
]);

/** What readers make something of: a truth is what is not 0, the unused half of a slot is not read, ill-formed text shows as U+FFFD. */
const odd = (
  [
    ['a truth of 2', sending('bool', row([2, 0], [0, 0]))],
    ['a small number with a high half', sending('i32', row([1, 1], [0, 0]))],
    [
      'text that is no UTF-8',
      sending('string', row([32, 2], [0, 0], [0xc0, 0xaf, 0, 0, 0, 0, 0, 0])),
    ],
    [
      'half of a surrogate pair',
      sending('string', row([32, 3], [0, 0], [0xed, 0xa0, 0x80, 0, 0, 0, 0, 0])),
    ],
  ] as const
).map(
  ([name, upload]): Specimen => ({
    name,
    fence: 'abi',
    upload,
    outcome: { kind: 'contained', log: [] },
  }),
);

/** A reduce whose states are data of its own; what it is given is not looked at. */
const keeping =
  (...states: (readonly number[])[]) =>
  () =>
    guestOf(({ builder, state }) => {
      const bytes = states.flat();
      builder.data(8_192, bytes.length > 0 ? bytes : [0]);
      const code = [
        op.i32(8_192),
        op.i32(bytes.length),
        op.i32(states.length),
        op.call(state),
        DONE,
      ];
      return { attack: { kind: 'reduce', code } };
    });
const state = (ordinal: number) => [
  ...[...word(ROW), ...word(ordinal), ...TIME],
  ...Array<number>(ROW - 16).fill(0),
];

const states = fails('abi', 'ABI_VIOLATION', [
  ['hands back no state', keeping(), /no state was handed back/],
  ['hands back a state of no key', keeping(state(7)), /ordinal 7 of 1 keys/],
  ['hands back a state of key four billion', keeping(state(-1)), /ordinal 4294967295/],
  ['hands back two states of a key', keeping(state(0), state(0)), /two states have ordinal 0/],
  ['hands back what is no row', keeping([...word(8), ...word(0)]), /states/],
  [
    'hands back states from outside of its memory',
    () =>
      guestOf(({ state: call }) => ({
        attack: { kind: 'reduce', code: [op.i32(-8), op.i32(ROW), op.i32(1), op.call(call), DONE] },
      })),
    /outside the memory/,
  ],
]);

/** A guest that answers `mr_buffer` with this address. */
const offering = (address: number) => () => {
  const guest = handMadeGuest();
  addBuffer(guest, address);
  const { builder } = guest;
  const attack = builder.function({ params: [i32, i32, i32], results: [i32], code: [DONE] });
  builder.exported('mr_attack', 'function', attack);
  const section = {
    abi: 1,
    sdk: 'zoo',
    records: [{ name: 'N', fields: [{ name: 'n', type: 'i32' }] }],
    functions: [{ name: 'attack', kind: 'flatMap', input: 'N', output: 'N' }],
  };
  return builder.custom('millrace', utf8(JSON.stringify(section))).build();
};

const buffers = fails('abi', 'ABI_VIOLATION', [
  ['takes input at a negative address', offering(-65_536), /input area of mr_buffer/],
  ['takes input behind its memory', offering(MEMORY), /input area of mr_buffer/],
  ['takes input at an odd address', offering(4), /multiples of 8/],
  ['emits from mr_buffer', () => outsideOfACall('emit'), /outside a call/],
  ['hands back states from mr_buffer', () => outsideOfACall('state'), /outside a call/],
]);

function outsideOfACall(name: 'emit' | 'state'): Uint8Array<ArrayBuffer> {
  const guest = handMadeGuest();
  const numbers = name === 'emit' ? 4 : 3;
  const code = [
    ...Array.from({ length: numbers }, () => op.i32(0)),
    op.call(guest[name]),
    op.i32(1_024),
  ];
  const buffer = guest.builder.function({ params: [i32], results: [i32], code });
  guest.builder.exported('mr_buffer', 'function', buffer);
  const attack = guest.builder.function({ params: [i32, i32, i32], results: [i32], code: [DONE] });
  guest.builder.exported('mr_attack', 'function', attack);
  const section = {
    abi: 1,
    sdk: 'zoo',
    records: [{ name: 'N', fields: [{ name: 'n', type: 'i32' }] }],
    functions: [{ name: 'attack', kind: 'flatMap', input: 'N', output: 'N' }],
  };
  return guest.builder.custom('millrace', utf8(JSON.stringify(section))).build();
}

/** A row that is right, emitted more often than may be: 40 MiB of it at a time. */
const FLOOD_ROWS = 2_048;
const flood = fails('caps', 'OUTPUT_LIMIT', [
  [
    'emits more than it may',
    attacking(({ emit }) => {
      const again = [
        op.i32(0),
        op.i32(FLOOD_ROWS * ROW),
        op.i32(FLOOD_ROWS),
        op.i32(0),
        op.call(emit),
      ];
      const calls = Math.ceil(OUTPUT_BYTES_MAX / (FLOOD_ROWS * ROW)) + 1;
      return Array.from({ length: calls }, () => again).flat();
    }),
    /limit 67108864/,
  ],
]);

export const lies: readonly Specimen[] = [
  ...runs,
  ...rows,
  ...odd,
  ...states,
  ...buffers,
  ...flood,
];
