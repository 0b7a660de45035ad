import { createRowKernel } from '../../host/abi/create-row-kernel.ts';
import { systemClock } from '../../host/clock.ts';
import { builtinConnectors } from '../../host/connectors/registry.ts';
import { createOperator } from '../../host/dataflow/create-operator.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import type { TaskParts } from '../../host/runtime/task-parts.ts';
import type { CompiledModule } from '../../host/sandbox/guest.ts';
import { createStateTable } from '../../host/state/create-state-table.ts';
import { createLocalBlobStore } from '../../host/storage/local-blob-store.ts';
import { createFakeSandbox, type FakeFunction } from './fake-sandbox.ts';
import { gatedConnector } from './gated-connector.ts';
import { processFunctions } from './process-functions.ts';
import { WORD, wordFunctions } from './word-functions.ts';

/** The modules of a `JobBench`, by what their functions append to every word. */
export const MARKS: ReadonlyMap<string, string> = new Map([
  ['v1', ''],
  ['v2', '#2'],
  ['v3', '#3'],
  ['odd', ''],
]);

/** A record by which one can tell who it is and which version of `stamp` has seen it. */
const EVENT: RecordSchema = {
  name: 'Event',
  fields: [
    { name: 'id', type: { kind: 'i64' } },
    { name: 'version', type: { kind: 'string' } },
  ],
};

function functionsOf(digest: string): FakeFunction[] {
  const stamp: FakeFunction = {
    name: 'stamp',
    input: EVENT,
    output: EVENT,
    state: undefined,
    body: { map: (record) => ({ ...record, version: digest }) },
  };
  // `odd` fits nothing: what `stamp` and `words` are called is something else in it.
  if (digest === 'odd') return [{ ...stamp, output: WORD }, ...wordFunctions().slice(0, 2)];
  return [stamp, ...wordFunctions(MARKS.get(digest)), ...processFunctions()];
}

/** A module of a `JobBench`, as its sandbox compiles it. */
export function compiledModule(digest: string): CompiledModule {
  return createFakeSandbox().module(digest, functionsOf(digest));
}

/** The parts of a `JobBench`: real ones, but for guests in TypeScript. Worker threads load this file by name. */
export function createTaskParts(directory: string): TaskParts {
  const sandbox = createFakeSandbox();
  for (const digest of MARKS.keys()) sandbox.module(digest, functionsOf(digest));
  return {
    clock: systemClock,
    connectors: new Map([...builtinConnectors, ['gated', gatedConnector(directory)]]),
    sandbox,
    kernel: createRowKernel(),
    createStateTable,
    createOperator,
    storage: createLocalBlobStore(directory),
    yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
  };
}
