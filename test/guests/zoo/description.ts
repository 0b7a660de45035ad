import { utf8 } from '../../kit/gate-refusal.ts';
import { addBuffer, guestOf, handMadeGuest, NUMBERS } from '../../kit/hand-made-guest.ts';
import { op, TYPE, text, type WasmBuilder } from '../../kit/wasm-builder.ts';
import { refused, type Specimen } from './specimen.ts';

const { i32, i64 } = TYPE;
const ATTACK = { name: 'attack', kind: 'flatMap', input: 'Numbers', output: 'Numbers' };
const SECTION = { abi: 1, sdk: 'zoo', records: [NUMBERS], functions: [ATTACK] };

/** A guest with an export `mr_attack` that says of itself what it likes. */
function saying(
  section: string | Uint8Array,
  change: (builder: WasmBuilder) => unknown = () => {},
) {
  const guest = handMadeGuest();
  addBuffer(guest);
  const { builder } = guest;
  const attack = builder.function({ params: [i32, i32, i32], results: [i32], code: [op.i32(0)] });
  builder.exported('mr_attack', 'function', attack);
  change(builder);
  return builder.custom('millrace', typeof section === 'string' ? utf8(section) : section).build();
}

const described = (changes: object) => () => saying(JSON.stringify({ ...SECTION, ...changes }));
const named = (name: string) => described({ functions: [{ ...ATTACK, name }] });
const record = (type: string) =>
  described({ records: [NUMBERS, { name: 'R', fields: [{ name: 'f', type }] }] });

const invalid = refused('description', 'MODULE_SECTION_INVALID', [
  ['is no JSON', () => saying('{'), /JSON|read/i],
  ['is no UTF-8', () => saying(Uint8Array.of(0x22, 0xff, 0x22)), /UTF-8/],
  ['is a list', () => saying('[]'), /./],
  ['is JSON nested a hundred thousand times', () => saying('['.repeat(100_000)), /./],
  ['is longer than 256 KiB', () => saying(' '.repeat(256 * 1024 + 1)), /limit 262144/],
  [
    'stands there twice',
    () => saying(JSON.stringify(SECTION), (b) => b.custom('millrace', [])),
    /twice/,
  ],
  [
    'sets the prototype',
    () => saying(`{"__proto__":{"abi":1},${JSON.stringify(SECTION).slice(1)}`),
    /__proto__/,
  ],
  ['has a key that is none', described({ onLoad: 'x' }), /onLoad/],
  ['names a function that could be a path', named('../../etc/passwd'), /name/],
  ['names a function with an escape sequence', named('a\u001b[2J'), /name/],
  ['names a function with a direction mark', named('a\u202eb'), /name/],
  ['names a function that would hang an await', named('then '), /name/],
  ['names two functions alike', described({ functions: [ATTACK, ATTACK] }), /attack/],
  [
    'names a record that is not there',
    described({ functions: [{ ...ATTACK, input: 'No' }] }),
    /No/,
  ],
  ['has a record that contains itself', record('R'), /itself/],
  [
    'has a list of lists without end',
    record(`${'list<'.repeat(5_000)}i32${'>'.repeat(5_000)}`),
    /./,
  ],
  ['has a type that is none', record('i128'), /i128/],
  ['has an optional in a list', record('list<optional<i32>>'), /optional/],
  [
    'has a record of 300 fields',
    described({
      records: [
        NUMBERS,
        {
          name: 'R',
          fields: Array.from({ length: 300 }, (_, i) => ({ name: `f${i}`, type: 'i32' })),
        },
      ],
    }),
    /./,
  ],
  [
    'has a record without fields',
    described({ records: [NUMBERS, { name: 'R', fields: [] }] }),
    /./,
  ],
  [
    'has a function of an unknown kind',
    described({ functions: [{ ...ATTACK, kind: 'eval' }] }),
    /eval|kind/,
  ],
]);

const signatures = refused('description', 'MODULE_SIGNATURE', [
  ['promises a function that is not exported', named('other'), /"mr_other".* is not exported/],
  [
    'promises a function of another kind',
    described({ functions: [{ ...ATTACK, kind: 'reduce', name: 'attack' }] }),
    /expected/,
  ],
  ['calls a function buffer', named('buffer'), /its export is taken/],
  [
    'exports a memory as a function',
    () =>
      saying(JSON.stringify({ ...SECTION, functions: [{ ...ATTACK, name: 'm' }] }), (b) =>
        b.exported('mr_m', 'memory', 0),
      ),
    /"mr_m".* is not exported/,
  ],
  [
    'initialises with a number',
    () =>
      saying(JSON.stringify(SECTION), (b) =>
        b.exported('_initialize', 'function', b.function({ params: [i64], code: [] })),
      ),
    /_initialize/,
  ],
]);

export const descriptions: readonly Specimen[] = [
  ...invalid,
  ...signatures,
  ...refused('description', 'MODULE_SECTION_MISSING', [
    [
      'says nothing of itself',
      () => {
        const guest = handMadeGuest();
        addBuffer(guest);
        return guest.builder.build();
      },
      /no custom section/,
    ],
    [
      'hides its description in another section',
      () => {
        const guest = handMadeGuest();
        addBuffer(guest);
        return guest.builder.custom('Millrace', [...text('x')]).build();
      },
      /no custom section/,
    ],
  ]),
  ...refused('description', 'MODULE_ABI_VERSION', [
    ['speaks a version to come', described({ abi: 2 }), /2/],
  ]),
  ...refused('description', 'MODULE_REFUSED', [
    [
      'exports what the gate exports',
      () => saying(JSON.stringify(SECTION), (b) => b.exported('millrace:fuel', 'memory', 0)),
      /reserved/,
    ],
    [
      'exports a way to more fuel',
      () => saying(JSON.stringify(SECTION), (b) => b.exported('millrace:refuel', 'function', 3)),
      /reserved/,
    ],
  ]),
  {
    name: 'names functions as every object has them',
    fence: 'description',
    upload: () =>
      guestOf(() =>
        Object.fromEntries(
          ['attack', 'constructor', 'then', 'toString', 'hasOwnProperty'].map((name) => [
            name,
            { kind: 'flatMap' as const, code: [op.i32(0)] },
          ]),
        ),
      ),
    outcome: { kind: 'contained', log: [] },
  },
];
