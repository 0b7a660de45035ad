import { decodeRewriteNote } from '../../host/sandbox/rewrite/offset-map.ts';
import {
  DEPTH_EXPORT,
  FUEL_EXPORT,
  MEMORY_IMPORT,
  REFUEL_EXPORT,
  START_EXPORT,
} from '../../host/sandbox/rewrite/rewrite-module.ts';
import { rewritten } from './parse-and-rewrite.ts';

export interface MeteredRun {
  /** What the call returned, or the message of its trap. */
  readonly outcome: unknown;
  readonly fuel: number;
  /** Fuel and depth left, negative when they ran out. */
  readonly fuelLeft: number;
  readonly depthLeft: number;
}

export interface MeteredInstance {
  readonly memory: WebAssembly.Memory;
  readonly exports: WebAssembly.Exports;
  run(name: string, args?: readonly unknown[], budget?: number): MeteredRun;
}

type Call = (...args: unknown[]) => unknown;

/** Budget of a run unless it says otherwise. */
export const AMPLE_FUEL = 100_000_000;

/** An instance of the rewritten module, with the memory it asks for and these imports, started. */
export function meteredInstance(
  bytes: Uint8Array,
  imports: WebAssembly.Imports = {},
  pagesMax = 1024,
): MeteredInstance {
  const code = rewritten(bytes);
  if (code === undefined) throw new Error('the parser refuses the module');
  const module = new WebAssembly.Module(code);
  const [from, name] = MEMORY_IMPORT;
  const memory = new WebAssembly.Memory(memoryOf(module, pagesMax));
  const all = { ...imports, [from]: { ...imports[from], [name]: memory } };
  const { exports } = new WebAssembly.Instance(module, all);
  const call = (exported: string, ...args: unknown[]) => (exports[exported] as Call)(...args);
  if (START_EXPORT in exports) call(START_EXPORT);
  return {
    memory,
    exports,
    run(exported, args = [], budget = AMPLE_FUEL) {
      call(REFUEL_EXPORT, budget);
      const outcome = outcomeOf(() => call(exported, ...args));
      const fuelLeft = Number(call(FUEL_EXPORT));
      const depthLeft = Number(call(DEPTH_EXPORT));
      return { outcome, fuel: budget - fuelLeft, fuelLeft, depthLeft };
    },
  };
}

/** What a call returns, or the message of what it throws. */
export function outcomeOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (thrown) {
    return thrown instanceof Error ? `trap: ${thrown.message}` : thrown;
  }
}

/** The memory that the module asks for; the engine says so only when it is given another. */
function memoryOf(module: WebAssembly.Module, pagesMax: number): WebAssembly.MemoryDescriptor {
  const [from, name] = MEMORY_IMPORT;
  const wanted = WebAssembly.Module.imports(module).some(
    (entry) => entry.module === from && entry.name === name,
  );
  if (!wanted) return { initial: 0, maximum: pagesMax };
  const [section] = WebAssembly.Module.customSections(module, 'millrace.rewrite');
  const { memoryMinimum, memoryMaximum } = decodeRewriteNote(new Uint8Array(section));
  return { initial: memoryMinimum, maximum: Math.min(pagesMax, memoryMaximum) };
}
