import { describe, expect, test } from 'vitest';
import { builtinConnectors } from '../../../host/connectors/registry.ts';
import { checkPipeline } from '../../../host/dataflow/pipeline.ts';
import { planPipeline } from '../../../host/dataflow/plan-pipeline.ts';
import { MillraceError } from '../../../host/errors.ts';
import { createFakeSandbox } from '../../kit/fake-sandbox.ts';
import { commandFunction, SPEC } from '../../kit/process-commands.ts';
import { processFunctions } from '../../kit/process-functions.ts';
import { ProcessTasks } from '../../kit/process-tasks.ts';
import { wordFunctions } from '../../kit/word-functions.ts';

const { description } = createFakeSandbox().module('v1', [
  ...processFunctions(),
  ...wordFunctions(),
]);

/** The plan of clicks and words into one process step. */
function plan(step: object, sinks: object = { out: { from: 'step', connector: 'memory' } }) {
  const generated = (record: string) => ({
    connector: 'generator',
    record: `m.${record}`,
    count: 1,
  });
  const pipeline = checkPipeline({
    name: 'p',
    modules: { m: 'm@1' },
    sources: { clicks: generated('Click'), words: generated('Word') },
    steps: { step, all: { union: ['clicks'] }, others: { union: ['words'] } },
    sinks: {
      ...sinks,
      rest: { from: 'all', connector: 'memory' },
      left: { from: 'others', connector: 'memory' },
    },
  });
  return planPipeline(pipeline, {
    modules: new Map([['m', { ref: 'm@1', digest: 'v1', description }]]),
    connectors: builtinConnectors,
    baseDirectory: '/',
    parallelism: 2,
  }).plan;
}

function findings(step: object, sinks?: object): readonly string[] {
  try {
    plan(step, sinks);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof MillraceError)) throw thrown;
    return thrown.details;
  }
}

const pair = { coProcess: 'm.pair', left: 'clicks', right: 'clicks' };

describe('plans of process steps', () => {
  test('deal both inputs of a coProcess by key, and the second of a broadcastProcess to all', () => {
    const edgesOf = (step: object) => {
      const { edges, chains } = plan(step);
      const id = chains.find(({ operators }) => operators[0].kind === 'process')?.id;
      return edges
        .filter(({ to }) => to === id)
        .map(({ partitioning, input }) => [input ?? 0, partitioning.kind]);
    };
    expect(edgesOf({ ...pair, on: { left: 'user', right: 'id' } })).toEqual([
      [0, 'key'],
      [1, 'key'],
    ]);
    const rated = { broadcastProcess: 'm.rated', from: 'clicks', key: 'user', broadcast: 'words' };
    expect(edgesOf(rated)).toEqual([
      [0, 'key'],
      [1, 'broadcast'],
    ]);
    expect(edgesOf({ process: 'm.tally', from: 'clicks', key: 'user', ttl: '1h' })).toEqual([
      [0, 'key'],
    ]);
  });

  const cases: readonly (readonly [string, object, string])[] = [
    [
      'no key',
      { process: 'm.tally', from: 'clicks' },
      'steps.step.key: is missing: a process needs a key',
    ],
    [
      'a key that is no field',
      { process: 'm.tally', from: 'clicks', key: 'usr' },
      'did you mean "user"?',
    ],
    [
      'a function of another kind',
      { process: 'm.pair', from: 'clicks', key: 'user' },
      'm.pair is a coProcess, not a process',
    ],
    ['no keys of a coProcess', pair, 'steps.step.on: is missing'],
    [
      'one key of a coProcess',
      { ...pair, on: { left: 'user' } },
      'steps.step.on.right: is missing',
    ],
    [
      'keys of other types',
      { ...pair, on: { left: 'user', right: 'at' } },
      'steps.step.on.right: the key is timestamp, but on the left i64',
    ],
    [
      'another record on the right',
      { ...pair, right: 'words', on: { left: 'user', right: 'user' } },
      'steps.step.right: "words" yields Word',
    ],
    [
      'another record on the broadcast input',
      { broadcastProcess: 'm.rated', from: 'clicks', key: 'user', broadcast: 'clicks' },
      'steps.step.broadcast: "clicks" yields Click',
    ],
    [
      'a time to live of nothing',
      { process: 'm.tally', from: 'clicks', key: 'user', ttl: '0s' },
      'steps.step.ttl: expected a duration',
    ],
    [
      'a negative time to live',
      { process: 'm.tally', from: 'clicks', key: 'user', ttl: '-1h' },
      'steps.step.ttl: expected a duration',
    ],
    [
      'an unknown key',
      { process: 'm.tally', from: 'clicks', key: 'user', tll: '1h' },
      'steps.step.tll: unknown key, did you mean "ttl"?',
    ],
  ];
  test.each(cases)('are refused for %s', (_, step, finding) => {
    expect(findings(step).join('\n')).toContain(finding);
  });

  test('know the side outputs that the function declares', () => {
    const step = { process: 'm.tally', from: 'clicks', key: 'user' };
    const sinks = (from: string) => ({ out: { from, connector: 'memory' } });
    expect(findings(step, sinks('step:seen'))).toEqual([]);
    expect(findings(step, sinks('step:sen')).join()).toContain(
      'no side output "sen", did you mean "seen"?',
    );
  });
});

describe('another version of a process function', () => {
  const other = commandFunction();
  const sandbox = createFakeSandbox();
  const v1 = sandbox.module('v1', [commandFunction()]);
  const v2 = sandbox.module('v2', [
    {
      ...other,
      body: {
        process: {
          kind: 'process',
          process: ({ key }, context) => context.emit({ key, text: `v2 ${context.get('count')}` }),
        },
      },
    },
  ]);
  const at = (key: string) => ({ record: { key, op: 'inc', arg: 0n }, time: 0n });

  test('takes over with the states of the one before, where it is swapped in', () => {
    const tasks = new ProcessTasks({ spec: SPEC, sandbox, module: v1 }, 2);
    tasks.feed([at('a'), at('a')]);
    for (const task of tasks.tasks) task.stage(v2);
    tasks.feed([at('a')]);
    for (const task of tasks.tasks) task.swap();
    tasks.feed([at('a')]);
    expect(tasks.take().map(({ record }) => record.text)).toEqual([
      ...['count 1', 'count 2', 'count 3', 'v2 3'],
    ]);
  });

  test('is refused with other states, maps or side outputs', () => {
    const tasks = new ProcessTasks({ spec: SPEC, sandbox, module: v1 }, 1);
    const process = SPEC.process;
    const changed = [
      { ...process, maps: [] },
      { ...process, sides: [] },
      { ...process, metrics: [] },
    ].map((one, i) => sandbox.module(`odd ${i}`, [{ ...other, process: one }]));
    const stateless = sandbox.module('odd', [{ ...other, state: undefined }]);
    for (const module of [...changed, stateless]) {
      expect(() => tasks.tasks[0].stage(module)).toThrow(
        expect.objectContaining({ code: 'UPDATE_REFUSED' }),
      );
    }
  });
});
