import { guestWith, guestWithBody } from '../../kit/gate-refusal.ts';
import { op, TYPE, text, unsigned, vector, WasmBuilder } from '../../kit/wasm-builder.ts';
import { refused, type Specimen } from './specimen.ts';

const { i32, i64, f32 } = TYPE;
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const bytes = (...parts: (readonly number[])[]) => Uint8Array.from(parts.flat());
const plain = () => guestWith(() => {});
/** A section with this content and nothing else. */
const only = (id: number, content: readonly number[]) =>
  bytes(HEADER, [id], unsigned(content.length), content);
const edited = (change: (copy: Uint8Array<ArrayBuffer>) => void) => () => {
  const copy = Uint8Array.from(plain());
  change(copy);
  return copy;
};
/** A body by its bytes, locals included. */
const body =
  (...code: number[]) =>
  () =>
    guestWith((builder) => void builder.rawFunction(builder.type([], []), code));
const HUGE = [0xff, 0xff, 0xff, 0xff, 0x0f];

/** Bytes that are no module. */
const format: readonly Specimen[] = refused('format', 'MODULE_MALFORMED', [
  ['nothing', () => new Uint8Array(0), /does not start with/],
  ['four bytes', () => bytes([0, 0x61, 0x73, 0x6d]), /does not start with/],
  ['an ELF file', () => bytes([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]), /does not start with/],
  ['a script', () => Uint8Array.from(Buffer.from('#!/bin/sh\nrm -rf /\n')), /does not start with/],
  ['version 13', edited((copy) => copy.fill(13, 4, 5)), /version 13/],
  ['a cut in the middle', () => plain().slice(0, 90), /are left|unexpected end/],
  ['a byte less', () => plain().slice(0, -1), /are left|unexpected end/],
  ['a byte more', () => bytes([...plain(), 0]), /unexpected end/],
  ['section 99', () => only(99, []), /section id 99/],
  [
    'a section that says it has 4 GiB',
    () => bytes(HEADER, [1], HUGE),
    /section of 4294967295 bytes/,
  ],
  [
    'a number of six bytes',
    () => bytes(HEADER, [1, 0x80, 0x80, 0x80, 0x80, 0x80, 0]),
    /longer than 32/,
  ],
  [
    'a number with a 33rd bit',
    () => bytes(HEADER, [1, 0xff, 0xff, 0xff, 0xff, 0x1f]),
    /longer than 32/,
  ],
  ['types after imports', () => bytes(HEADER, [2, 1, 0], [1, 1, 0]), /out of order/],
  ['two type sections', () => bytes(HEADER, [1, 1, 0], [1, 1, 0]), /out of order or repeated/],
  ['a section with bytes behind its end', () => only(1, [0, 0]), /bytes after the end/],
  ['a section that ends in an entry', () => only(1, [2, 0x60, 0, 0]), /unexpected end/],
  ['a type that is none', () => only(1, vector([[0x61, 0, 0]])), /type form 0x61/],
  ['a function without a type', () => only(3, vector([[7]])), /there is no type 7/],
  [
    'a function without a body',
    () => bytes(HEADER, [1, 4, 1, 0x60, 0, 0], [3, 2, 1, 0]),
    /0 function bodies/,
  ],
  [
    'a name that is no UTF-8',
    () => only(2, vector([[2, 0xc0, 0xaf, 1, 0x61, 0, 0]])),
    /not valid UTF-8/,
  ],
  ['a custom name longer than its section', () => only(0, [40, 0x61]), /unexpected end/],
  ['a body without an end', body(0, 0x01), /ends inside a block/],
  ['a body with bytes behind its end', body(0, 0x0b, 0x01), /bytes after the end of the body/],
  ['a body cut in an instruction', body(0, 0x41), /unexpected end/],
  ['a body with a hole for an opcode', body(0, 0x27, 0x0b), /0x27 is not an instruction/],
  [
    'two exports of one name',
    () => guestWith((b) => void b.exported('x', 'memory', 0).exported('x', 'memory', 0)),
    /appears twice/,
  ],
  [
    'an export of what is not there',
    () => guestWith((b) => void b.exported('x', 'global', 3)),
    /there is no global 3/,
  ],
  [
    'a mutability of 2',
    () => guestWith((b) => void b.raw(6, [1, i32, 2, 0x41, 0, 0x0b])),
    /out of order|mutability/,
  ],
  [
    'a data count that lies',
    () => guestWith((b) => void b.data(0, [1]).dataCount(2)),
    /data count says 2/,
  ],
  [
    'data flags that are none',
    () => guestWith((b) => void b.rawData([9, 0])),
    /data segment flags/,
  ],
  [
    'element flags that are none',
    () => guestWith((b) => void b.table(1).rawElements([8, 0])),
    /element segment flags/,
  ],
  [
    'a start function that is not there',
    () => guestWith((b) => void b.start(900)),
    /there is no function 900/,
  ],
  [
    'an import of kind 9',
    () => only(2, vector([[...text('a'), ...text('b'), 9]])),
    /0x9 is not a kind/,
  ],
  ['a memory minimum above its maximum', () => guestWithMemory([1, 5, 4]), /below its minimum/],
]);

function guestWithMemory(limits: readonly number[]): Uint8Array<ArrayBuffer> {
  const builder = new WasmBuilder().rawMemory(limits).exported('memory', 'memory', 0);
  return builder.build();
}

const TYPED = [
  [
    'adds a number of another type',
    [op.i32(1), [0x44, 0, 0, 0, 0, 0, 0, 0, 0], op.add, op.drop],
    /expected i32, found f64/,
  ],
  ['takes from an empty stack', [op.drop], /found no operand/],
  ['leaves values at the end', [op.i32(1)], /left at the end/],
  ['branches to a block that is not there', [op.br(3)], /there is no label 3/],
  ['reads a local that is not there', [op.get(3), op.drop], /there is no local 3/],
  ['reads a global that is not there', [op.globalGet(9), op.drop], /there is no global 9/],
  ['calls a function that is not there', [op.call(4_000_000)], /there is no function 4000000/],
  [
    'calls through a table that is not there',
    [op.i32(0), op.callIndirect(0)],
    /there is no table 0/,
  ],
  ['aligns a load to 2^3', [op.i32(0), [0x28, 3, 0], op.drop], /alignment 2\^3/],
  ['aligns a load to 2^31', [op.i32(0), [0x28, 0x1f, 0], op.drop], /alignment/],
  [
    'has an if with a result and no else',
    [op.i32(1), [0x04, i32], op.i32(1), [0x0b], op.drop],
    /without else/,
  ],
  [
    'selects between two types',
    [op.i32(1), [0x42, 1], op.i32(0), [0x1b], op.drop],
    /different types/,
  ],
  ['takes a reference nobody declared', [[0xd2, 0], op.drop], /not declared as referenced/],
  [
    'copies from data that is not there',
    [op.i32(0), op.i32(0), op.i32(0), [0xfc, 8, 3, 0]],
    /no data count section/,
  ],
  [
    'takes lane 99 of a vector',
    [[0xfd, 12, ...Array(16).fill(0)], [0xfd, 21, 99], op.drop],
    /no lane 99/,
  ],
  [
    'hides a wrong type behind dead code',
    [op.block(op.br(0), op.i32(1), [0x42, 1], op.add, op.drop)],
    /expected i32, found i64/,
  ],
] as const;

/** Modules of the right shape that the specification does not allow. */
const typing: readonly Specimen[] = refused('format', 'MODULE_MALFORMED', [
  ...TYPED.map(([name, code, says]) => [name, () => guestWithBody(...code), says] as const),
  [
    'has a start function with a parameter',
    () => guestWith((b) => void b.start(b.function({ params: [i32], code: [] }))),
    /takes or returns values/,
  ],
  [
    'sets a constant',
    () =>
      guestWith((b) => {
        b.global(i32, false, op.i32(1));
        b.function({ code: [op.i32(2), op.globalSet(0)] });
      }),
    /immutable/,
  ],
  [
    'computes a constant by a call',
    () => guestWith((b) => void b.global(i32, true, op.call(0))),
    /is not constant/,
  ],
  [
    'gives a global another type',
    () => guestWith((b) => void b.global(i64, true, op.i32(0))),
    /expected i64/,
  ],
  [
    'gives a constant of a later global',
    () => guestWith((b) => void b.global(f32, true, op.globalGet(1))),
    /no global 1 so far/,
  ],
]);

export const malformed: readonly Specimen[] = [...format, ...typing];
