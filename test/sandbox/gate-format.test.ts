import {
  guestWithBody as bodyOf,
  guestWith,
  type Refusal,
  refuses,
  utf8,
} from '../kit/gate-refusal.ts';
import { guestOf } from '../kit/hand-made-guest.ts';
import { op, TYPE, WasmBuilder } from '../kit/wasm-builder.ts';

const { i32 } = TYPE;

const MALFORMED: readonly Refusal[] = [
  ['an empty upload', () => new Uint8Array(0), 'MODULE_MALFORMED', /does not start with/],
  ['text', () => utf8('hello, world'), 'MODULE_MALFORMED', /offset 0x0.*does not start with/],
  [
    'another version',
    () => Uint8Array.of(0, 97, 115, 109, 2, 0, 0, 0),
    'MODULE_MALFORMED',
    /version 2/,
  ],
  [
    'a truncated module',
    () => guestOf(() => ({})).slice(0, -5),
    'MODULE_MALFORMED',
    /bytes, \d+ are left/,
  ],
  [
    'an unknown section',
    () => guestWith((b) => b.raw(77, [])),
    'MODULE_MALFORMED',
    /section id 77/,
  ],
  ['a repeated section', () => guestWith((b) => b.raw(1, [0])), 'MODULE_MALFORMED', /out of order/],
  [
    'bytes after a section',
    () => new WasmBuilder().raw(1, [0, 9]).build(),
    'MODULE_MALFORMED',
    /bytes after/,
  ],
  [
    'a number too long',
    () => new WasmBuilder().raw(1, [0x80, 0x80, 0x80, 0x80, 0x10]).build(),
    'MODULE_MALFORMED',
    /32 bits/,
  ],
  [
    'a name that is not UTF-8',
    () => new WasmBuilder().raw(0, [1, 0xff]).build(),
    'MODULE_MALFORMED',
    /UTF-8/,
  ],
  [
    'an export twice',
    () => guestWith((b) => b.exported('memory', 'memory', 0)),
    'MODULE_MALFORMED',
    /twice/,
  ],
  [
    'an export of nothing',
    () => guestWith((b) => b.exported('x', 'function', 900)),
    'MODULE_MALFORMED',
    /no function 900/,
  ],
  [
    'functions without bodies',
    () => new WasmBuilder().raw(1, [1, 0x60, 0, 0]).raw(3, [1, 0]).build(),
    'MODULE_MALFORMED',
    /0 function bodies for 1/,
  ],
  [
    'a body that leaves a value',
    () => bodyOf(op.i32(1)),
    'MODULE_MALFORMED',
    /function 4, offset 0x[0-9a-f]+: 1 operands are left/,
  ],
  ['a body that lacks a value', () => bodyOf(op.drop), 'MODULE_MALFORMED', /no operand/],
  [
    'operands of the wrong type',
    () => bodyOf(op.i32(1), [0x43, 0, 0, 0, 0], op.add, op.drop),
    'MODULE_MALFORMED',
    /expected i32, found f32/,
  ],
  ['a local that is not there', () => bodyOf(op.get(3), op.drop), 'MODULE_MALFORMED', /no local 3/],
  ['a label that is not there', () => bodyOf(op.br(2)), 'MODULE_MALFORMED', /no label 2/],
  ['a call of nothing', () => bodyOf(op.call(99)), 'MODULE_MALFORMED', /no function 99/],
  [
    'a write to a constant global',
    () =>
      guestWith((b) =>
        b.global(i32, false, op.i32(1)).function({ code: [op.i32(1), op.globalSet(0)] }),
      ),
    'MODULE_MALFORMED',
    /immutable/,
  ],
  [
    'a start function with parameters',
    () => guestWith((b) => b.start(b.function({ params: [i32], code: [] }))),
    'MODULE_MALFORMED',
    /start function/,
  ],
  [
    'a data count that lies',
    () => guestWith((b) => b.dataCount(3)),
    'MODULE_MALFORMED',
    /data count says 3/,
  ],
  [
    'an instruction that is none',
    () => bodyOf([0x27]),
    'MODULE_MALFORMED',
    /0x27 is not an instruction/,
  ],
  [
    'a maximum below the minimum',
    () => guestWith((b) => b.table(5, 4)),
    'MODULE_MALFORMED',
    /below its minimum/,
  ],
];

const FEATURES: readonly Refusal[] = [
  [
    'a component',
    () => Uint8Array.of(0, 97, 115, 109, 0x0d, 0, 1, 0),
    'MODULE_REFUSED',
    /component model/,
  ],
  ['atomics', () => bodyOf([0xfe, 3, 0]), 'MODULE_REFUSED', /threads and atomics/],
  [
    'a shared memory',
    () => new WasmBuilder().rawMemory([3, 1, 1]).build(),
    'MODULE_REFUSED',
    /threads and atomics/,
  ],
  [
    'a 64-bit memory',
    () => new WasmBuilder().rawMemory([4, 1]).build(),
    'MODULE_REFUSED',
    /memory64/,
  ],
  [
    'custom page sizes',
    () => new WasmBuilder().rawMemory([8, 1, 0]).build(),
    'MODULE_REFUSED',
    /custom page sizes/,
  ],
  ['two memories', () => guestWith((b) => b.memory(1)), 'MODULE_REFUSED', /multi-memory/],
  [
    'a load from another memory',
    () => bodyOf(op.i32(0), [0x28, 0x42, 1, 0], op.drop),
    'MODULE_REFUSED',
    /multi-memory/,
  ],
  [
    'a struct type',
    () => guestWith((b) => b.rawType([0x5f, 0])),
    'MODULE_REFUSED',
    /garbage collection/,
  ],
  [
    'a garbage collection instruction',
    () => bodyOf([0xfb, 0, 0]),
    'MODULE_REFUSED',
    /garbage collection/,
  ],
  [
    'externref',
    () => guestWith((b) => b.function({ locals: [[1, 0x6f]], code: [] })),
    'MODULE_REFUSED',
    /externref/,
  ],
  ['a throw', () => bodyOf([0x08, 0]), 'MODULE_REFUSED', /exception handling/],
  ['a tag section', () => guestWith((b) => b.raw(13, [0])), 'MODULE_REFUSED', /exception handling/],
  ['a tail call', () => bodyOf([0x12, 0]), 'MODULE_REFUSED', /tail calls/],
  ['a call by reference', () => bodyOf([0x14, 0]), 'MODULE_REFUSED', /typed function references/],
  ['relaxed SIMD', () => bodyOf([0xfd, 0x80, 2]), 'MODULE_REFUSED', /relaxed SIMD/],
];

refuses('what is malformed', MALFORMED);
refuses('features outside the accepted set', FEATURES);
