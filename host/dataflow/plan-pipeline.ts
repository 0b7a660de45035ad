import type { Connector } from '../connectors/connector.ts';
import {
  CHECKPOINT_INTERVAL_MS,
  CHECKPOINT_TIMEOUT_MS,
  CHECKPOINTS_RETAINED,
  KEY_GROUPS_DEFAULT,
} from '../limits.ts';
import { restartStrategy } from './document/restart-schema.ts';
import type { Finding } from './finding.ts';
import type { Pipeline } from './pipeline.ts';
import { pipelineInvalid } from './pipeline-invalid.ts';
import type { CheckpointOptions, ModuleVersion, Plan, StepModules } from './plan.ts';
import { assignParallelism } from './planning/assign-parallelism.ts';
import { buildChains } from './planning/build-chains.ts';
import { checkFields } from './planning/check-fields.ts';
import { checkFormats } from './planning/check-formats.ts';
import { checkWindows } from './planning/check-windows.ts';
import { inferSchemas, type Records } from './planning/infer-schemas.ts';
import { resolveJoinKeys } from './planning/join-keys.ts';
import type { PlanNode } from './planning/node.ts';
import { durationMs } from './planning/node-parts.ts';
import { openConnectors } from './planning/open-connectors.ts';
import { operatorSpec } from './planning/operator-spec.ts';
import { resolveSecondKeys } from './planning/process-keys.ts';
import { readNodes } from './planning/read-nodes.ts';
import {
  type PlannedModules,
  type ResolvedFunction,
  resolveFunctions,
} from './planning/resolve-functions.ts';
import { type Graph, resolveGraph } from './planning/resolve-graph.ts';
import { resolveKeys } from './planning/resolve-keys.ts';

export interface PlanParts {
  /** Modules by alias, passed by the gate. */
  readonly modules: PlannedModules;
  readonly connectors: ReadonlyMap<string, Connector>;
  /** Relative paths of connectors are taken from here. */
  readonly baseDirectory: string;
  /** Instead of the pipeline's own. */
  readonly parallelism?: number;
}

/**
 * Turns a pipeline into what runs. Checks names, functions, types, keys, connectors and parallelism first and
 * throws `PIPELINE_INVALID` with every finding. Same document, same modules: same plan.
 *
 *     const { plan, modules } = planPipeline(pipeline, { modules: byAlias, connectors: builtinConnectors, baseDirectory });
 */
export function planPipeline(
  pipeline: Pipeline,
  parts: PlanParts,
): { readonly plan: Plan; readonly modules: StepModules } {
  const findings: Finding[] = unloadedModules(pipeline, parts.modules);
  const graph = resolveGraph(readNodes(pipeline), findings);
  const functions = resolveFunctions(graph.nodes, parts.modules, findings);
  const opened = openConnectors(graph.nodes, parts.connectors, findings);
  const schemaSources = { graph, modules: parts.modules, functions, sources: opened.sources };
  const records = inferSchemas(schemaSources, findings);
  checkFormats(graph.nodes, records, findings);
  checkFields(graph.nodes, records, findings);
  checkWindows(graph, records, findings);
  const ownKeys = resolveKeys(graph, (node) => inputOf(node, functions, records), findings);
  const keys = new Map([...ownKeys, ...resolveJoinKeys({ graph, records, functions }, findings)]);
  for (const [name, key] of resolveSecondKeys(graph, functions, { keys, findings })) {
    keys.set(name, key);
  }
  const keyGroups = pipeline.keyGroups ?? KEY_GROUPS_DEFAULT;
  const wishes = { parallelism: parts.parallelism ?? pipeline.parallelism ?? 1, keyGroups };
  const parallelism = assignParallelism(graph, opened, wishes, findings);
  if (findings.length > 0) throw pipelineInvalid(pipeline.name, findings);
  const specOf = (node: PlanNode) => operatorSpec(node, { graph, records, functions, keys });
  const { chains, edges } = buildChains({ graph, keys, records, parallelism, specOf });
  const plan: Plan = {
    name: pipeline.name,
    parallelism: Math.max(...chains.map((chain) => chain.parallelism)),
    keyGroups,
    checkpoint: checkpointOptions(pipeline),
    ...restartOption(pipeline),
    baseDirectory: parts.baseDirectory,
    chains,
    edges,
  };
  return { plan, modules: stepModules(graph, functions) };
}

function unloadedModules(pipeline: Pipeline, modules: PlannedModules): Finding[] {
  return Object.keys(pipeline.modules ?? {})
    .filter((alias) => !modules.has(alias))
    .map((alias) => ({ path: ['modules', alias], message: 'the module is not loaded' }));
}

/** The record that reaches a step: the one its function takes, or the one it passes on. */
function inputOf(
  node: PlanNode,
  functions: ReadonlyMap<string, ResolvedFunction>,
  records: Records,
) {
  return functions.get(node.name)?.description.input ?? records.get(node.name);
}

function checkpointOptions(pipeline: Pipeline): CheckpointOptions {
  const { every, timeout, retain, minPause, unaligned } = pipeline.checkpoint ?? {};
  return {
    everyMs: every === 'off' ? undefined : (durationMs(every) ?? CHECKPOINT_INTERVAL_MS),
    timeoutMs: durationMs(timeout) ?? CHECKPOINT_TIMEOUT_MS,
    retained: retain ?? CHECKPOINTS_RETAINED,
    minPauseMs: durationMs(minPause) ?? 0,
    unaligned: unaligned ?? false,
  };
}

function restartOption(pipeline: Pipeline): Pick<Plan, 'restart'> {
  const restart = restartStrategy(pipeline.restart);
  return restart === undefined ? {} : { restart };
}

function stepModules(graph: Graph, functions: ReadonlyMap<string, ResolvedFunction>): StepModules {
  const modules: { [step: string]: ModuleVersion } = {};
  for (const node of graph.nodes) {
    const resolved = functions.get(node.name);
    if (resolved === undefined) continue;
    modules[node.id] = { ref: resolved.module.ref, digest: resolved.module.digest };
  }
  return modules;
}
