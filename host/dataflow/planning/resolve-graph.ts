import type { Finding } from '../finding.ts';
import { suggestAmong } from '../suggest.ts';
import type { NodeInput, PlanNode } from './node.ts';

/** An input whose name is resolved. */
export interface Link {
  readonly from: PlanNode;
  readonly to: PlanNode;
  readonly input: NodeInput;
}

/** Nodes and what they read. Names are unique; links lead to nodes that exist. */
export interface Graph {
  readonly nodes: readonly PlanNode[];
  /** Links into a node, by its name, in the order of its `from`. */
  readonly upstream: ReadonlyMap<string, readonly Link[]>;
  /** Links out of a node. */
  readonly downstream: ReadonlyMap<string, readonly Link[]>;
  /** Topological; what stands in or behind a cycle comes last, so that it is checked as well. */
  readonly order: readonly PlanNode[];
}

/** Resolves `from`. Finds repeated ids, unknown names, cycles, and output that nothing reads. */
export function resolveGraph(nodes: readonly PlanNode[], findings: Finding[]): Graph {
  const byName = uniqueNodes(nodes, findings);
  const upstream = new Map<string, Link[]>();
  const downstream = new Map<string, Link[]>();
  for (const node of byName.values()) {
    upstream.set(node.name, []);
    downstream.set(node.name, []);
  }
  for (const to of byName.values()) {
    const seen = new Set<string>();
    for (const input of to.inputs) {
      const from = resolveInput(input, to, byName, findings);
      if (from === undefined) continue;
      const read = input.side === undefined ? input.name : `${input.name}:${input.side}`;
      // A join may have the same stream on both sides.
      const place = `${read} ${input.input ?? 0}`;
      if (seen.has(place)) {
        findings.push({ path: input.path, message: `${quoted(read)} stands twice` });
        continue;
      }
      seen.add(place);
      const link = { from, to, input };
      upstream.get(to.name)?.push(link);
      downstream.get(from.name)?.push(link);
    }
  }
  const all = [...byName.values()];
  const order = topologicalOrder(all, upstream, downstream);
  findings.push(...cycleFindings(all, order, upstream));
  findings.push(...unreadFindings(all, downstream));
  const ordered = new Set(order);
  const rest = all.filter((node) => !ordered.has(node));
  return { nodes: all, upstream, downstream, order: [...order, ...rest] };
}

function uniqueNodes(nodes: readonly PlanNode[], findings: Finding[]): Map<string, PlanNode> {
  const byName = new Map<string, PlanNode>();
  const ids = new Map<string, PlanNode>();
  for (const node of nodes) {
    const other = byName.get(node.name) ?? ids.get(node.id);
    if (other === undefined) {
      byName.set(node.name, node);
      ids.set(node.id, node);
      continue;
    }
    const path = node.id === node.name ? node.path : [...node.path, 'uid'];
    const message = `the id ${quoted(node.id)} is taken by ${other.path.join('.')}`;
    findings.push({ path, message });
    // A step whose uid clashes is still what others mean by its name.
    if (!byName.has(node.name)) byName.set(node.name, node);
  }
  return byName;
}

function resolveInput(
  input: NodeInput,
  to: PlanNode,
  byName: ReadonlyMap<string, PlanNode>,
  findings: Finding[],
): PlanNode | undefined {
  const from = byName.get(input.name);
  if (from !== undefined && from.kind !== 'sink') return from;
  const message =
    from === undefined
      ? `unknown name ${quoted(input.name)}${suggestAmong(findings, input.name, readableBy(to, byName))}`
      : `${quoted(input.name)} is a sink: nothing can be read from it`;
  findings.push({ path: input.path, message });
  return undefined;
}

function* readableBy(to: PlanNode, byName: ReadonlyMap<string, PlanNode>): Iterable<string> {
  for (const node of byName.values()) if (node.kind !== 'sink' && node !== to) yield node.name;
}

type Links = ReadonlyMap<string, readonly Link[]>;

function topologicalOrder(nodes: readonly PlanNode[], upstream: Links, downstream: Links) {
  const waitsFor = new Map(nodes.map((node) => [node.name, upstream.get(node.name)?.length ?? 0]));
  const order = nodes.filter((node) => waitsFor.get(node.name) === 0);
  // `order` grows while it is read: a node joins when the last of its inputs has been passed.
  for (const node of order) {
    for (const { to } of downstream.get(node.name) ?? []) {
      const left = (waitsFor.get(to.name) ?? 0) - 1;
      waitsFor.set(to.name, left);
      if (left === 0) order.push(to);
    }
  }
  return order;
}

/** One finding per cycle found by walking up from what the order lacks; no node is named twice. */
function cycleFindings(
  nodes: readonly PlanNode[],
  order: readonly PlanNode[],
  upstream: Links,
): Finding[] {
  const ordered = new Set(order);
  const findings: Finding[] = [];
  const passed = new Set<PlanNode>();
  for (const start of nodes) {
    const walk: PlanNode[] = [];
    let node: PlanNode | undefined = ordered.has(start) ? undefined : start;
    while (node !== undefined && !passed.has(node)) {
      passed.add(node);
      walk.push(node);
      const links: readonly Link[] = upstream.get(node.name) ?? [];
      node = links.map((link) => link.from).find((from) => !ordered.has(from));
    }
    // The walk met itself, not an earlier one: from there on it is a cycle, in reverse.
    const meeting = node === undefined ? -1 : walk.indexOf(node);
    if (meeting < 0) continue;
    const cycle = walk.slice(meeting).reverse();
    const first = nodes.find((candidate) => cycle.includes(candidate)) ?? cycle[0];
    const turn = cycle.indexOf(first);
    const names = [...cycle.slice(turn), ...cycle.slice(0, turn), first].map((n) => quoted(n.name));
    findings.push({
      path: first.inputs[0].path.slice(0, 3),
      message: `a cycle: ${names.join(' → ')}`,
    });
  }
  return findings;
}

function unreadFindings(nodes: readonly PlanNode[], downstream: Links): Finding[] {
  return nodes
    .filter((node) => node.kind !== 'sink' && downstream.get(node.name)?.length === 0)
    .map((node) => ({ path: node.path, message: 'no step or sink reads its output' }));
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 80));
}
