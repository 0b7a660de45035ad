import assert from 'node:assert';
import type { Operator } from './operator.ts';
import { createGuestOperator } from './operators/guest-operator.ts';
import { createKeyedOperator } from './operators/keyed-operator.ts';
import type { OperatorParts } from './operators/operator-parts.ts';
import { createPassOperator } from './operators/pass-operator.ts';
import type { StepSpec } from './plan.ts';

/** Makes the operator of a step in one task. Steps with a function need `parts.module`, and yield a `SwappableOperator`. */
export function createOperator(spec: StepSpec, parts: OperatorParts): Operator {
  if (spec.kind === 'pass') return createPassOperator(spec);
  const { module } = parts;
  assert(module, `step "${spec.id}" runs a function, so it needs a module`);
  switch (spec.kind) {
    case 'guest':
      return createGuestOperator(spec, { ...parts, module });
    case 'keyed':
      return createKeyedOperator(spec, { ...parts, module });
    default:
      return spec satisfies never;
  }
}
