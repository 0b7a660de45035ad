import { PARALLELISM_MAX } from '../../limits.ts';
import type { Finding } from '../finding.ts';
import type { PlanNode } from './node.ts';
import type { OpenedConnectors } from './open-connectors.ts';
import type { Graph } from './resolve-graph.ts';

export interface ParallelismWishes {
  /** Of the pipeline, or what overrides it. */
  readonly parallelism: number;
  readonly keyGroups: number;
}

/**
 * Gives every node its number of tasks: its own, else the pipeline's for sources, steps with functions and steps with state; sinks and
 * steps that pass rows on as they come go with their upstream. A connector's bound cuts what was not asked for.
 */
export function assignParallelism(
  graph: Graph,
  opened: OpenedConnectors,
  wishes: ParallelismWishes,
  findings: Finding[],
): ReadonlyMap<string, number> {
  const most = Math.min(PARALLELISM_MAX, wishes.keyGroups);
  if (wishes.parallelism > most) {
    const message = `${wishes.parallelism} tasks, limit ${most}: ${reason(wishes.keyGroups)}`;
    findings.push({ path: ['parallelism'], message });
  }
  const assigned = new Map<string, number>();
  for (const node of graph.order) {
    const bound = boundOf(node, opened);
    if (node.parallelism !== undefined) {
      const path = [...node.path, 'parallelism'];
      if (node.parallelism > bound) {
        const message = `${node.parallelism} tasks, but the connector takes at most ${bound}`;
        findings.push({ path, message });
      } else if (node.parallelism > most) {
        const message = `${node.parallelism} tasks, limit ${most}: ${reason(wishes.keyGroups)}`;
        findings.push({ path, message });
      }
    }
    const derived = followsUpstream(node)
      ? Math.max(1, ...upstreamTasks(node, graph, assigned))
      : wishes.parallelism;
    assigned.set(node.name, Math.min(node.parallelism ?? derived, bound));
  }
  return assigned;
}

function reason(keyGroups: number): string {
  return keyGroups < PARALLELISM_MAX
    ? 'the key groups of the pipeline'
    : 'the most a step may have';
}

function followsUpstream(node: PlanNode): boolean {
  return node.kind === 'pass' || node.kind === 'sink' || node.kind === 'stream';
}

function upstreamTasks(node: PlanNode, graph: Graph, assigned: ReadonlyMap<string, number>) {
  const links = graph.upstream.get(node.name) ?? [];
  return links.map(({ from }) => assigned.get(from.name) ?? 1);
}

function boundOf(node: PlanNode, opened: OpenedConnectors): number {
  // Only one task can tell which records are the first of a stream, and put all of them in order.
  if (node.kind === 'sort' || (node.kind === 'stream' && node.operation.kind === 'limit')) return 1;
  const bound =
    node.kind === 'source'
      ? opened.sources.get(node.name)?.parallelismMax
      : opened.sinks.get(node.name)?.parallelismMax;
  return bound ?? Number.POSITIVE_INFINITY;
}
