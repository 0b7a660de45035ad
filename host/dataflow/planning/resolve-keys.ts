import type { KeyField, KeySpec } from '../../model/key-spec.ts';
import { formatType, type RecordSchema, type ValueType } from '../../model/schema.ts';
import type { Finding } from '../finding.ts';
import { unknownField } from './infer-schemas.ts';
import { isKeyFed, type KeyFedNode, type KeyNames, type PlanNode } from './node.ts';
import type { Graph } from './resolve-graph.ts';

/** Keys by node: of keyed steps the key of their state, of other nodes the key their output is dealt by. */
export type Keys = ReadonlyMap<string, KeySpec>;

/** Under which the key of a second input stands; that of the first stands under the step's name. */
export function rightKeyName(step: string): string {
  return `${step}:right`;
}

/**
 * Resolves the keys of steps that are fed by key and of `keyBy`. Finds fields that do not exist or cannot be
 * a key, and keyed steps without one. `inputs` is the record that reaches a node.
 */
export function resolveKeys(
  graph: Graph,
  inputs: (node: PlanNode) => RecordSchema | undefined,
  findings: Finding[],
): Keys {
  const keys = new Map<string, KeySpec>();
  /** Nodes that have a key which is wrong: their readers are not told that they lack one. */
  const broken = new Set<string>();
  for (const node of graph.order) {
    const key = keyOf(node, { graph, inputs, keys, broken }, findings);
    if (key !== undefined) keys.set(node.name, key);
  }
  return keys;
}

interface KeyScope {
  readonly graph: Graph;
  readonly inputs: (node: PlanNode) => RecordSchema | undefined;
  readonly keys: Map<string, KeySpec>;
  readonly broken: Set<string>;
}

function keyOf(node: PlanNode, scope: KeyScope, findings: Finding[]): KeySpec | undefined {
  if (!isKeyFed(node) && node.kind !== 'pass') return undefined;
  if (node.key !== undefined) {
    const record = scope.inputs(node);
    const key = record === undefined ? undefined : ownKey(node, node.key, record, findings);
    if (key === undefined) scope.broken.add(node.name);
    return key;
  }
  const all = scope.graph.upstream.get(node.name) ?? [];
  const links = all.filter(({ input }) => input.input !== 1);
  const streams = links.map(({ from }) => (from.kind === 'pass' ? from : undefined));
  const keys = streams.map((from) => (from === undefined ? undefined : scope.keys.get(from.name)));
  const [first] = keys;
  if (first !== undefined && keys.every((key) => key !== undefined && sameKey(key, first))) {
    return first;
  }
  if (streams.some((from) => from !== undefined && scope.broken.has(from.name))) {
    scope.broken.add(node.name);
  } else if (node.kind !== 'pass' && links.length > 0) {
    findings.push(keyless(node, keys));
  }
  return undefined;
}

function keyless(node: KeyFedNode, keys: readonly (KeySpec | undefined)[]): Finding {
  const path = [...node.path, 'key'];
  if (keys.every((key) => key !== undefined)) {
    return { path, message: 'its inputs are keyed by different fields: give the step a key' };
  }
  const what = 'functionKind' in node ? node.functionKind : 'topN';
  const article = what.startsWith('a') ? 'an' : 'a';
  const message = `is missing: ${article} ${what} needs a key, its own or that of a keyBy step right before it`;
  return { path, message };
}

function ownKey(
  node: PlanNode,
  key: KeyNames | 'all',
  record: RecordSchema,
  findings: Finding[],
): KeySpec | undefined {
  if (key !== 'all') return keySpec(key, record, findings);
  const path = [...node.path, 'distinct'];
  return keySpec(
    { names: record.fields.map(({ name }) => ({ name, path })), path },
    record,
    findings,
  );
}

/** The key of these fields of a record. Finds fields that do not exist or cannot be a key. */
export function keySpec(
  key: KeyNames,
  record: RecordSchema,
  findings: Finding[],
): KeySpec | undefined {
  const before = findings.length;
  const fields: KeyField[] = [];
  for (const { name, path } of key.names) {
    const index = record.fields.findIndex((field) => field.name === name);
    if (index < 0) {
      findings.push({ path, message: unknownField(name, record) });
      continue;
    }
    const field = keyField(name, index, record.fields[index].type);
    if (field === undefined) {
      const type = formatType(record.fields[index].type);
      const message = `field "${name}" of type ${type} cannot be a key: floats, lists and records have no equality of bytes`;
      findings.push({ path, message });
    } else if (fields.some((other) => other.index === index)) {
      findings.push({ path, message: `field "${name}" stands twice` });
    } else {
      fields.push(field);
    }
  }
  return findings.length === before ? { fields, slots: record.fields.length } : undefined;
}

function keyField(name: string, index: number, type: ValueType): KeyField | undefined {
  const optional = type.kind === 'optional';
  const inner = type.kind === 'optional' ? type.of : type;
  switch (inner.kind) {
    case 'optional':
    case 'list':
    case 'record':
    case 'f32':
    case 'f64':
      return undefined;
    default:
      return { name, index, kind: inner.kind, optional };
  }
}

function sameKey(a: KeySpec, b: KeySpec): boolean {
  return (
    a.fields.length === b.fields.length &&
    a.fields.every((field, i) => field.index === b.fields[i].index)
  );
}
