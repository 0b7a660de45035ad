import { createRowKernel } from '../abi/create-row-kernel.ts';
import { systemClock } from '../clock.ts';
import { builtinConnectors } from '../connectors/registry.ts';
import { createOperator } from '../dataflow/create-operator.ts';
import { createSandbox } from '../sandbox/create-sandbox.ts';
import { createStateTable } from '../state/create-state-table.ts';
import { openJobStorage } from './job-storage.ts';
import type { TaskParts } from './task-parts.ts';

/** The real parts, made once per thread. `directory` is the job's. */
export function createTaskParts(directory: string): TaskParts {
  return {
    clock: systemClock,
    connectors: builtinConnectors,
    sandbox: createSandbox(),
    kernel: createRowKernel(),
    createStateTable,
    createOperator,
    storage: openJobStorage(directory),
    yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
  };
}
