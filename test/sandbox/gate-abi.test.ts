import { SECTION_BYTES_MAX } from '../../host/limits.ts';
import { guestWith, type Refusal, refuses, utf8 } from '../kit/gate-refusal.ts';
import { op, TYPE, WasmBuilder } from '../kit/wasm-builder.ts';

const { i32, i64, funcref } = TYPE;

const IMPORTS: readonly Refusal[] = [
  [
    'a forbidden import',
    () => guestWith((b) => b.importFunction('env', 'system', [i32])),
    'MODULE_REFUSED',
    /import of function "env"."system" is not allowed/,
  ],
  [
    'a WASI function off the list',
    () => guestWith((b) => b.importFunction('wasi_snapshot_preview1', 'path_open', [])),
    'MODULE_REFUSED',
    /path_open/,
  ],
  [
    'constructor as an import',
    () => guestWith((b) => b.importFunction('constructor', '__proto__', [])),
    'MODULE_REFUSED',
    /__proto__/,
  ],
  [
    'an imported global',
    () => guestWith((b) => b.import('env', 'g', 'global', [i32, 0])),
    'MODULE_REFUSED',
    /import of global/,
  ],
  [
    'an imported table',
    () => guestWith((b) => b.import('env', 't', 'table', [funcref, 0, 1])),
    'MODULE_REFUSED',
    /import of table/,
  ],
  [
    'an imported memory',
    () =>
      new WasmBuilder()
        .import('env', 'memory', 'memory', [0, 1])
        .exported('memory', 'memory', 0)
        .build(),
    'MODULE_REFUSED',
    /import of memory/,
  ],
  [
    'an allowed import of another type',
    () => guestWith((b) => b.importFunction('millrace', 'emit', [i64])),
    'MODULE_SIGNATURE',
    /has type \(i64\) -> \(\), expected/,
  ],
  [
    'a reserved export',
    () => guestWith((b) => b.exported('millrace:fuel', 'memory', 0)),
    'MODULE_REFUSED',
    /reserved/,
  ],
];

const describing = (section: unknown) => new TextEncoder().encode(JSON.stringify(section));
const numbers = { name: 'N', fields: [{ name: 'n', type: 'i32' }] };
const described = (functions: readonly object[], abi = 1) =>
  describing({ abi, sdk: 'test', records: [numbers], functions });

function exporting(change: (builder: WasmBuilder) => void): Uint8Array {
  const builder = new WasmBuilder().memory(1).exported('memory', 'memory', 0);
  change(builder);
  return builder.build();
}
const buffer = (b: WasmBuilder) =>
  b.exported(
    'mr_buffer',
    'function',
    b.function({ params: [i32], results: [i32], code: [op.i32(8)] }),
  );
const mapOfN = { name: 'f', kind: 'map', input: 'N', output: 'N' };

const ABI: readonly Refusal[] = [
  ['no section', () => exporting(buffer), 'MODULE_SECTION_MISSING', /no custom section/],
  [
    'two sections',
    () =>
      exporting((b) =>
        buffer(b).custom('millrace', described([])).custom('millrace', described([])),
      ),
    'MODULE_SECTION_INVALID',
    /twice/,
  ],
  [
    'a section that is no JSON',
    () => exporting((b) => buffer(b).custom('millrace', utf8('{'))),
    'MODULE_SECTION_INVALID',
    /JSON/,
  ],
  [
    'a section too large',
    () => exporting((b) => buffer(b).custom('millrace', new Uint8Array(SECTION_BYTES_MAX + 1))),
    'MODULE_SECTION_INVALID',
    /limit 262144/,
  ],
  [
    'another ABI version',
    () => exporting((b) => buffer(b).custom('millrace', described([], 2))),
    'MODULE_ABI_VERSION',
    /2/,
  ],
  [
    'no memory',
    () => new WasmBuilder().custom('millrace', described([])).build(),
    'MODULE_SIGNATURE',
    /no memory named/,
  ],
  [
    'an empty memory',
    () =>
      buffer(new WasmBuilder().memory(0).exported('memory', 'memory', 0))
        .custom('millrace', described([]))
        .build(),
    'MODULE_SIGNATURE',
    /0 pages/,
  ],
  [
    'no mr_buffer',
    () => exporting((b) => b.custom('millrace', described([]))),
    'MODULE_SIGNATURE',
    /"mr_buffer" .* is not exported/,
  ],
  [
    'a missing function',
    () => exporting((b) => buffer(b).custom('millrace', described([mapOfN]))),
    'MODULE_SIGNATURE',
    /"mr_f" .*map "f".* is not exported/,
  ],
  [
    'a memory where a function belongs',
    () =>
      exporting((b) =>
        buffer(b)
          .exported('mr_f', 'memory', 0)
          .custom('millrace', described([mapOfN])),
      ),
    'MODULE_SIGNATURE',
    /is not exported/,
  ],
  [
    'a function of another type',
    () =>
      exporting((b) =>
        buffer(b)
          .exported('mr_f', 'function', 0)
          .custom('millrace', described([mapOfN])),
      ),
    'MODULE_SIGNATURE',
    /has type \(i32\) -> \(i32\), expected \(i32, i32, i32\)/,
  ],
  [
    'a function named buffer',
    () =>
      exporting((b) => buffer(b).custom('millrace', described([{ ...mapOfN, name: 'buffer' }]))),
    'MODULE_SIGNATURE',
    /may not be named "buffer"/,
  ],
  [
    'an _initialize with parameters',
    () =>
      exporting((b) =>
        buffer(b).exported('_initialize', 'function', 0).custom('millrace', described([])),
      ),
    'MODULE_SIGNATURE',
    /"_initialize" has type/,
  ],
];

refuses('what may not be imported or exported', IMPORTS);
refuses('what does not keep the ABI', ABI);
