import { operatorFacts } from '../../host/dataflow/operator-facts.ts';
import type { Edge, OperatorSpec, Plan } from '../../host/dataflow/plan.ts';
import { formatRecord } from '../../host/model/schema.ts';

/**
 * A plan for people: a line per chain, then what flows out of it.
 *
 *     0  lines → words ×2
 *        ⇒ 1 by key word
 *     1  counts → out ×2
 */
export function planText(plan: Plan): string {
  const width = String(plan.chains.length).length;
  const lines: string[] = [];
  for (const chain of plan.chains) {
    const operators = chain.operators.map(operatorText).join(' → ');
    lines.push(`${String(chain.id).padStart(width)}  ${operators} ×${chain.parallelism}`);
    for (const edge of plan.edges.filter((candidate) => candidate.from === chain.id)) {
      lines.push(`${' '.repeat(width)}  ⇒ ${edge.to} ${edgeText(edge)}`);
    }
  }
  return lines.join('\n');
}

/** `counts (reduce text.sum)`, `out (file)`. */
function operatorText(operator: OperatorSpec): string {
  const facts = operatorFacts(operator);
  if (operator.kind === 'source') {
    return `${operator.id} (${operator.connector}: ${formatRecord(operator.schema)})`;
  }
  if (facts.connector !== undefined) return `${operator.id} (${facts.connector})`;
  if (facts.function === undefined) return operator.id;
  const { kind, module, name } = facts.function;
  return `${operator.id} (${kind} ${module}.${name})`;
}

function edgeText(edge: Edge): string {
  const { partitioning } = edge;
  switch (partitioning.kind) {
    case 'key':
      return `by key ${partitioning.key.fields.map((field) => field.name).join(', ')}`;
    case 'forward':
      return 'task to task';
    case 'field':
      return 'by number';
    case 'rebalance':
      return 'in turn';
    case 'broadcast':
      return 'to all';
    default:
      return partitioning satisfies never;
  }
}
