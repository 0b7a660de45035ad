import { formatRecord, type RecordSchema, sameLayout } from '../../model/schema.ts';
import type { Finding } from '../finding.ts';
import { missingSides } from '../operators/join/join-fit.ts';
import type { WindowStamps } from '../window-spec.ts';
import { shapeFindings, stampFindings, timelessFindings, windowStamps } from './check-windows.ts';
import { type Records, recordOfLink } from './infer-schemas.ts';
import type { JoinNode, LookupNode } from './node.ts';
import type { ResolvedFunction } from './resolve-functions.ts';
import type { Graph, Link } from './resolve-graph.ts';

/** Records of both inputs of a join; undefined where a finding left them unknown. */
export interface JoinInputs {
  left: RecordSchema | undefined;
  right: RecordSchema | undefined;
}

export function joinInputs(
  node: JoinNode | LookupNode,
  graph: Graph,
  records: Records,
): JoinInputs {
  const links = graph.upstream.get(node.name) ?? [];
  const record = (input: number) => {
    const link = links.find((one) => one.input.input === input);
    return link && recordOfLink(link, records);
  };
  return { left: record(0), right: record(1) };
}

/** Finds joins whose function takes other records than the inputs yield, or always wants a side that may be missing. */
export function checkJoinFunction(
  node: JoinNode | LookupNode,
  links: readonly Link[],
  { resolved, records }: { readonly resolved: ResolvedFunction; readonly records: Records },
): Finding[] {
  const { join, input } = resolved.description;
  if (join === undefined) return [];
  const findings: Finding[] = [];
  for (const link of links) {
    const wanted = link.input.input === 1 ? join.right : input;
    const actual = recordOfLink(link, records);
    if (actual === undefined || sameLayout(actual, wanted)) continue;
    const side = link.input.input === 1 ? 'right' : 'left';
    const message = `"${link.from.name}" yields ${formatRecord(actual)}, but ${node.reference} takes ${formatRecord(wanted)} as its ${side} record`;
    findings.push({ path: link.input.path, message });
  }
  if (node.kind === 'join' && node.how.kind === 'window') {
    findings.push(...stampFindings(resolved.description.output, [...node.path, 'window']));
  }
  const missing = missingSides(node.type);
  for (const [side, must, can] of [
    ['left', missing.left, join.leftOptional],
    ['right', missing.right, join.rightOptional],
  ] as const) {
    if (!must || can) continue;
    const message = `a ${node.type} join has results without a ${side} record, but ${node.reference} always takes one: declare it as ${(side === 'left' ? input : join.right).name} | null`;
    findings.push({ path: [...node.path, 'type'], message });
  }
  return findings;
}

/** Finds joins by event time whose records have none. */
export function checkJoinTime(node: JoinNode, graph: Graph): Finding[] {
  const { how } = node;
  if (how.kind === 'window') {
    const path = [...node.path, 'window'];
    return [...shapeFindings(how.window, path), ...timelessFindings(node, graph, path)];
  }
  if (how.kind === 'interval') return timelessFindings(node, graph, [...node.path, 'interval']);
  if (how.kind !== 'temporal') return [];
  // A table without event time is there from the beginning on.
  const left = (graph.upstream.get(node.name) ?? []).filter(({ input }) => input.input === 0);
  return left.flatMap(({ from }) => timelessFindings(from, graph, [...node.path, 'temporal']));
}

/** The fields of a windowed join's results that the host fills; left records that are passed on stay as they are. */
export function joinStamps({ how, reference }: JoinNode, output: RecordSchema): WindowStamps {
  const stamped = how.kind === 'window' && reference !== undefined;
  return stamped ? windowStamps(output) : { startIndex: undefined, endIndex: undefined };
}

/** As `checkJoinFunction`; the record of the table is what the function takes. */
export const checkLookupFunction = checkJoinFunction;
