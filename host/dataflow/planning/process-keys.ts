import type { KeyField, KeySpec } from '../../model/key-spec.ts';
import type { Finding } from '../finding.ts';
import type { ProcessNode } from './node.ts';
import type { ResolvedFunction } from './resolve-functions.ts';
import type { Graph } from './resolve-graph.ts';
import { type Keys, keySpec, rightKeyName } from './resolve-keys.ts';

/** Keys of the second inputs of coProcess steps. Finds keys of two inputs whose bytes could not be equal. */
export function resolveSecondKeys(
  graph: Graph,
  functions: ReadonlyMap<string, ResolvedFunction>,
  { keys, findings }: { readonly keys: Keys; readonly findings: Finding[] },
): Keys {
  const seconds = new Map<string, KeySpec>();
  for (const node of graph.nodes) {
    if (node.kind !== 'process' || node.secondKey === undefined) continue;
    const record = functions.get(node.name)?.description.process?.second;
    if (record === undefined) continue;
    const second = keySpec(node.secondKey, record, findings);
    const first = keys.get(node.name);
    if (second === undefined || first === undefined) continue;
    seconds.set(rightKeyName(node.name), second);
    findings.push(...keyDifferences(node, first, second));
  }
  return seconds;
}

function keyDifferences(node: ProcessNode, first: KeySpec, second: KeySpec): Finding[] {
  const [is, needs] = [second, first].map(({ fields }) => fields.map(typeText).join(', '));
  if (is === needs) return [];
  const path = [...node.path, 'on', 'right'];
  const message = `the key is ${is}, but on the left ${needs}: their types must be the same`;
  return [{ path, message }];
}

function typeText({ kind, optional }: KeyField): string {
  return optional ? `optional<${kind}>` : kind;
}
