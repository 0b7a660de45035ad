import { Findings } from '../../host/sandbox/wasm/findings.ts';
import { parseModule } from '../../host/sandbox/wasm/parse-module.ts';
import { functionType, type WasmModule } from '../../host/sandbox/wasm/wasm-module.ts';
import { meteredInstance, outcomeOf } from './metered-run.ts';
import { TYPE } from './wasm-builder.ts';

/** Fuel of one call; a call that needs more is not made on the original. */
const BUDGET = 20_000_000;

export interface TwinRun {
  /** Calls made on both, and how many of them returned a value or changed memory. */
  readonly calls: number;
  readonly returned: number;
  /** The first difference, if there is one. */
  readonly difference: string | undefined;
}

/**
 * Makes the same calls on a module and on its rewritten form, `rounds` times through its exports, and
 * compares outcomes, imports called and memory.
 */
export function twinRun(bytes: Uint8Array<ArrayBuffer>, rounds: number): TwinRun {
  const module = parseModule(bytes, new Findings());
  const logs: [string[], string[]] = [[], []];
  const original = new WebAssembly.Instance(
    new WebAssembly.Module(bytes),
    importsOf(module, logs[0]),
  );
  const twin = meteredInstance(bytes, importsOf(module, logs[1]));
  let calls = 0;
  let returned = 0;
  for (let round = 0; round < rounds; round++) {
    for (const { name, params } of callable(module)) {
      const args = params.map((type, i) => argument(type, round * 7 + i * 3));
      const after = twin.run(name, args, BUDGET);
      // Out of fuel or depth: the original would go on, perhaps for ever.
      if (after.fuelLeft < 0 || after.depthLeft < 0)
        return { calls, returned, difference: undefined };
      const call = original.exports[name] as (...values: unknown[]) => unknown;
      const before = outcomeOf(() => call(...args));
      calls++;
      if (before !== undefined) returned++;
      const difference = compare(before, after.outcome, logs);
      if (difference !== undefined)
        return { calls, returned, difference: `${name}: ${difference}` };
    }
  }
  const memory = original.exports.memory;
  const same =
    !(memory instanceof WebAssembly.Memory) ||
    module.importedMemories > 0 ||
    Buffer.from(memory.buffer).equals(Buffer.from(twin.memory.buffer));
  return { calls, returned, difference: same ? undefined : 'memories differ' };
}

function compare(before: unknown, after: unknown, logs: [string[], string[]]): string | undefined {
  const same = Array.isArray(before)
    ? Array.isArray(after) && before.map(String).join() === after.map(String).join()
    : Object.is(before, after);
  if (!same) return `${String(before)} became ${String(after)}`;
  return logs[0].join() === logs[1].join() ? undefined : 'other imports were called';
}

function callable(module: WasmModule): { readonly name: string; readonly params: number[] }[] {
  return module.exports
    .filter(({ kind }) => kind === 'function')
    .map(({ name, index }) => ({ name, type: functionType(module, index) }))
    .filter(({ type }) => [...type.params, ...type.results].every((one) => one !== TYPE.v128))
    .map(({ name, type }) => ({ name, params: [...type.params] }));
}

function argument(type: number, seed: number): unknown {
  switch (type) {
    case TYPE.i64:
      return BigInt(seed * 1_000_003);
    case TYPE.f32:
    case TYPE.f64:
      return seed / 3;
    case TYPE.funcref:
      return null;
    default:
      return (seed * 37) % 4096;
  }
}

/** Imports that answer 0 and note that they were called; memories, tables and globals as asked for. */
function importsOf(module: WasmModule, log: string[]): WebAssembly.Imports {
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
  for (const { module: from, name, kind, index } of module.imports) {
    imports[from] ??= {};
    imports[from][name] = importOf(module, { name, kind, index }, log);
  }
  return imports;
}

function importOf(
  module: WasmModule,
  { name, kind, index }: { name: string; kind: string; index: number },
  log: string[],
): WebAssembly.ImportValue {
  switch (kind) {
    case 'memory': {
      const { minimum: initial, maximum } = module.memories[index];
      return new WebAssembly.Memory({ initial, maximum });
    }
    case 'table': {
      const { minimum: initial, maximum } = module.tables[index];
      return new WebAssembly.Table({ element: 'anyfunc', initial, maximum });
    }
    case 'global': {
      const { type, mutable } = module.globals[index];
      const value = type === TYPE.i64 ? 'i64' : type === TYPE.f64 ? 'f64' : 'i32';
      return new WebAssembly.Global({ value, mutable }, value === 'i64' ? 0n : 0);
    }
    default:
      return (...args: unknown[]) => {
        log.push(`${name}(${args.join()})`);
        const [result] = functionType(module, index).results;
        return result === TYPE.i64 ? 0n : 0;
      };
  }
}
