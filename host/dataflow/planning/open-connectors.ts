import type { Checked, Connector } from '../../connectors/connector.ts';
import type { Sink } from '../../connectors/sink.ts';
import type { Source } from '../../connectors/source.ts';
import type { Finding } from '../finding.ts';
import { suggest } from '../suggest.ts';
import type { LookupNode, PlanNode, SinkNode, SourceNode } from './node.ts';

/** Sources and sinks whose options their connectors accepted, by name. */
export interface OpenedConnectors {
  readonly sources: ReadonlyMap<string, Source>;
  readonly sinks: ReadonlyMap<string, Sink>;
}

/** Kinds of nodes that name a connector, and the half of it that they mean. */
type ConnectedNode = SourceNode | SinkNode | LookupNode;

/** Asks the connectors what they say to their options. Finds unknown connectors, and all that they find. */
export function openConnectors(
  nodes: readonly PlanNode[],
  connectors: ReadonlyMap<string, Connector>,
  findings: Finding[],
): OpenedConnectors {
  const sources = new Map<string, Source>();
  const sinks = new Map<string, Sink>();
  for (const node of nodes) {
    if (node.kind === 'source') {
      const checked = connectors.get(node.connector)?.source?.(node.options);
      const source = accept(node, checked, connectors, findings);
      if (source !== undefined) sources.set(node.name, source);
    } else if (node.kind === 'sink') {
      const checked = connectors.get(node.connector)?.sink?.(node.options);
      const sink = accept(node, checked, connectors, findings);
      if (sink !== undefined) sinks.set(node.name, sink);
    } else if (node.kind === 'lookup') {
      const checked = connectors.get(node.connector)?.lookup?.(node.options);
      accept(node, checked, connectors, findings);
    }
  }
  return { sources, sinks };
}

function accept<T>(
  node: ConnectedNode,
  checked: Checked<T> | undefined,
  connectors: ReadonlyMap<string, Connector>,
  findings: Finding[],
): T | undefined {
  if (checked === undefined) {
    const usable = [...connectors].filter(([, connector]) => connector[node.kind] !== undefined);
    const names = usable.map(([name]) => name);
    const wrong = JSON.stringify(node.connector.slice(0, 80));
    const near = suggest(node.connector, names) || `; there is ${names.join(', ') || 'none'}`;
    const message = `no connector ${wrong} for a ${node.kind}${near}`;
    findings.push({ path: [...optionsPath(node), 'connector'], message });
    return undefined;
  }
  if (checked.ok) return checked.value;
  for (const { path, message } of checked.findings) {
    findings.push({ path: [...optionsPath(node), ...path], message });
  }
  return undefined;
}

/** Where the connector and its options stand. */
function optionsPath(node: ConnectedNode): readonly string[] {
  const path = node.path.map(String);
  return node.kind === 'lookup' ? [...path, 'lookup'] : path;
}
