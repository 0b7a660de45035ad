import type { FunctionDescription } from '../../model/module-description.ts';
import type { RecordSchema } from '../../model/schema.ts';
import type { DocumentPath, Finding } from '../finding.ts';
import type { PlannedModule } from '../planned-module.ts';
import { suggestAmong } from '../suggest.ts';
import { isFunctionNode, type PlanNode } from './node.ts';

export type PlannedModules = ReadonlyMap<string, PlannedModule>;

/** A step's function, found. */
export interface ResolvedFunction {
  readonly alias: string;
  readonly module: PlannedModule;
  readonly description: FunctionDescription;
}

/** The functions of steps and sources, by their names. Finds unknown modules and functions, and functions of another kind. */
export function resolveFunctions(
  nodes: readonly PlanNode[],
  modules: PlannedModules,
  findings: Finding[],
): ReadonlyMap<string, ResolvedFunction> {
  const resolved = new Map<string, ResolvedFunction>();
  for (const node of nodes) {
    const wanted = wantedFunction(node);
    if (wanted === undefined) continue;
    const { path, reference, kind } = wanted;
    const member = resolveMember({ reference, path }, modules, findings);
    if (member === undefined) continue;
    const { functions } = member.module.description;
    const description = functions.find((candidate) => candidate.name === member.name);
    if (description === undefined) {
      const names = functions.map((candidate) => candidate.name);
      findings.push({ path, message: unknownMember(member, 'function', names, findings) });
    } else if (description.kind !== kind) {
      const message = `${reference} is ${withArticle(description.kind)}, not ${withArticle(kind)}`;
      findings.push({ path, message });
    } else {
      resolved.set(node.name, { alias: member.alias, module: member.module, description });
    }
  }
  return resolved;
}

/** The function that a node runs: a step's, or that of a source's event time. */
function wantedFunction(node: PlanNode) {
  if (isFunctionNode(node)) {
    const { functionKind: kind, reference } = node;
    return { path: [...node.path, kind], reference, kind };
  }
  if (node.kind !== 'source' || node.eventTime?.assign === undefined) return undefined;
  const path = [...node.path, 'eventTime', 'assign'];
  return { path, reference: node.eventTime.assign, kind: 'assignTimestamp' };
}

/** The record that a source's `record: alias.Record` names. */
export function resolveRecord(
  place: { readonly reference: string; readonly path: DocumentPath },
  modules: PlannedModules,
  findings: Finding[],
): RecordSchema | undefined {
  const member = resolveMember(place, modules, findings);
  if (member === undefined) return undefined;
  const { records } = member.module.description;
  const record = records.find((candidate) => candidate.name === member.name);
  if (record === undefined) {
    const names = records.map((candidate) => candidate.name);
    findings.push({ path: place.path, message: unknownMember(member, 'record', names, findings) });
  }
  return record;
}

interface Member {
  readonly alias: string;
  readonly name: string;
  readonly module: PlannedModule;
}

function resolveMember(
  place: { readonly reference: string; readonly path: DocumentPath },
  modules: PlannedModules,
  findings: Finding[],
): Member | undefined {
  const [alias, name] = place.reference.split('.');
  const module = modules.get(alias);
  if (module !== undefined) return { alias, name, module };
  const message = `unknown module ${JSON.stringify(alias.slice(0, 80))}${suggestAmong(findings, alias, modules.keys())}`;
  findings.push({ path: place.path, message });
  return undefined;
}

function unknownMember(
  member: Member,
  what: string,
  names: readonly string[],
  findings: readonly Finding[],
): string {
  const near = suggestAmong(findings, member.name, names);
  const has = names.length === 0 ? 'it has none' : `it has ${names.slice(0, 20).join(', ')}`;
  const wrong = JSON.stringify(member.name.slice(0, 80));
  return `module "${member.alias}" has no ${what} ${wrong}${near === '' ? `; ${has}` : near}`;
}

function withArticle(kind: string): string {
  return `${kind.startsWith('a') ? 'an' : 'a'} ${kind}`;
}
