import type { z } from 'zod';
import type { Edge, OperatorSpec, Plan, StepModules } from '../../dataflow/plan.ts';
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
  const bare: OperatorView = {
    id: operator.id,
    kind: operator.kind,
    connector: null,
    function: null,
    functionKind: null,
    module: module ?? null,
    key: [],
    input: null,
    output: null,
  };
  switch (operator.kind) {
    case 'source':
      return { ...bare, connector: operator.connector, output: formatRecord(operator.schema) };
    case 'sink':
      return { ...bare, connector: operator.connector, input: formatRecord(operator.schema) };
    case 'pass':
      return {
        ...bare,
        input: formatRecord(operator.schema),
        output: formatRecord(operator.schema),
      };
    case 'guest':
    case 'keyed':
      return {
        ...bare,
        function: `${operator.function.module}.${operator.function.name}`,
        functionKind: operator.function.kind,
        key: operator.kind === 'keyed' ? operator.key.fields.map((field) => field.name) : [],
        input: formatRecord(operator.input),
        output: formatRecord(operator.output),
      };
    default:
      return operator satisfies never;
  }
}

function edgeView({ from, to, partitioning }: Edge): PlanView['edges'][number] {
  const key = partitioning.kind === 'key' ? partitioning.key.fields.map(({ name }) => name) : [];
  return { from, to, partitioning: partitioning.kind, key };
}
