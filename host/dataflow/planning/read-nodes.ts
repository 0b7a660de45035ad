import type { ConnectorOptions } from '../../connectors/connector.ts';
import { SINK_KEYS } from '../document/sink-schema.ts';
import { SOURCE_KEYS } from '../document/source-schema.ts';
import type { Pipeline } from '../pipeline.ts';
import { eventTimeNode } from './event-time.ts';
import type { PlanNode, SinkNode, SourceNode } from './node.ts';
import { inputsAt } from './node-parts.ts';
import { stepNode } from './step-node.ts';

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
    eventTime: eventTime && eventTimeNode(eventTime),
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

function optionsOf(entry: { readonly [key: string]: unknown }, own: readonly string[]) {
  const options = Object.entries(entry).filter(([key]) => !own.includes(key));
  return Object.fromEntries(options) as ConnectorOptions;
}
