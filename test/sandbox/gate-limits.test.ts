import {
  BRANCH_TABLE_MAX,
  FUNCTION_BODY_BYTES_MAX,
  FUNCTION_LOCALS_MAX,
  FUNCTION_NESTING_MAX,
  FUNCTION_PARAMETERS_MAX,
  FUNCTION_RESULTS_MAX,
  MEMORY_PAGES_MAX,
  MODULE_BYTES_MAX,
  MODULE_ENTRIES_MAX,
  MODULE_EXPORTS_MAX,
  MODULE_FUNCTIONS_MAX,
  MODULE_IMPORTS_MAX,
  MODULE_TABLES_MAX,
  TABLE_ENTRIES_MAX,
} from '../../host/limits.ts';
import {
  guestWithBody as bodyOf,
  guestWith,
  type Refusal,
  refuses,
  times,
} from '../kit/gate-refusal.ts';
import { op, TYPE, unsigned, WasmBuilder } from '../kit/wasm-builder.ts';

const { i32 } = TYPE;

const LIMITS: readonly Refusal[] = [
  [
    'bytes',
    () => new Uint8Array(MODULE_BYTES_MAX + 1),
    'MODULE_TOO_LARGE',
    /4194305 bytes, limit 4194304/,
  ],
  [
    'functions',
    () =>
      new WasmBuilder()
        .raw(1, [1, 0x60, 0, 0])
        .raw(3, unsigned(MODULE_FUNCTIONS_MAX + 1))
        .build(),
    'MODULE_REFUSED',
    /functions: 20001, limit 20000/,
  ],
  [
    'types',
    () => new WasmBuilder().raw(1, unsigned(MODULE_ENTRIES_MAX + 1)).build(),
    'MODULE_REFUSED',
    /types: 20001, limit 20000/,
  ],
  [
    'globals',
    () => new WasmBuilder().raw(6, unsigned(MODULE_ENTRIES_MAX + 1)).build(),
    'MODULE_REFUSED',
    /globals: 20001/,
  ],
  [
    'element segments',
    () => new WasmBuilder().raw(9, unsigned(MODULE_ENTRIES_MAX + 1)).build(),
    'MODULE_REFUSED',
    /element segments: 20001/,
  ],
  [
    'data segments',
    () => new WasmBuilder().raw(11, unsigned(MODULE_ENTRIES_MAX + 1)).build(),
    'MODULE_REFUSED',
    /data segments: 20001/,
  ],
  [
    'imports',
    () => new WasmBuilder().raw(2, unsigned(MODULE_IMPORTS_MAX + 1)).build(),
    'MODULE_REFUSED',
    /imports: 257, limit 256/,
  ],
  [
    'exports',
    () => new WasmBuilder().raw(7, unsigned(MODULE_EXPORTS_MAX + 1)).build(),
    'MODULE_REFUSED',
    /exports: 20001/,
  ],
  [
    'tables',
    () =>
      guestWith((b) => {
        for (let i = 0; i <= MODULE_TABLES_MAX; i++) b.table(1);
      }),
    'MODULE_REFUSED',
    /tables: 17, limit 16/,
  ],
  [
    'table entries',
    () => guestWith((b) => b.table(TABLE_ENTRIES_MAX + 1)),
    'MODULE_REFUSED',
    /table entries: 65537, limit 65536/,
  ],
  [
    'entries of all tables',
    () => guestWith((b) => b.table(TABLE_ENTRIES_MAX).table(1)),
    'MODULE_REFUSED',
    /all tables: 65537/,
  ],
  [
    'memory pages',
    () => new WasmBuilder().memory(MEMORY_PAGES_MAX + 1).build(),
    'MODULE_REFUSED',
    /memory pages at the start: 1025, limit 1024/,
  ],
  [
    'parameters',
    () => guestWith((b) => b.type(Array(FUNCTION_PARAMETERS_MAX + 1).fill(i32), [])),
    'MODULE_REFUSED',
    /parameters of a function: 257, limit 256/,
  ],
  [
    'results',
    () => guestWith((b) => b.type([], Array(FUNCTION_RESULTS_MAX + 1).fill(i32))),
    'MODULE_REFUSED',
    /results of a function: 17, limit 16/,
  ],
  [
    'block parameters',
    () =>
      guestWith((b) => {
        const type = b.type(Array(FUNCTION_RESULTS_MAX + 1).fill(i32), []);
        b.function({ code: [op.unreachable, [0x02, ...unsigned(type)], op.unreachable, [0x0b]] });
      }),
    'MODULE_REFUSED',
    /parameters of a block: 17, limit 16/,
  ],
  [
    'body bytes',
    () => bodyOf(times(FUNCTION_BODY_BYTES_MAX, [1])),
    'MODULE_REFUSED',
    /bytes of the body: 262146, limit 262144/,
  ],
  [
    'locals',
    () => guestWith((b) => b.function({ locals: [[FUNCTION_LOCALS_MAX + 1, i32]], code: [] })),
    'MODULE_REFUSED',
    /locals: 2001, limit 2000/,
  ],
  [
    'locals in one huge group',
    () => guestWith((b) => b.function({ locals: [[0xffff_ffff, i32]], code: [] })),
    'MODULE_REFUSED',
    /locals: 4294967295/,
  ],
  [
    'locals times bytes',
    () =>
      guestWith((b) =>
        b.function({ locals: [[FUNCTION_LOCALS_MAX, i32]], code: [times(20_000, [1])] }),
      ),
    'MODULE_REFUSED',
    /locals times bytes/,
  ],
  [
    'nested blocks',
    () =>
      bodyOf(times(FUNCTION_NESTING_MAX + 1, [2, 0x40]), times(FUNCTION_NESTING_MAX + 1, [0x0b])),
    'MODULE_REFUSED',
    /nested blocks: 10001, limit 10000/,
  ],
  [
    'branch targets',
    () => bodyOf(op.i32(0), [0x0e, ...unsigned(BRANCH_TABLE_MAX + 1)]),
    'MODULE_REFUSED',
    /targets of a branch table: 65521, limit 65520/,
  ],
];

refuses('what exceeds a limit', LIMITS);
