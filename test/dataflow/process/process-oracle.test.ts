import fc from 'fast-check';
import { describe, test } from 'vitest';
import { createEngineStateTable } from '../../../host/state/engine-state-table.ts';
import { createHeapTimerTable } from '../../../host/state/heap-timer-table.ts';
import { createMapStateTable } from '../../../host/state/map-state-table.ts';
import { createMapTimerTable } from '../../../host/state/map-timer-table.ts';
import { createFakeSandbox } from '../../kit/fake-sandbox.ts';
import { checkAgainstOracle, processSteps } from '../../kit/process-check.ts';
import { commandFunction, SPEC } from '../../kit/process-commands.ts';
import { ProcessTasks } from '../../kit/process-tasks.ts';

const LIVES = [
  ['map', createMapStateTable, createMapTimerTable],
  ['engine', createEngineStateTable, createHeapTimerTable],
] as const;

describe('a process function equals one that knows no batches', () => {
  for (const [name, createStateTable, createTimerTable] of LIVES) {
    for (const parallelism of [1, 3]) {
      test(`with the ${name} tables, in ${parallelism} tasks`, () => {
        const sandbox = createFakeSandbox();
        const module = sandbox.module('v1', [commandFunction()]);
        const options = { spec: SPEC, sandbox, module, createStateTable, createTimerTable };
        const run = fc.property(processSteps, (steps) => {
          checkAgainstOracle(steps, new ProcessTasks(options, parallelism));
        });
        fc.assert(run, { numRuns: 600 });
      });
    }
  }
});
