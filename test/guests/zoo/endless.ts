import {
  addBuffer,
  finishGuest,
  guestOf,
  type HandMadeGuest,
  handMadeGuest,
} from '../../kit/hand-made-guest.ts';
import { op, signed, TYPE, unsigned, type WasmBuilder } from '../../kit/wasm-builder.ts';
import { fails, type Specimen } from './specimen.ts';

const { i32, i64 } = TYPE;
type Code = readonly (readonly number[])[];

const DONE = op.i32(0);
const forever = (...code: Code) => op.loop(...code, op.br(0));

/** A guest whose `attack` runs this code and then returns. */
export function attacking(
  code: (guest: HandMadeGuest) => Code,
  locals: readonly (readonly [number, number])[] = [],
): () => Uint8Array<ArrayBuffer> {
  return () =>
    guestOf((guest) => ({ attack: { kind: 'flatMap', locals, code: [...code(guest), DONE] } }));
}

const wasi = (name: string, params: readonly number[], code: (call: number[]) => Code) => () => {
  const { guest, index } = importing(name, params);
  const attack = [forever(...code(op.call(index))), DONE];
  return finishGuest(guest, { attack: { kind: 'flatMap', code: attack } });
};

/** A guest that imports a function of WASI, which must come before its own functions. */
function importing(name: string, params: readonly number[]) {
  const guest = handMadeGuest();
  const index = guest.builder.importFunction('wasi_snapshot_preview1', name, params, [i32]);
  addBuffer(guest);
  return { guest, index };
}

/** Functions 0 … n, each of which calls the one before twice: n levels, 2^n calls, no recursion. */
function doubling(builder: WasmBuilder, levels: number): number {
  let callee = builder.function({ code: [] });
  for (let i = 0; i < levels; i++) {
    callee = builder.function({ code: [op.call(callee), op.call(callee)] });
  }
  return callee;
}

/** Two functions that call each other: the first is known by its place before it is there. */
function mutual(builder: WasmBuilder, first: number): number {
  builder.function({ code: [op.call(first + 1)] });
  return builder.function({ code: [op.call(first)] }) - 1;
}

const bulk = (code: Code) => attacking(() => [forever(...code)]);
const MIB = 1 << 18;

/** Work without end, by every way there is to work. */
const spinning = fails('fuel', 'FUEL_EXHAUSTED', [
  ['an empty loop', attacking(() => [forever()]), /used more than its \d+ fuel/],
  ['a loop in a loop in a loop', attacking(() => [forever(forever(forever()))]), /fuel/],
  [
    'a loop that counts to 2^31',
    attacking(
      () => [
        op.loop(
          op.get(3),
          op.i32(1),
          op.add,
          [0x22, 3],
          op.i32(0x7fff_ffff),
          op.lessThan,
          op.brIf(0),
        ),
      ],
      [[1, i32]],
    ),
    /fuel/,
  ],
  [
    'a loop by a branch table',
    attacking(() => [[0x03, 0x40, 0x41, 0, 0x0e, 1, 0, 0, 0x0b]]),
    /fuel/,
  ],
  [
    'a loop whose head takes a value',
    attacking(({ builder }) => {
      const type = builder.type([i32], []);
      return [op.i32(1), [0x03, ...unsigned(type), 0x0c, 0, 0x0b]];
    }),
    /fuel/,
  ],
  ['a loop of divisions', bulk([op.i32(7), op.i32(3), op.div, op.drop]), /fuel/],
  [
    'a loop of calls',
    attacking(({ builder }) => {
      const small = builder.function({ code: [op.i32(1), op.drop] });
      return [forever(op.call(small))];
    }),
    /fuel/,
  ],
  ['a loop that is left and entered again', attacking(() => [forever(op.block(op.br(0)))]), /fuel/],
  [
    '2^40 calls without recursion',
    attacking(({ builder }) => [op.call(doubling(builder, 40))]),
    /fuel/,
  ],
  ['fills of 256 KiB', bulk([op.i32(0), op.i32(1), op.i32(MIB), op.fill]), /fuel/],
  ['copies of 128 KiB', bulk([op.i32(0), op.i32(MIB >> 1), op.i32(MIB >> 1), op.copy]), /fuel/],
  ['fills of nothing', bulk([op.i32(0), op.i32(1), op.i32(0), op.fill]), /fuel/],
  ['a memory that asks for a page for ever', bulk([op.i32(1), op.grow, op.drop]), /fuel/],
  ['a memory that asks for 4 GiB for ever', bulk([op.i32(-1), op.grow, op.drop]), /fuel/],
  [
    'a table that is filled for ever',
    attacking(({ builder }) => {
      builder.table(60_000);
      return [forever(op.i32(0), [0xd0, 0x70], op.i32(60_000), [0xfc, 17, 0])];
    }),
    /fuel/,
  ],
  [
    'a table that is copied for ever',
    attacking(({ builder }) => {
      builder.table(60_000);
      return [forever(op.i32(0), op.i32(1), op.i32(59_999), [0xfc, 14, 0, 0])];
    }),
    /fuel/,
  ],
  [
    'a table that grows for ever',
    attacking(({ builder }) => {
      builder.table(1);
      return [forever([0xd0, 0x70], op.i32(1), [0xfc, 15, 0], op.drop)];
    }),
    /fuel/,
  ],
  ['vectors without end', bulk([[0xfd, 12, ...Array<number>(16).fill(7)], op.drop]), /fuel/],
  [
    'logs without end',
    attacking(({ log }) => [forever(op.i32(1), op.i32(0), op.i32(8), op.call(log))]),
    /fuel/,
  ],
  [
    'empty logs without end',
    attacking(({ log }) => [forever(op.i32(1), op.i32(0), op.i32(0), op.call(log))]),
    /fuel/,
  ],
  [
    'empty emits without end',
    attacking(({ emit }) => [forever(op.i32(0), op.i32(0), op.i32(0), op.i32(0), op.call(emit))]),
    /fuel/,
  ],
  [
    'random numbers without end',
    wasi('random_get', [i32, i32], (call) => [op.i32(0), op.i32(65_536), call, op.drop]),
    /fuel/,
  ],
  [
    'looks at a clock without end',
    wasi('clock_time_get', [i32, i64, i32], (call) => [
      op.i32(0),
      [0x42, 0],
      op.i32(8),
      call,
      op.drop,
    ]),
    /fuel/,
  ],
  [
    'a loop in dead code’s neighbour',
    attacking(() => [op.block(op.br(0), forever()), forever()]),
    /fuel/,
  ],
]);

/** What a table leads to pays for itself at its entry, which is there also where loops pay nothing. */
const calledThroughTables = fails('fuel', 'FUEL_EXHAUSTED', [
  [
    'a loop of calls through a table',
    attacking(({ builder }) => {
      const small = builder.function({ code: [] });
      builder.table(1).elements(0, [small]);
      return [forever(op.i32(0), op.callIndirect(typeOf(builder)))];
    }),
    /fuel/,
  ],
]).map((specimen) => ({ ...specimen, unmetered: specimen.outcome }));

/** Index of the last type made: that of the function before. */
function typeOf(builder: WasmBuilder): number {
  return builder.type([], []);
}

const frame = (count: number) => ({ locals: [[count, i64]] as const });

/** Frames without end, by every way there is to call. */
const nesting = fails('depth', 'GUEST_TRAP', [
  [
    'calls itself',
    attacking(({ builder }) => [op.call(selfCaller(builder))]),
    /nested deeper than 512/,
  ],
  [
    'calls itself by way of another',
    attacking(({ builder }) => [op.call(mutual(builder, 4))]),
    /nested deeper/,
  ],
  [
    'calls itself through a table',
    attacking(({ builder }) => {
      const type = builder.type([], []);
      const index = builder.function({ code: [op.i32(0), op.callIndirect(type)] });
      builder.table(1).elements(0, [index]);
      return [op.call(index)];
    }),
    /nested deeper/,
  ],
  [
    'calls itself with 2,000 locals',
    attacking(({ builder }) => [op.call(selfCaller(builder, 1_990))]),
    /nested deeper/,
  ],
  [
    'nests ten thousand functions without recursion',
    attacking(({ builder }) => {
      let callee = builder.function({ code: [], ...frame(20) });
      for (let i = 0; i < 10_000; i++)
        callee = builder.function({ code: [op.call(callee)], ...frame(20) });
      return [op.call(callee)];
    }),
    /nested deeper/,
  ],
]);

function selfCaller(builder: WasmBuilder, locals = 0): number {
  // Three imports and `mr_buffer` come before it.
  return builder.function({ code: [op.call(4)], locals: locals === 0 ? [] : [[locals, i64]] });
}

/** A guest with a function that runs before any record comes. */
const early = (how: 'start' | '_initialize', code: Code) => () => withEarly(how, code);

function withEarly(how: 'start' | '_initialize', code: Code): Uint8Array<ArrayBuffer> {
  return guestOf(({ builder }) => {
    const index = builder.function({ code });
    if (how === 'start') builder.start(index);
    else builder.exported(how, 'function', index);
    return { attack: { kind: 'flatMap', code: [DONE] } };
  });
}

const unstartable = (
  name: string,
  upload: () => Uint8Array<ArrayBuffer>,
  code: string,
  says: RegExp,
) =>
  ({
    name,
    fence: code === 'FUEL_EXHAUSTED' ? 'fuel' : /nested/.test(says.source) ? 'depth' : 'trap',
    upload,
    outcome: { kind: 'unstartable', code, says },
  }) as const;

/** What goes wrong before the first record. */
const starting: readonly Specimen[] = [
  unstartable(
    'a start function that never ends',
    early('start', [forever()]),
    'FUEL_EXHAUSTED',
    /the start of the module used more/,
  ),
  unstartable(
    'an _initialize that never ends',
    early('_initialize', [forever()]),
    'FUEL_EXHAUSTED',
    /the start of the module/,
  ),
  unstartable(
    'a start function that traps',
    early('start', [op.unreachable]),
    'GUEST_TRAP',
    /unreachable/,
  ),
  unstartable(
    'a start function that fills its memory for ever',
    early('start', [forever(op.i32(0), op.i32(1), op.i32(MIB), op.fill)]),
    'FUEL_EXHAUSTED',
    /fuel/,
  ),
  unstartable(
    'a start function that calls itself',
    early('start', [op.call(4)]),
    'GUEST_TRAP',
    /nested deeper/,
  ),
  unstartable(
    'data outside of its memory',
    () =>
      guestOf(({ builder }) => {
        builder.data(4 * 65_536 - 1, [1, 2]);
        return { attack: { kind: 'flatMap', code: [DONE] } };
      }),
    'GUEST_TRAP',
    /cannot be instantiated/,
  ),
  unstartable(
    'data at a negative address',
    () =>
      guestOf(({ builder }) => {
        builder.rawData([0, 0x41, ...signed(-1), 0x0b, 1, 7]);
        return { attack: { kind: 'flatMap', code: [DONE] } };
      }),
    'GUEST_TRAP',
    /cannot be instantiated/,
  ),
  unstartable(
    'elements outside of their table',
    () =>
      guestOf(({ builder }) => {
        builder.table(1).elements(1, [3]);
        return { attack: { kind: 'flatMap', code: [DONE] } };
      }),
    'GUEST_TRAP',
    /cannot be instantiated/,
  ),
];

export const endless: readonly Specimen[] = [
  ...spinning,
  ...calledThroughTables,
  ...nesting,
  ...starting,
];
