import type { KeyField, KeySpec } from '../../model/key-spec.ts';
import type { RecordSchema } from '../../model/schema.ts';
import type { Finding } from '../finding.ts';
import { joinInputs } from './check-joins.ts';
import type { Records } from './infer-schemas.ts';
import type { JoinNode, KeyNames, LookupNode } from './node.ts';
import type { ResolvedFunction } from './resolve-functions.ts';
import type { Graph } from './resolve-graph.ts';
import { type Keys, keySpec, rightKeyName } from './resolve-keys.ts';

export interface JoinKeyScope {
  readonly graph: Graph;
  readonly records: Records;
  readonly functions: ReadonlyMap<string, ResolvedFunction>;
}

/** Resolves what joins are joined by. Finds fields that do not exist or cannot be a key, and keys of which the sides differ. */
export function resolveJoinKeys(
  { graph, records, functions }: JoinKeyScope,
  findings: Finding[],
): Keys {
  const keys = new Map<string, KeySpec>();
  for (const node of graph.nodes) {
    if (node.kind !== 'join' && node.kind !== 'lookup') continue;
    const inputs = joinInputs(node, graph, records);
    if (node.kind === 'lookup') inputs.right = functions.get(node.name)?.description.join?.right;
    const left = sideKey(node.leftKey, inputs.left, findings);
    const right = sideKey(node.rightKey, inputs.right, findings);
    if (left === undefined || right === undefined) continue;
    findings.push(...keyDifferences(node, left, right));
    keys.set(node.name, left);
    keys.set(rightKeyName(node.name), right);
  }
  return keys;
}

function sideKey(names: KeyNames, record: RecordSchema | undefined, findings: Finding[]) {
  return record === undefined ? undefined : keySpec(names, record, findings);
}

function keyDifferences(
  { path, leftKey }: JoinNode | LookupNode,
  left: KeySpec,
  right: KeySpec,
): Finding[] {
  if (left.fields.length !== right.fields.length) {
    const message = `${left.fields.length} fields on the left, ${right.fields.length} on the right`;
    return [{ path: [...path, 'on'], message }];
  }
  return left.fields.flatMap((field, i) => {
    const other = right.fields[i];
    if (field.kind === other.kind && field.optional === other.optional) return [];
    const message = `"${field.name}" is of type ${typeText(field)}, but "${other.name}" on the right is of type ${typeText(other)}: keys are equal when their bytes are`;
    return [{ path: leftKey.names[i].path, message }];
  });
}

function typeText({ kind, optional }: KeyField): string {
  return optional ? `optional<${kind}>` : kind;
}
