import type { z } from 'zod';
import type { ConnectorOptions } from '../../connectors/connector.ts';
import { FUEL_PER_RECORD_DEFAULT, MEMORY_PAGES_MAX, OUTPUT_BYTES_MAX } from '../../limits.ts';
import { parseDuration, parseSize } from '../../model/quantity.ts';
import type { GuestLimits } from '../../sandbox/guest.ts';
import type { errorPolicySchema } from '../document/error-policy-schema.ts';
import { SINK_KEYS } from '../document/sink-schema.ts';
import { SOURCE_KEYS } from '../document/source-schema.ts';
import { PAGE_BYTES } from '../document/steps/step-options.ts';
import type { DocumentPath } from '../finding.ts';
import type { Pipeline } from '../pipeline.ts';
import type { ErrorPolicy } from '../plan.ts';
import type { KeyNames, NodeInput, PlanNode, SinkNode, SourceNode } from './node.ts';

type Step = NonNullable<Pipeline['steps']>[string];
type GuestStep = Exclude<Step, { keyBy: unknown } | { union: unknown }>;

/** Everything the document declares, in its order: sources, steps, sinks. */
export function readNodes(pipeline: Pipeline): PlanNode[] {
  return [
    ...Object.entries(pipeline.sources).map(([name, source]) => sourceNode(name, source)),
    ...Object.entries(pipeline.steps ?? {}).map(([name, step]) => stepNode(name, step)),
    ...Object.entries(pipeline.sinks).map(([name, sink]) => sinkNode(name, sink)),
  ];
}

function sourceNode(name: string, source: Pipeline['sources'][string]): SourceNode {
  const { eventTime } = source;
  return {
    kind: 'source',
    name,
    id: name,
    path: ['sources', name],
    inputs: [],
    parallelism: source.parallelism,
    connector: source.connector,
    options: optionsOf(source, SOURCE_KEYS),
    record: source.record,
    onMalformed: source.onError ?? 'fail',
    eventTime: eventTime && {
      field: eventTime.field,
      outOfOrdernessMs: durationMs(eventTime.outOfOrderness) ?? 0,
      idleMs: durationMs(eventTime.idle),
    },
  };
}

function sinkNode(name: string, sink: Pipeline['sinks'][string]): SinkNode {
  const path = ['sinks', name];
  return {
    kind: 'sink',
    name,
    id: name,
    path,
    inputs: inputsAt([...path, 'from'], sink.from),
    parallelism: sink.parallelism,
    connector: sink.connector,
    options: optionsOf(sink, SINK_KEYS),
  };
}

function stepNode(name: string, step: Step): PlanNode {
  const path = ['steps', name];
  const base = { name, id: step.uid ?? name, path, parallelism: step.parallelism };
  if ('union' in step) {
    const inputs = inputsAt([...path, 'union'], step.union);
    return { ...base, kind: 'pass', inputs, key: undefined };
  }
  const inputs = inputsAt([...path, 'from'], step.from);
  if ('keyBy' in step) {
    return { ...base, kind: 'pass', inputs, key: keyAt([...path, 'keyBy'], step.keyBy) };
  }
  const guest = { ...base, inputs, onError: errorPolicy(step.onError), limits: guestLimits(step) };
  if ('map' in step) {
    return { ...guest, kind: 'guest', functionKind: 'map', reference: step.map };
  }
  if ('filter' in step) {
    return { ...guest, kind: 'guest', functionKind: 'filter', reference: step.filter };
  }
  if ('flatMap' in step) {
    return { ...guest, kind: 'guest', functionKind: 'flatMap', reference: step.flatMap };
  }
  const key = step.key === undefined ? undefined : keyAt([...path, 'key'], step.key);
  const keyed = { ...guest, kind: 'keyed', key, emit: step.emit ?? 'record' } as const;
  return 'reduce' in step
    ? { ...keyed, functionKind: 'reduce', reference: step.reduce }
    : { ...keyed, functionKind: 'aggregate', reference: step.aggregate };
}

function optionsOf(entry: { readonly [key: string]: unknown }, own: readonly string[]) {
  const options = Object.entries(entry).filter(([key]) => !own.includes(key));
  return Object.fromEntries(options) as ConnectorOptions;
}

/** What a step or sink reads: names, each with the side output it means, if any. */
function inputsAt(path: DocumentPath, names: string | readonly string[]): NodeInput[] {
  return namesAt(path, names).map((input) => {
    const colon = input.name.indexOf(':');
    if (colon < 0) return input;
    const side = input.name.slice(colon + 1);
    return { name: input.name.slice(0, colon), side, path: input.path };
  });
}

/** A name has the path of its `from`, a name in a list its index as well. */
function namesAt(path: DocumentPath, names: string | readonly string[]): NodeInput[] {
  if (typeof names === 'string') return [{ name: names, path }];
  return names.map((name, i) => ({ name, path: [...path, i] }));
}

function keyAt(path: DocumentPath, names: string | readonly string[]): KeyNames {
  return { names: namesAt(path, names), path };
}

function errorPolicy(policy: z.infer<typeof errorPolicySchema> | undefined): ErrorPolicy {
  const retried = typeof policy === 'object' ? policy : undefined;
  return {
    retries: retried?.retry ?? 0,
    backoffMs: durationMs(retried?.backoff) ?? 0,
    // biome-ignore lint/suspicious/noThenProperty: a word of the document, never callable
    then: typeof policy === 'object' ? policy.then : (policy ?? 'fail'),
  };
}

function guestLimits(step: GuestStep): GuestLimits {
  const { fuelPerRecord, memory, output } = step.limits ?? {};
  return {
    fuelPerRecord: fuelPerRecord ?? FUEL_PER_RECORD_DEFAULT,
    memoryPages:
      memory === undefined ? MEMORY_PAGES_MAX : Math.ceil(sizeBytes(memory) / PAGE_BYTES),
    outputBytes: output === undefined ? OUTPUT_BYTES_MAX : sizeBytes(output),
  };
}

// The schema has read these texts before: they are durations and sizes.
export function durationMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}

function sizeBytes(text: string): number {
  return parseSize(text) ?? 0;
}
