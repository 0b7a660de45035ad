import { createFileConnector } from '../../host/connectors/file/file-connector.ts';
import type { SinkFiles } from '../../host/connectors/file/sink-files.ts';
import { checkPipeline } from '../../host/dataflow/pipeline.ts';
import type { Plan, StepModules } from '../../host/dataflow/plan.ts';
import { planPipeline } from '../../host/dataflow/plan-pipeline.ts';
import type { RecordSchema } from '../../host/model/schema.ts';
import { createFakeSandbox, type FakeFunction, type FakeSandbox } from '../kit/fake-sandbox.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { processFunctions } from './process-step.ts';
import type { Random } from './random.ts';
import { simulatedSource } from './simulated-source.ts';

/** A record tells where it came from, what its key has seen, and who made it. */
export interface Event {
  readonly key: string;
  readonly source: string;
  readonly split: number;
  readonly offset: number;
  readonly value: number;
  readonly count: number;
  readonly sum: number;
  readonly stamp: string;
  readonly by: string;
  readonly pad: string;
}

const EVENT: RecordSchema = {
  name: 'Event',
  fields: [
    { name: 'key', type: { kind: 'string' } },
    { name: 'source', type: { kind: 'string' } },
    { name: 'split', type: { kind: 'i32' } },
    { name: 'offset', type: { kind: 'i32' } },
    { name: 'value', type: { kind: 'i32' } },
    { name: 'count', type: { kind: 'i32' } },
    { name: 'sum', type: { kind: 'i32' } },
    { name: 'stamp', type: { kind: 'string' } },
    { name: 'by', type: { kind: 'string' } },
    { name: 'pad', type: { kind: 'string' } },
  ],
};

/** A record with this key traps in `stamp`, and becomes a dead letter. */
export const POISON = 'poison';
/** A record with this value is the last of its key's state: the next begins anew. */
export const RESET = 10;
/** Versions of the module. `odd` fits no step. */
export const VERSIONS = ['v1', 'v2', 'v3', 'v4'] as const;
export const MISFIT = 'odd';

export const JOB = 'job';
export const JOB_DIRECTORY = '/data/job';
export const OUT_DIRECTORY = '/data/out';

/** What a seed runs: the input, and the shape of the pipeline. */
export interface Workload {
  /** Source → split → its records in order. */
  readonly input: ReadonlyMap<string, readonly (readonly Event[])[]>;
  readonly emit: 'record' | 'end';
  /** A second sink takes what `stamp` puts out. */
  readonly raw: boolean;
  readonly rollBytes: number | undefined;
  readonly checkpoint: Plan['checkpoint'];
  readonly keyGroups: number;
  /** The step with state is a process function, not a reduce. */
  readonly process: boolean;
}

export function createWorkload(random: Random): Workload {
  const sources = random.chance(0.2) ? ['left', 'right'] : ['left'];
  const keys = random.between(1, 8);
  const padded = random.chance(0.06);
  const poisoned = random.chance(0.25);
  const splits = random.between(1, 3);
  const records = random.between(10, 60);
  const emit = random.chance(0.85) ? 'record' : 'end';
  // What is left at the end would depend on who comes last.
  const resets = emit === 'record' && random.chance(0.6);
  const event = (source: string, split: number, offset: number): Event => {
    const value = resets && random.chance(0.15) ? RESET : random.between(1, 9);
    const poison = poisoned && random.chance(0.06);
    return {
      key: poison ? POISON : `k${random.between(1, keys)}`,
      source,
      split,
      offset,
      value,
      count: 1,
      sum: value,
      stamp: '',
      by: '',
      pad: padded && random.chance(0.4) ? 'x'.repeat(random.between(1, 40_000)) : '',
    };
  };
  return {
    input: new Map(
      sources.map((source) => [
        source,
        Array.from({ length: splits }, (_, split) =>
          Array.from({ length: random.between(0, records) }, (_, offset) =>
            event(source, split, offset),
          ),
        ),
      ]),
    ),
    emit,
    raw: random.chance(0.3),
    rollBytes: random.chance(0.2) ? random.between(200, 2000) : undefined,
    checkpoint: {
      everyMs: random.chance(0.9) ? random.between(10, 80) : undefined,
      timeoutMs: random.between(200, 1500),
      retained: random.between(1, 3),
      minPauseMs: random.chance(0.2) ? random.between(1, 60) : 0,
      unaligned: random.chance(0.4),
    },
    keyGroups: random.pick([4, 7, 16]),
    process: random.chance(emit === 'end' ? 0.6 : 0.25),
  };
}

function functionsOf(digest: string): FakeFunction[] {
  const event = { input: EVENT, output: EVENT };
  const stamp: FakeFunction = {
    ...event,
    name: 'stamp',
    state: undefined,
    body: {
      map: (record, guest) => {
        if (record.key === POISON) guest.trap('poison');
        return { ...record, stamp: digest };
      },
    },
  };
  const sum: FakeFunction = {
    ...event,
    name: 'sum',
    state: EVENT,
    body: {
      reduce: (state, record) => {
        const before = state.value === RESET ? { count: 0, sum: 0 } : state;
        return {
          ...record,
          count: (before.count as number) + 1,
          sum: (before.sum as number) + (record.value as number),
          by: digest,
        };
      },
    },
  };
  return digest === MISFIT
    ? [{ ...stamp, name: 'sum' }]
    : [stamp, sum, ...processFunctions(EVENT, { digest, reset: RESET })];
}

/** A sandbox with every version in it. Module bytes are the version's name. */
export function createVersions(): FakeSandbox {
  const sandbox = createFakeSandbox();
  for (const version of [...VERSIONS, MISFIT]) sandbox.module(version, functionsOf(version));
  return sandbox;
}

const MODULE = {
  ref: 'text@v1',
  digest: 'v1',
  description: createFakeSandbox().module('v1', functionsOf('v1')).description,
};

/** Sources of a simulation are read elsewhere; a plan only needs to know that they are there. */
const PLANNING_CONNECTORS = new Map([
  ['events', simulatedSource(EVENT).planned],
  ['file', createFileConnector({ files: {} as SinkFiles, clock: new ManualClock() })],
]);

const planned = new Map<string, { readonly plan: Plan; readonly modules: StepModules }>();

/** The plan of a workload at some parallelism. Planning is slow, and there are few shapes. */
export function planOf(
  workload: Workload,
  parallelism: number,
): { readonly plan: Plan; readonly modules: StepModules } {
  const { emit, raw, rollBytes, keyGroups, checkpoint, input, process } = workload;
  const sources = [...input.keys()];
  const shape = JSON.stringify([emit, process, raw, rollBytes, keyGroups, sources, parallelism]);
  let made = planned.get(shape);
  if (made === undefined) {
    made = makePlan(workload, parallelism);
    if (rollBytes === undefined) planned.set(shape, made);
  }
  return { plan: { ...made.plan, checkpoint }, modules: made.modules };
}

function makePlan(workload: Workload, parallelism: number) {
  const { emit, raw, rollBytes, keyGroups, input, process } = workload;
  const keyed = { from: 'stamp', key: 'key' };
  const sources = [...input.keys()];
  const file = { connector: 'file', format: 'json', ...(rollBytes ? { rollBytes } : {}) };
  return planPipeline(
    checkPipeline({
      name: JOB,
      keyGroups,
      modules: { text: 'text@v1' },
      sources: Object.fromEntries(sources.map((name) => [name, { connector: 'events', of: name }])),
      steps: {
        stamp: { map: 'text.stamp', from: sources, onError: 'deadLetter' },
        sum: process
          ? { process: emit === 'record' ? 'text.each' : 'text.last', ...keyed }
          : { reduce: 'text.sum', ...keyed, emit },
      },
      sinks: {
        out: { from: 'sum', ...file, path: 'out' },
        ...(raw ? { raw: { from: 'stamp', ...file, path: 'raw' } } : {}),
      },
    }),
    {
      modules: new Map([['text', MODULE]]),
      connectors: PLANNING_CONNECTORS,
      baseDirectory: OUT_DIRECTORY,
      parallelism,
    },
  );
}

export { EVENT as EVENT_SCHEMA };
