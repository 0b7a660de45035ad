import type { Source } from '../../connectors/source.ts';
import { formatRecord, type RecordSchema, sameLayout } from '../../model/schema.ts';
import type { Finding } from '../finding.ts';
import { suggest } from '../suggest.ts';
import {
  checkJoinFunction,
  checkJoinTime,
  checkLookupFunction,
  joinInputs,
} from './check-joins.ts';
import { checkEventTime } from './event-time.ts';
import type { PlanNode, SourceNode } from './node.ts';
import { type PlannedModules, type ResolvedFunction, resolveRecord } from './resolve-functions.ts';
import type { Graph, Link } from './resolve-graph.ts';
import { sidesOf, unknownSides } from './side-outputs.ts';

/**
 * The record of the rows that leave a node by its main output; of a sink: that reach it. Side outputs stand beside, as
 * `step:side`. Missing where a finding left it unknown.
 */
export type Records = ReadonlyMap<string, RecordSchema>;

/** The record that a link carries; undefined where a finding left it unknown. */
export function recordOfLink({ from, input }: Link, records: Records): RecordSchema | undefined {
  return records.get(input.side === undefined ? from.name : `${from.name}:${input.side}`);
}

export interface SchemaSources {
  readonly graph: Graph;
  readonly modules: PlannedModules;
  readonly functions: ReadonlyMap<string, ResolvedFunction>;
  readonly sources: ReadonlyMap<string, Source>;
}

/**
 * Gives every node its record. A source's is its connector's, else its `record`, else what the functions that read
 * it take. Finds sources whose record nothing says, functions that read another record than their upstream
 * yields, and unions of different records.
 */
export function inferSchemas(given: SchemaSources, findings: Finding[]): Records {
  const output = new Map<string, RecordSchema>();
  for (const node of given.graph.order) {
    const record = outputOf(node, given, output, findings);
    if (record !== undefined) output.set(node.name, record);
    const sides = sidesOf(node, given, output);
    for (const [side, record] of sides) output.set(`${node.name}:${side}`, record);
    findings.push(...unknownSides(node, given.graph, sides));
  }
  return output;
}

function outputOf(
  node: PlanNode,
  given: SchemaSources,
  output: Records,
  findings: Finding[],
): RecordSchema | undefined {
  const links = given.graph.upstream.get(node.name) ?? [];
  switch (node.kind) {
    case 'source': {
      const record = sourceRecord(node, given, findings);
      const timed = given.functions.get(node.name);
      if (record !== undefined) checkEventTime(node, record, timed, findings);
      return record;
    }
    case 'guest':
    case 'keyed':
    case 'windowed':
    case 'process': {
      const resolved = given.functions.get(node.name);
      if (resolved === undefined) return undefined;
      const { description } = resolved;
      for (const link of links) {
        const { from, input: place } = link;
        const input = place.input === 1 ? description.process?.second : description.input;
        const actual = recordOfLink(link, output);
        if (actual === undefined || input === undefined || sameLayout(actual, input)) continue;
        const message = `"${from.name}" yields ${formatRecord(actual)}, but ${node.reference} takes ${formatRecord(input)}`;
        findings.push({ path: place.path, message });
      }
      return resolved.description.output;
    }
    case 'lookup': {
      const resolved = given.functions.get(node.name);
      if (resolved === undefined) return undefined;
      findings.push(...checkLookupFunction(node, links, { resolved, records: output }));
      return resolved.description.output;
    }
    case 'join': {
      const resolved = given.functions.get(node.name);
      findings.push(...checkJoinTime(node, given.graph));
      if (node.reference === undefined) return joinInputs(node, given.graph, output).left;
      if (resolved === undefined) return undefined;
      findings.push(...checkJoinFunction(node, links, { resolved, records: output }));
      return resolved.description.output;
    }
    case 'pass':
    case 'stream':
    case 'dedupe':
    case 'top':
    case 'sort':
    case 'sink':
      return commonRecord(links, output, findings);
    default:
      return node satisfies never;
  }
}

/** The record that all inputs have; undefined when none is known. */
function commonRecord(
  links: readonly Link[],
  output: Records,
  findings: Finding[],
): RecordSchema | undefined {
  const known = links.filter((link) => recordOfLink(link, output) !== undefined);
  if (known.length === 0) return undefined;
  const [first, ...others] = known;
  const record = recordOfLink(first, output);
  for (const link of others) {
    const { from, input } = link;
    const other = recordOfLink(link, output);
    if (record === undefined || other === undefined || sameLayout(record, other)) continue;
    const message = `"${from.name}" yields ${formatRecord(other)}, but "${first.from.name}" yields ${formatRecord(record)}`;
    findings.push({ path: input.path, message });
  }
  return record;
}

function sourceRecord(
  node: SourceNode,
  given: SchemaSources,
  findings: Finding[],
): RecordSchema | undefined {
  const place = { reference: node.record ?? '', path: [...node.path, 'record'] };
  const declared =
    node.record === undefined ? undefined : resolveRecord(place, given.modules, findings);
  const source = given.sources.get(node.name);
  const fixed = source?.schema;
  if (fixed !== undefined && declared !== undefined && !sameLayout(fixed, declared)) {
    const message = `the source yields ${formatRecord(fixed)}, not ${formatRecord(declared)}`;
    findings.push({ path: place.path, message });
  }
  if (fixed !== undefined || declared !== undefined) return fixed ?? declared;
  // Another finding has said why the record is unknown.
  if (source === undefined || node.record !== undefined) return undefined;
  const timed = given.functions.get(node.name)?.description.input;
  return timed ?? wantedRecord(node, given, findings);
}

/** What the functions take that read the source, directly or through unions and keyBys. */
function wantedRecord(
  node: SourceNode,
  given: SchemaSources,
  findings: Finding[],
): RecordSchema | undefined {
  const readers = readersOf(node, given.graph);
  const wanted = readers.flatMap((reader) => {
    const input = given.functions.get(reader.name)?.description.input;
    return input === undefined ? [] : [{ reader, input }];
  });
  if (wanted.length === 0) {
    if (readers.some((reader) => reader.kind !== 'sink')) return undefined;
    const message = 'nothing says what its records are: give it a record: module.Record';
    findings.push({ path: node.path, message });
    return undefined;
  }
  const [first, ...others] = wanted;
  const other = others.find(({ input }) => !sameLayout(input, first.input));
  if (other === undefined) return first.input;
  const message = `step "${first.reader.name}" takes ${formatRecord(first.input)}, but step "${other.reader.name}" takes ${formatRecord(other.input)}: give the source a record: module.Record`;
  findings.push({ path: node.path, message });
  return undefined;
}

/** Whether rows leave a step as they came in. */
function passesRows({ kind }: PlanNode): boolean {
  return ['pass', 'stream', 'dedupe', 'top', 'sort'].includes(kind);
}

/** Steps with functions, and sinks, that get the node's rows unchanged. */
function readersOf(node: PlanNode, graph: Graph): PlanNode[] {
  const seen = new Set<PlanNode>([node]);
  // Grows while it is read.
  for (const passed of seen) {
    if (passed !== node && !passesRows(passed)) continue;
    for (const { to, input } of graph.downstream.get(passed.name) ?? []) {
      if (input.side === undefined || passed.kind === 'stream') seen.add(to);
    }
  }
  return [...seen].filter((candidate) => candidate !== node && !passesRows(candidate));
}

/** The message for a field that a record does not have. */
export function unknownField(name: string, record: RecordSchema): string {
  const names = record.fields.map((field) => field.name);
  const wrong = JSON.stringify(name.slice(0, 80));
  return `no field ${wrong} in ${formatRecord(record)}${suggest(name, names)}`;
}
