import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileAssemblyScript } from '../../../guest-sdk/assemblyscript/compile.ts';
import { createSandbox } from '../../../host/sandbox/create-sandbox.ts';
import { checkAgainstOracle, processSteps } from '../../kit/process-check.ts';
import { SPEC } from '../../kit/process-commands.ts';
import { ProcessTasks } from '../../kit/process-tasks.ts';

const path = join(import.meta.dirname, '../../guest-sdk/udfs/process.udf.ts');
const { wasm } = await compileAssemblyScript({ path });
const sandbox = createSandbox();
const module = await sandbox.compile(wasm);

test('declares its states, side outputs and metrics as the host describes them', () => {
  const found = module.description.functions.find(({ name }) => name === 'Commands');
  expect(found?.process).toEqual(SPEC.process);
  expect(found?.state).toEqual(SPEC.state);
});

for (const parallelism of [1, 3]) {
  test(`a compiled process function equals one that knows no batches, in ${parallelism} tasks`, () => {
    const spec = { ...SPEC, function: { ...SPEC.function, name: 'Commands' } };
    const run = fc.property(processSteps, (steps) => {
      checkAgainstOracle(steps, new ProcessTasks({ spec, sandbox, module }, parallelism));
    });
    fc.assert(run, { numRuns: 300 });
  });
}
