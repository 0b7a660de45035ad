import type { z } from 'zod';
import { operatorFacts } from '../../dataflow/operator-facts.ts';
import type { Edge, FunctionRef, OperatorSpec, Plan, StepModules } from '../../dataflow/plan.ts';
import { formatRecord } from '../../model/schema.ts';
import type { planAnswer } from '../schemas/plan-answer.ts';

type PlanView = z.output<typeof planAnswer>;
type OperatorView = PlanView['chains'][number]['operators'][number];

/** A plan for people and for drawing; `modules` tells what runs at each step. */
export function planView(plan: Plan, modules: StepModules): PlanView {
  const refs = new Map(Object.entries(modules).map(([step, module]) => [step, module.ref]));
  return {
    name: plan.name,
    parallelism: plan.parallelism,
    keyGroups: plan.keyGroups,
    checkpointEveryMs: plan.checkpoint.everyMs ?? null,
    chains: plan.chains.map(({ id, parallelism, operators }) => ({
      id,
      parallelism,
      operators: operators.map((operator) => operatorView(operator, refs.get(operator.id))),
    })),
    edges: plan.edges.map(edgeView),
  };
}

function operatorView(operator: OperatorSpec, module: string | undefined): OperatorView {
  const facts = operatorFacts(operator);
  return {
    id: operator.id,
    kind: operator.kind,
    connector: facts.connector ?? null,
    function: facts.function === undefined ? null : functionName(facts.function),
    functionKind: facts.function?.kind ?? null,
    module: module ?? null,
    key: facts.key.map((field) => field.name),
    input: facts.input === undefined ? null : formatRecord(facts.input),
    output: facts.output === undefined ? null : formatRecord(facts.output),
  };
}

function functionName({ module, name }: FunctionRef): string {
  return `${module}.${name}`;
}

function edgeView({ from, to, partitioning }: Edge): PlanView['edges'][number] {
  const key = partitioning.kind === 'key' ? partitioning.key.fields.map(({ name }) => name) : [];
  return { from, to, partitioning: partitioning.kind, key };
}
