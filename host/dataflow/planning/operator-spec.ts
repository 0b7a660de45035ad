import assert from 'node:assert';
import type { KeySpec } from '../../model/key-spec.ts';
import type { RecordSchema } from '../../model/schema.ts';
import type { FunctionRef, OperatorSpec, StreamOperation } from '../plan.ts';
import { joinInputs, joinStamps } from './check-joins.ts';
import { windowStamps } from './check-windows.ts';
import { eventTimeSpec } from './event-time.ts';
import type { Records } from './infer-schemas.ts';
import type {
  DedupeNode,
  FunctionalNode,
  JoinNode,
  LookupNode,
  PlanNode,
  ProcessNode,
  SourceNode,
  StreamNode,
  TopNode,
  WindowedNode,
} from './node.ts';
import type { ResolvedFunction } from './resolve-functions.ts';
import type { Graph } from './resolve-graph.ts';
import { type Keys, rightKeyName } from './resolve-keys.ts';

export interface SpecParts {
  readonly graph: Graph;
  readonly records: Records;
  readonly functions: ReadonlyMap<string, ResolvedFunction>;
  readonly keys: Keys;
}

/** What runs at a node of a pipeline without findings. */
export function operatorSpec(node: PlanNode, parts: SpecParts): OperatorSpec {
  const record = parts.records.get(node.name);
  assert(record, `the record of "${node.name}" is known when there are no findings`);
  switch (node.kind) {
    case 'source':
      return sourceSpec(node, record, parts);
    case 'sink': {
      const { kind, id, connector, options } = node;
      return { kind, id, connector, options, schema: record };
    }
    case 'pass':
      return { kind: 'pass', id: node.id, schema: record };
    case 'stream':
      return { kind: 'stream', id: node.id, schema: record, operation: operationOf(node, record) };
    case 'dedupe':
    case 'top':
      return hostKeyedSpec(node, record, parts.keys.get(node.name));
    case 'sort': {
      const { kind, id, descending, sizeMs, offsetMs } = node;
      const by = node.by.map(({ name }) => indexOf(name, record));
      const readers = parts.graph.downstream.get(node.name) ?? [];
      const lateRead = readers.some(({ input }) => input.side === 'late');
      return { kind, id, schema: record, by, descending, sizeMs, offsetMs, lateRead };
    }
    case 'guest':
      return { kind: 'guest', ...functionParts(node, parts) };
    case 'keyed': {
      const key = parts.keys.get(node.name);
      const state = parts.functions.get(node.name)?.description.state;
      assert(key && state, `key and state of "${node.name}" are known when there are no findings`);
      return { kind: 'keyed', ...functionParts(node, parts), state, key, emit: node.emit };
    }
    case 'windowed':
      return windowedSpec(node, parts);
    case 'process':
      return processSpec(node, parts);
    case 'lookup':
      return lookupSpec(node, parts);
    case 'join':
      return joinSpec(node, parts, record);
    default:
      return node satisfies never;
  }
}

function windowedSpec(node: WindowedNode, parts: SpecParts): OperatorSpec {
  const key = parts.keys.get(node.name);
  assert(key, `the key of "${node.name}" is known when there are no findings`);
  const { kind, window, trigger, allowedLatenessMs } = node;
  const common = functionParts(node, parts);
  const readers = parts.graph.downstream.get(node.name) ?? [];
  return {
    ...common,
    kind,
    key,
    window,
    trigger,
    allowedLatenessMs,
    // What an apply keeps are the records themselves.
    state: parts.functions.get(node.name)?.description.state ?? common.input,
    lateRead: readers.some(({ input }) => input.side === 'late'),
    stamps: windowStamps(common.output),
  };
}

function joinSpec(node: JoinNode, parts: SpecParts, output: RecordSchema): OperatorSpec {
  const key = parts.keys.get(node.name);
  const rightKey = parts.keys.get(rightKeyName(node.name));
  const { left, right } = joinInputs(node, parts.graph, parts.records);
  assert(key && rightKey && left && right, `inputs of "${node.name}" are known without findings`);
  const readers = parts.graph.downstream.get(node.name) ?? [];
  const isRead = (side: string) => readers.some(({ input }) => input.side === side);
  const resolved = parts.functions.get(node.name);
  const { kind, id, type, how, onError, limits } = node;
  return {
    ...{ kind, id, type, how, key, rightKey, onError, limits },
    ...{ input: left, right, output },
    lateRead: { left: isRead('lateLeft'), right: isRead('lateRight') },
    stamps: joinStamps(node, output),
    ...(resolved === undefined ? {} : { function: functionRef(resolved) }),
  };
}

function lookupSpec(node: LookupNode, parts: SpecParts): OperatorSpec {
  const key = parts.keys.get(node.name);
  const rightKey = parts.keys.get(rightKeyName(node.name));
  const right = parts.functions.get(node.name)?.description.join?.right;
  assert(key && rightKey && right, `the key of "${node.name}" is known when there are no findings`);
  const { kind, type, connector, options, requests } = node;
  const common = functionParts(node, parts);
  return { ...common, ...{ kind, type, connector, options, requests, key, rightKey, right } };
}

function functionRef({ alias, description }: ResolvedFunction): FunctionRef {
  return { module: alias, name: description.name, kind: description.kind };
}

function processSpec(node: ProcessNode, parts: SpecParts): OperatorSpec {
  const key = parts.keys.get(node.name);
  const description = parts.functions.get(node.name)?.description;
  const process = description?.process;
  assert(key && process, `the key of "${node.name}" is known when there are no findings`);
  const secondKey = parts.keys.get(rightKeyName(node.name));
  const { kind, ttlMs } = node;
  const { state } = description;
  return { ...functionParts(node, parts), kind, key, secondKey, process, state, ttlMs };
}

function sourceSpec(node: SourceNode, schema: RecordSchema, parts: SpecParts): OperatorSpec {
  const { kind, id, connector, options, onMalformed } = node;
  const resolved = parts.functions.get(node.name);
  const eventTime = node.eventTime && eventTimeSpec(node.eventTime, schema, resolved);
  return { kind, id, connector, options, schema, onMalformed, eventTime };
}

function operationOf({ operation }: StreamNode, record: RecordSchema): StreamOperation {
  if (operation.kind !== 'split') return operation;
  const { sides, field } = operation;
  return { kind: 'split', fieldIndex: indexOf(field.name, record), sides };
}

function hostKeyedSpec(
  node: DedupeNode | TopNode,
  schema: RecordSchema,
  key: KeySpec | undefined,
): OperatorSpec {
  assert(key, `the key of "${node.name}" is known when there are no findings`);
  const { id } = node;
  if (node.kind === 'dedupe') return { kind: 'dedupe', id, schema, key, ttlMs: node.ttlMs };
  const { count, descending, emit } = node;
  const by = indexOf(node.by.name, schema);
  const rank = node.rank && indexOf(node.rank.name, schema);
  return { kind: 'top', id, schema, key, count, by, descending, rank, emit };
}

function indexOf(field: string, record: RecordSchema): number {
  return record.fields.findIndex((candidate) => candidate.name === field);
}

function functionParts(node: FunctionalNode, parts: SpecParts) {
  const resolved = parts.functions.get(node.name);
  assert(resolved, `the function of "${node.name}" is known when there are no findings`);
  const { description } = resolved;
  return {
    id: node.id,
    function: functionRef(resolved),
    input: description.input,
    output: description.output,
    onError: node.onError,
    limits: node.limits,
  };
}
