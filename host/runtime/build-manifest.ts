import type { Split } from '../connectors/source.ts';
import type { Plan, StepModules } from '../dataflow/plan.ts';
import type { Json } from '../model/json.ts';
import type { Manifest, OperatorManifest, TaskSnapshotRef } from './manifest.ts';
import type { TaskAcknowledged } from './worker-protocol.ts';

export interface ManifestParts {
  readonly job: string;
  readonly attempt: number;
  readonly checkpoint: number;
  readonly completedAtMs: number;
  readonly plan: Plan;
  readonly modules: StepModules;
  /** One per task of the job. */
  readonly acknowledged: readonly TaskAcknowledged[];
  /** Chain and number in it, by the task's number in the job. */
  readonly tasks: readonly { readonly chain: number; readonly task: number }[];
  /** Split id → its place in the order in which the source listed them. */
  readonly splitOrder: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** Puts the tasks' answers together by operator. */
export function buildManifest(parts: ManifestParts): Manifest {
  const operators: Record<string, OperatorManifest> = Object.create(null);
  for (const chain of parts.plan.chains) {
    const answers = parts.acknowledged
      .filter((one) => parts.tasks[one.index].chain === chain.id)
      .sort((a, b) => parts.tasks[a.index].task - parts.tasks[b.index].task);
    for (const { id } of chain.operators) {
      operators[id] = { parallelism: chain.parallelism, ...operatorPart(id, answers, parts) };
    }
  }
  const inFlight = parts.acknowledged.flatMap((one) => one.inFlight ?? []);
  return {
    format: 1,
    job: parts.job,
    checkpoint: parts.checkpoint,
    attempt: parts.attempt,
    completedAtMs: parts.completedAtMs,
    keyGroups: parts.plan.keyGroups,
    modules: parts.modules,
    operators,
    ...(inFlight.length > 0 ? { inFlight } : {}),
    final: parts.acknowledged.every((one) => one.finished),
  };
}

function operatorPart(
  id: string,
  answers: readonly TaskAcknowledged[],
  parts: ManifestParts,
): Omit<OperatorManifest, 'parallelism'> {
  const splits: Split[] = [];
  const transactions: Json[] = [];
  const snapshots: TaskSnapshotRef[] = [];
  for (const answer of answers) {
    const state = answer.operators.find((one) => one.id === id);
    if (state?.kind === 'source') splits.push(...state.splits);
    if (state?.kind === 'step') snapshots.push(state.snapshot);
    if (state?.kind === 'sink' && state.transaction !== null) transactions.push(state.transaction);
  }
  const order = parts.splitOrder.get(id);
  splits.sort((a, b) => (order?.get(a.id) ?? 0) - (order?.get(b.id) ?? 0));
  return {
    splits,
    transactions,
    snapshots,
    watermarksMs: answers.map((answer) => answer.watermarkMs),
    finished: answers.filter((one) => one.finished).map((one) => parts.tasks[one.index].task),
  };
}
