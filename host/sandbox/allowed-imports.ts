import type { Findings } from './wasm/findings.ts';
import {
  type FunctionType,
  formatFunctionType,
  I32,
  I64,
  sameFunctionType,
} from './wasm/value-type.ts';
import { functionType, type WasmModule } from './wasm/wasm-module.ts';

/** One import that a guest may have. */
export interface AllowedImport {
  readonly type: FunctionType;
  /** Fuel of one call: what the host does for it, in units of about one machine instruction. */
  readonly fuel: number;
}

/** The module name of WASI preview 1. */
export const WASI_MODULE = 'wasi_snapshot_preview1';

const NONE: readonly number[] = [];
const i32s = (count: number): number[] => Array.from({ length: count }, () => I32);

/** Crossing into JavaScript and back costs about 5 ns, text and WASI far more. */
const EMIT_FUEL = 200;
const LOG_FUEL = 2_000;
const WASI_FUEL = 2_000;
/** A look-up of a key and a copy of its row. */
const MAP_FUEL = 1_000;

const MILLRACE = entries([
  ['emit', i32s(4), NONE, EMIT_FUEL],
  ['state', i32s(3), NONE, EMIT_FUEL],
  ['log', i32s(3), NONE, LOG_FUEL],
  ['side', i32s(4), NONE, EMIT_FUEL],
  ['timers', i32s(2), NONE, EMIT_FUEL],
  ['map', i32s(4), NONE, EMIT_FUEL],
  ['map_get', i32s(6), [I32], MAP_FUEL],
  ['map_next', i32s(6), [I32], MAP_FUEL],
  ['metrics', i32s(2), NONE, EMIT_FUEL],
]);

const ENV = entries([['abort', i32s(4), NONE, LOG_FUEL]]);

const WASI = entries([
  ['args_get', i32s(2), [I32], WASI_FUEL],
  ['args_sizes_get', i32s(2), [I32], WASI_FUEL],
  ['environ_get', i32s(2), [I32], WASI_FUEL],
  ['environ_sizes_get', i32s(2), [I32], WASI_FUEL],
  ['clock_time_get', [I32, I64, I32], [I32], WASI_FUEL],
  ['clock_res_get', i32s(2), [I32], WASI_FUEL],
  ['fd_write', i32s(4), [I32], WASI_FUEL * 5],
  ['fd_read', i32s(4), [I32], WASI_FUEL],
  ['fd_close', i32s(1), [I32], WASI_FUEL],
  ['fd_seek', [I32, I64, I32, I32], [I32], WASI_FUEL],
  ['fd_fdstat_get', i32s(2), [I32], WASI_FUEL],
  ['fd_prestat_get', i32s(2), [I32], WASI_FUEL],
  ['fd_prestat_dir_name', i32s(3), [I32], WASI_FUEL],
  ['random_get', i32s(2), [I32], WASI_FUEL * 50],
  ['proc_exit', i32s(1), NONE, WASI_FUEL],
  ['sched_yield', NONE, [I32], WASI_FUEL],
]);

/** Imports a guest may have, by module and name (`guest-sdk/ABI.md`, section 5). */
const ALLOWED: ReadonlyMap<string, ReadonlyMap<string, AllowedImport>> = new Map([
  ['millrace', MILLRACE],
  ['env', ENV],
  [WASI_MODULE, WASI],
]);

export function allowedImport(module: string, name: string): AllowedImport | undefined {
  return ALLOWED.get(module)?.get(name);
}

/** Names of the functions of a module that may be imported. */
export function allowedNames(module: string): readonly string[] {
  return [...(ALLOWED.get(module)?.keys() ?? [])];
}

/** Adds a finding for every import that is not on the list, or has another type there. */
export function checkImports(module: WasmModule, findings: Findings): void {
  for (const { module: from, name, kind, index, offset } of module.imports) {
    const quoted = `${kind} ${JSON.stringify(from)}.${JSON.stringify(name)}`;
    const allowed = kind === 'function' ? allowedImport(from, name) : undefined;
    if (allowed === undefined) {
      const text = `import of ${quoted} is not allowed`;
      findings.add({ code: 'MODULE_REFUSED', section: 'import', offset, text });
      continue;
    }
    const type = functionType(module, index);
    if (sameFunctionType(type, allowed.type)) continue;
    const text = `import of ${quoted} has type ${formatFunctionType(type)}, expected ${formatFunctionType(allowed.type)}`;
    findings.add({ code: 'MODULE_SIGNATURE', section: 'import', offset, text });
  }
}

type Entry = readonly [
  name: string,
  params: readonly number[],
  results: readonly number[],
  fuel: number,
];

function entries(list: readonly Entry[]): ReadonlyMap<string, AllowedImport> {
  return new Map(
    list.map(([name, params, results, fuel]) => [
      name,
      { type: { params: Uint8Array.from(params), results: Uint8Array.from(results) }, fuel },
    ]),
  );
}
