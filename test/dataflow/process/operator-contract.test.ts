import { operatorContract } from '../../contracts/operator.ts';
import { createFakeSandbox } from '../../kit/fake-sandbox.ts';
import { createOperatorBench } from '../../kit/operator-bench.ts';
import { COMMAND, commandFunction, SPEC } from '../../kit/process-commands.ts';

const command = (key: string, op: string, arg = 1) => ({ key, op, arg: BigInt(arg) });

operatorContract('process on a fake guest', {
  input: COMMAND,
  batches: [
    [command('a', 'inc'), command('b', 'push', 5), command('a', 'put', 3)],
    [command('c', 'timer', 7)],
    [command('a', 'inc'), command('b', 'push', 6), command('a', 'put', 4), command('b', 'pages')],
  ],
  create(range) {
    const sandbox = createFakeSandbox();
    const module = sandbox.module('v1', [commandFunction()]);
    const options = { spec: SPEC, sandbox, module };
    return createOperatorBench(range === undefined ? options : { ...options, range });
  },
});
