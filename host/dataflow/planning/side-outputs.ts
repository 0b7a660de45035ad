import type { RecordSchema } from '../../model/schema.ts';
import type { Finding } from '../finding.ts';
import { suggest } from '../suggest.ts';
import { joinInputs } from './check-joins.ts';
import { needsEventTime } from './check-windows.ts';
import type { Records, SchemaSources } from './infer-schemas.ts';
import type { JoinNode, PlanNode } from './node.ts';
import type { Graph } from './resolve-graph.ts';

/** Name of a side output → its record. */
export type Sides = ReadonlyMap<string, RecordSchema>;

/**
 * The side outputs that a node offers. `records` are those of the nodes before it, and of its own main
 * output.
 */
export function sidesOf(node: PlanNode, given: SchemaSources, records: Records): Sides {
  switch (node.kind) {
    case 'source':
    case 'guest':
    case 'keyed':
    case 'pass':
    case 'dedupe':
    case 'top':
    case 'lookup':
    case 'sink':
      return new Map();
    case 'windowed': {
      const input = given.functions.get(node.name)?.description.input;
      return new Map(input === undefined || !needsEventTime(node.window) ? [] : [['late', input]]);
    }
    case 'sort': {
      const record = records.get(node.name);
      return new Map(record === undefined ? [] : [['late', record]]);
    }
    case 'join':
      return lateSides(node, given, records);
    case 'process': {
      const sides = given.functions.get(node.name)?.description.process?.sides ?? [];
      return new Map(sides.map(({ name, record }) => [name, record]));
    }
    case 'stream': {
      const record = records.get(node.name);
      const sides = node.operation.kind === 'split' ? node.operation.sides : [];
      return new Map(record === undefined ? [] : sides.map((side) => [side, record]));
    }
    default:
      return node satisfies never;
  }
}

/** Records that come too late for a join leave by the side that they came by. */
function lateSides(node: JoinNode, { graph }: SchemaSources, records: Records): Sides {
  const { left, right } = joinInputs(node, graph, records);
  const { kind } = node.how;
  const sides = new Map<string, RecordSchema>();
  if (left !== undefined && kind !== 'regular' && kind !== 'broadcast') sides.set('lateLeft', left);
  if (right !== undefined && (kind === 'interval' || kind === 'window'))
    sides.set('lateRight', right);
  return sides;
}

/** Finds readers of side outputs that the node does not have. */
export function unknownSides(node: PlanNode, graph: Graph, sides: Sides): Finding[] {
  if (node.kind === 'stream' && node.operation.kind === 'split' && sides.size === 0) return [];
  const links = graph.downstream.get(node.name) ?? [];
  return links.flatMap(({ input: { side, path } }) => {
    if (side === undefined || sides.has(side)) return [];
    const names = [...sides.keys()];
    const has = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
    const near = suggest(side, names);
    const wrong = JSON.stringify(side.slice(0, 80));
    const message = `"${node.name}" has no side output ${wrong}${near === '' ? `; ${has}` : near}`;
    return [{ path, message }];
  });
}
