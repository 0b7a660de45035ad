import { MillraceError } from '../errors.ts';
import { abortMessage } from './abort-message.ts';
import { WASI_MODULE } from './allowed-imports.ts';
import type { CallLog } from './call-log.ts';
import { GuestStop } from './guest-failure.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { ModuleFacts } from './module-facts.ts';
import { MEMORY_IMPORT } from './rewrite/rewrite-module.ts';
import { createWasiWorld } from './wasi-world.ts';

/** Where the imports lead. Numbers are as the guest passed them, signed. */
export interface ImportTargets {
  readonly memory: GuestMemory;
  readonly log: CallLog;
  emit(address: number, length: number, count: number, last: number): void;
  state(address: number, length: number, count: number): void;
  /** Those of process functions, by name. */
  readonly process: readonly (readonly [string, (...args: number[]) => number | undefined])[];
}

type Namespace = Record<string, unknown>;

/**
 * The imports object of one instance: what the module asks for and nothing else, objects without a
 * prototype on both levels, so that no name leads to something of the host.
 */
export function createImports(facts: ModuleFacts, targets: ImportTargets): WebAssembly.Imports {
  const imports: Record<string, Namespace> = Object.create(null);
  const own = ownFunctions(targets);
  const wasi = facts.wasi ? createWasiWorld(targets.memory, targets.log) : undefined;
  const namespace = (module: string): Namespace => {
    imports[module] ??= Object.create(null) as Namespace;
    return imports[module];
  };
  namespace(MEMORY_IMPORT[0])[MEMORY_IMPORT[1]] = targets.memory.memory;
  for (const { module, name } of facts.imports) {
    const found = module === WASI_MODULE ? wasi?.get(name) : own.get(`${module}.${name}`);
    if (found === undefined) {
      throw new MillraceError('INTERNAL', `the sandbox has no function for ${module}.${name}`);
    }
    namespace(module)[name] = found;
  }
  return imports as WebAssembly.Imports;
}

function ownFunctions({ memory, log, emit, state, process }: ImportTargets) {
  return new Map<string, (...args: number[]) => unknown>([
    ...process,
    ['millrace.emit', emit],
    ['millrace.state', state],
    ['millrace.log', (level, address, length) => log.write(level, address >>> 0, length >>> 0)],
    [
      'env.abort',
      (message, file, line, column) => {
        const text = abortMessage(memory.memory, { message, file }, { line, column });
        throw new GuestStop(`abort: ${text}`);
      },
    ],
  ]);
}
