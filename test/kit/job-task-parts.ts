import { createRowKernel } from '../../host/abi/create-row-kernel.ts';
import { systemClock } from '../../host/clock.ts';
import { builtinConnectors } from '../../host/connectors/registry.ts';
import { createOperator } from '../../host/dataflow/create-operator.ts';
import type { TaskParts } from '../../host/runtime/task-parts.ts';
import type { CompiledModule } from '../../host/sandbox/guest.ts';
import { createStateTable } from '../../host/state/create-state-table.ts';
import { createLocalBlobStore } from '../../host/storage/local-blob-store.ts';
import { createFakeSandbox } from './fake-sandbox.ts';
import { wordFunctions } from './word-functions.ts';

/** The modules of a `JobBench`, by what their functions append to every word. */
export const MARKS: ReadonlyMap<string, string> = new Map([
  ['v1', ''],
  ['v2', '#2'],
  ['v3', '#3'],
]);

/** A module of a `JobBench`, as its sandbox compiles it. */
export function compiledModule(digest: string): CompiledModule {
  return createFakeSandbox().module(digest, wordFunctions(MARKS.get(digest)));
}

/** The parts of a `JobBench`: real ones, but for guests in TypeScript. Worker threads load this file by name. */
export function createTaskParts(directory: string): TaskParts {
  const sandbox = createFakeSandbox();
  for (const [digest, mark] of MARKS) sandbox.module(digest, wordFunctions(mark));
  return {
    clock: systemClock,
    connectors: builtinConnectors,
    sandbox,
    kernel: createRowKernel(),
    createStateTable,
    createOperator,
    storage: createLocalBlobStore(directory),
    yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
  };
}
