import type { KeySpec } from '../../model/key-spec.ts';
import type { Chain, Edge, OperatorSpec, Partitioning } from '../plan.ts';
import type { Records } from './infer-schemas.ts';
import { isKeyFed, type PassNode, type PlanNode } from './node.ts';
import type { Graph, Link } from './resolve-graph.ts';
import { type Keys, rightKeyName } from './resolve-keys.ts';

export interface ChainParts {
  readonly graph: Graph;
  readonly keys: Keys;
  readonly records: Records;
  readonly parallelism: ReadonlyMap<string, number>;
  readonly specOf: (node: PlanNode) => OperatorSpec;
}

/**
 * Puts operators that hand each batch straight on into one chain, and edges between the chains. A link is inside a chain
 * when it is the only one out of its sender and into its receiver, carries its main output, and both have as many tasks: a single
 * one, if it deals by key, which only `reduce` and `aggregate` do without.
 */
export function buildChains(parts: ChainParts): {
  readonly chains: readonly Chain[];
  readonly edges: readonly Edge[];
} {
  const chains: { id: number; parallelism: number; operators: OperatorSpec[] }[] = [];
  const chainOf = new Map<string, number>();
  const edges: Edge[] = [];
  for (const node of parts.graph.order) {
    const links = parts.graph.upstream.get(node.name) ?? [];
    const above = links.length === 1 && isChained(links[0], parts) ? links[0].from : undefined;
    const id = above === undefined ? chains.length : (chainOf.get(above.name) ?? chains.length);
    if (id === chains.length) chains.push({ id, parallelism: tasksOf(node, parts), operators: [] });
    chains[id].operators.push(parts.specOf(node));
    chainOf.set(node.name, id);
    if (above !== undefined) continue;
    for (const link of links) {
      const from = chainOf.get(link.from.name) ?? 0;
      edges.push({
        from,
        to: id,
        partitioning: partitioningOf(link, parts),
        ...(link.input.side === undefined ? {} : { side: link.input.side }),
        ...(link.input.input === undefined ? {} : { input: link.input.input }),
      });
    }
  }
  return { chains, edges };
}

function isChained(link: Link, parts: ChainParts): boolean {
  const { from, to } = link;
  return (
    parts.graph.downstream.get(from.name)?.length === 1 &&
    link.input.side === undefined &&
    to.kind !== 'lookup' &&
    dealOf(link) === undefined &&
    (dealtBy(link, parts) === undefined || isDealtToOne(link, parts)) &&
    tasksOf(from, parts) === tasksOf(to, parts)
  );
}

/** Whether a step gets its rows by key that takes them as they come when its only task gets them all. */
function isDealtToOne({ to }: Link, parts: ChainParts): boolean {
  return tasksOf(to, parts) === 1 && parts.specOf(to).kind === 'keyed';
}

function partitioningOf(link: Link, parts: ChainParts): Partitioning {
  const key = dealtBy(link, parts);
  if (key !== undefined) return { kind: 'key', key };
  const { to, input } = link;
  if ((to.kind === 'join' && input.input === 1) || isSecond(link)) return { kind: 'broadcast' };
  const deal = dealOf(link);
  if (typeof deal === 'object') {
    const fields = parts.records.get(link.from.name)?.fields ?? [];
    const fieldIndex = fields.findIndex(({ name }) => name === deal.field.name);
    const bits = fields[fieldIndex]?.type.kind.endsWith('64') ? 64 : 32;
    return { kind: 'field', fieldIndex, bits };
  }
  if (deal !== undefined) return { kind: deal };
  const equal = tasksOf(link.from, parts) === tasksOf(link.to, parts);
  return { kind: equal ? 'forward' : 'rebalance' };
}

/** How a `rebalance`, `broadcast` or `partition` before the link wants its rows dealt. */
function dealOf({ from }: Link): PassNode['deal'] {
  return from.kind === 'pass' ? from.deal : undefined;
}

/** A keyed step is always fed by key. Other readers of a `keyBy` follow its key. */
function dealtBy(link: Link, parts: ChainParts): KeySpec | undefined {
  if (isSecond(link)) return parts.keys.get(rightKeyName(link.to.name));
  if (isKeyFed(link.to)) return parts.keys.get(link.to.name);
  if (link.to.kind === 'join') {
    const { how, name } = link.to;
    if (how.kind === 'broadcast') return undefined;
    return parts.keys.get(link.input.input === 1 ? rightKeyName(name) : name);
  }
  if (link.to.kind === 'pass' || link.from.kind !== 'pass') return undefined;
  return parts.keys.get(link.from.name);
}

/** The second input of a process function: by key where it has one, else to every task. */
function isSecond({ to, input }: Link): boolean {
  return to.kind === 'process' && input.input === 1;
}

function tasksOf(node: PlanNode, parts: ChainParts): number {
  return parts.parallelism.get(node.name) ?? 1;
}
