import {
  FUNCTION_BODY_BYTES_MAX,
  FUNCTION_LOCALS_MAX,
  FUNCTION_NESTING_MAX,
  MODULE_BYTES_MAX,
  MODULE_ENTRIES_MAX,
  MODULE_FUNCTIONS_MAX,
  TABLE_ENTRIES_MAX,
} from '../../../host/limits.ts';
import { guestWith, guestWithBody, times } from '../../kit/gate-refusal.ts';
import { addBuffer, finishGuest } from '../../kit/hand-made-guest.ts';
import { op, TYPE, unsigned, WasmBuilder } from '../../kit/wasm-builder.ts';
import { refused, type Specimen } from './specimen.ts';

const { i32, i64, v128 } = TYPE;
const PASS = { pass: { kind: 'flatMap', code: [op.i32(0)] } } as const;

/** A guest with a memory of its own making. */
function guestWithMemory(...limits: number[]): Uint8Array<ArrayBuffer> {
  const builder = new WasmBuilder().rawMemory(limits).exported('memory', 'memory', 0);
  const guest = { builder, emit: 0, state: 0, log: 0 };
  addBuffer(guest);
  return finishGuest(guest, PASS);
}

export const features: readonly Specimen[] = refused('features', 'MODULE_REFUSED', [
  ['a tail call, which no thread can be stopped in', () => guestWithBody([0x12, 0]), /tail calls/],
  ['an indirect tail call', () => guestWithBody(op.i32(0), [0x13, 0, 0]), /tail calls/],
  ['a try block', () => guestWithBody([0x06, 0x40, 0x19, 0x0b]), /exception handling/],
  ['a throw', () => guestWithBody([0x08, 0]), /exception handling/],
  ['a try table', () => guestWithBody([0x1f, 0x40, 0, 0x0b]), /exception handling/],
  [
    'an atomic wait',
    () => guestWithBody(op.i32(0), op.i32(0), [0x42, 0], [0xfe, 1, 2, 0], op.drop),
    /threads and atomics/,
  ],
  ['an atomic fence', () => guestWithBody([0xfe, 3, 0]), /threads and atomics/],
  ['a shared memory', () => guestWithMemory(3, 1, 16), /threads and atomics: shared memory/],
  ['a memory of 64-bit addresses', () => guestWithMemory(4, 1), /memory64/],
  ['a memory with pages of a byte', () => guestWithMemory(8, 1, 0), /custom page sizes/],
  ['a second memory', () => guestWith((b) => void b.memory(1)), /multi-memory/],
  [
    'a load from a second memory',
    () => guestWithBody(op.i32(0), [0x28, 0x42, 1, 0], op.drop),
    /multi-memory/,
  ],
  ['a struct', () => guestWith((b) => void b.rawType([0x5f, 0])), /garbage collection/],
  [
    'a recursive type',
    () => guestWith((b) => void b.rawType([0x4e, 1, 0x60, 0, 0])),
    /garbage collection/,
  ],
  ['a struct made at run time', () => guestWithBody([0xfb, 0, 0], op.drop), /garbage collection/],
  [
    'a reference to the outside',
    () => guestWith((b) => void b.function({ params: [0x6f], code: [] })),
    /externref/,
  ],
  [
    'a call through a typed reference',
    () => guestWithBody([0xd0, 0x70], [0x14, 0]),
    /typed function references/,
  ],
  [
    'a table with an initial value',
    () => guestWith((b) => void b.raw(4, [1, 0x40, 0, 0x70, 0, 1, 0xd0, 0x70, 0x0b])),
    /typed function|out of order/,
  ],
  [
    'a relaxed vector instruction',
    () => guestWithBody([0xfd, ...unsigned(0x100)], op.drop),
    /relaxed SIMD/,
  ],
  ['a component', () => Uint8Array.from([0, 0x61, 0x73, 0x6d, 13, 0, 1, 0]), /component model/],
]).map((specimen) =>
  // A section out of its place is malformed before it is refused.
  specimen.name === 'a table with an initial value'
    ? { ...specimen, outcome: { ...specimen.outcome, code: 'MODULE_MALFORMED' } }
    : specimen,
);

const body = (code: readonly number[]) => () =>
  guestWith((b) => void b.rawFunction(b.type([], []), [...code, 0x0b]));
/** Locals of one function, given in one group: a few bytes of upload. */
const locals = (count: number, type: number) => body([1, ...unsigned(count), type]);
const many = (count: number, add: (builder: WasmBuilder, i: number) => unknown) => () =>
  guestWith((builder) => {
    for (let i = 0; i < count; i++) add(builder, i);
  });
const list = (count: number, type: number) => Array.from({ length: count }, () => type);

export const limits: readonly Specimen[] = [
  ...refused('limits', 'MODULE_TOO_LARGE', [
    ['a module of 4 MiB and a byte', () => new Uint8Array(MODULE_BYTES_MAX + 1), /limit 4194304/],
  ]),
  ...refused('limits', 'MODULE_REFUSED', [
    [
      'a memory of 4 GiB at the start',
      () => guestWithMemory(0, ...unsigned(65_536)),
      /memory pages at the start/,
    ],
    ['a memory a page too large', () => guestWithMemory(0, ...unsigned(1_025)), /limit 1024/],
    [
      'a table of ten million entries, which ends the engine',
      () => guestWith((b) => void b.table(10_000_000)),
      /table entries/,
    ],
    [
      'tables that are too large together',
      many(4, (b) => b.table(TABLE_ENTRIES_MAX / 2)),
      /entries of all tables/,
    ],
    ['seventeen tables', many(17, (b) => b.table(1)), /tables: 17, limit 16/],
    [
      'more functions than allowed',
      many(MODULE_FUNCTIONS_MAX, (b) => b.rawFunction(0, [0, 0x00, 0x0b])),
      /functions: 2000\d/,
    ],
    [
      'a body of more than 256 KiB',
      body([0, ...times(FUNCTION_BODY_BYTES_MAX, [0x01])]),
      /bytes of the body/,
    ],
    ['2,001 locals', locals(FUNCTION_LOCALS_MAX + 1, i32), /locals: 2001/],
    ['four billion locals in eight bytes', locals(0xffff_ffff, i64), /locals: 4294967295/],
    ['four billion vectors for locals', locals(0xffff_ffff, v128), /locals: 4294967295/],
    [
      'many locals in a long body',
      body([1, ...unsigned(1_999), i64, ...times(100_000, [0x01])]),
      /locals times bytes/,
    ],
    [
      'blocks nested too deep',
      body([
        0,
        ...times(FUNCTION_NESTING_MAX + 2, [0x02, 0x40]),
        ...times(FUNCTION_NESTING_MAX + 2, [0x0b]),
      ]),
      /nested blocks/,
    ],
    [
      'a branch table of 65,521 targets',
      body([0, 0x41, 0, 0x0e, ...unsigned(65_521), ...times(65_522, [0])]),
      /targets of a branch table/,
    ],
    [
      'a function of 257 parameters',
      () => guestWith((b) => void b.function({ params: list(257, i32), code: [] })),
      /parameters of a function/,
    ],
    [
      'a function of 17 results',
      () => guestWith((b) => void b.type([], list(17, i32))),
      /results of a function/,
    ],
    [
      'a block of 17 parameters',
      () =>
        guestWith((b) => {
          const type = b.type(list(17, i32), []);
          b.function({
            code: [
              ...list(17, 0).map(() => op.i32(0)),
              [0x02, ...unsigned(type)],
              ...list(17, 0).map(() => op.drop),
              [0x0b],
            ],
          });
        }),
      /parameters of a block/,
    ],
    [
      'more imports than there can be',
      many(300, (b) => b.importFunction('millrace', 'log', [i32, i32, i32])),
      /imports: 30\d, limit 256/,
    ],
    [
      'more exports than allowed',
      many(20_000, (b, i) => b.exported(`e${i}`, 'memory', 0)),
      /exports: 2000\d/,
    ],
    [
      'more globals than allowed',
      many(MODULE_ENTRIES_MAX + 1, (b) => b.global(i32, true, op.i32(0))),
      /globals: 20001/,
    ],
    [
      'a million custom sections of three bytes',
      () => manyCustoms(),
      /custom sections: 1001, limit 1000/,
    ],
    [
      'more data segments than allowed',
      many(MODULE_ENTRIES_MAX + 1, (b) => b.rawData([1, 0])),
      /data segments: 20001/,
    ],
    [
      'more element segments than allowed',
      many(MODULE_ENTRIES_MAX + 1, (b) => b.rawElements([1, 0, 0])),
      /element segments: 20001/,
    ],
  ]),
];

function manyCustoms(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + 3 * 1_000_000);
  bytes.set([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  // Id 0, one byte of content: a name of no bytes.
  for (let at = 9; at < bytes.length; at += 3) bytes[at] = 1;
  return bytes;
}

const importing = (add: (builder: WasmBuilder) => unknown) => () => {
  const builder = new WasmBuilder();
  add(builder);
  builder.memory(1).exported('memory', 'memory', 0);
  const guest = { builder, emit: 0, state: 0, log: 0 };
  addBuffer(guest);
  return finishGuest(guest, PASS);
};
const calling = (
  from: string,
  name: string,
  params: readonly number[] = [],
  results: readonly number[] = [],
) => importing((builder) => builder.importFunction(from, name, params, results));
const WASI = 'wasi_snapshot_preview1';
const four = [i32, i32, i32, i32];

export const imports: readonly Specimen[] = [
  ...refused('imports', 'MODULE_REFUSED', [
    [
      'opens a file',
      calling(WASI, 'path_open', [i32, i32, i32, i32, i32, i64, i64, i32, i32], [i32]),
      /path_open" is not allowed/,
    ],
    ['opens a socket', calling(WASI, 'sock_accept', [i32, i32, i32], [i32]), /sock_accept/],
    ['raises a signal in the host', calling(WASI, 'proc_raise', [i32], [i32]), /proc_raise/],
    ['waits in the host', calling(WASI, 'poll_oneoff', four, [i32]), /poll_oneoff/],
    ['speaks an older WASI', calling('wasi_unstable', 'fd_write', four, [i32]), /wasi_unstable/],
    ['asks for the prototype of an object', calling('__proto__', 'constructor'), /__proto__/],
    ['asks for the constructor of a namespace', calling('millrace', 'constructor'), /constructor/],
    ['asks for a function of every object', calling('millrace', 'toString'), /toString/],
    ['asks for the prototype of a namespace', calling('env', '__proto__'), /__proto__/],
    [
      'brings the memory that is the host’s to bring',
      importing((b) => b.import('millrace', 'memory', 'memory', [0, 1])),
      /memory "millrace"."memory"|multi-memory/,
    ],
    [
      'brings a memory of the environment',
      importing((b) => b.import('env', 'memory', 'memory', [0, 1])),
      /memory/,
    ],
    [
      'brings a table',
      importing((b) => b.import('env', 'table', 'table', [0x70, 0, 1])),
      /table "env"."table"/,
    ],
    [
      'brings a global',
      importing((b) => b.import('env', 'global', 'global', [i32, 0])),
      /global "env"."global"/,
    ],
    [
      'brings a function as a global',
      importing((b) => b.import('millrace', 'emit', 'global', [i32, 0])),
      /global "millrace"."emit"/,
    ],
    [
      'forges a line of the report by its name',
      calling('a\n\u001b[2Jb', 'c"'),
      /"a\\n\\u001b\[2Jb"/,
    ],
  ]),
  ...refused('imports', 'MODULE_SIGNATURE', [
    [
      'takes emit with another type',
      calling('millrace', 'emit', [i64, i32, i32, i32]),
      /expected \(i32, i32, i32, i32\)/,
    ],
    ['takes abort with a result', calling('env', 'abort', four, [i32]), /expected/],
  ]),
];
