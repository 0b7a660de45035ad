import assert from 'node:assert';
import type { Operator } from './operator.ts';
import { createGuestOperator } from './operators/guest-operator.ts';
import { createJoinOperator } from './operators/join/create-join-operator.ts';
import { createKeyedOperator } from './operators/keyed-operator.ts';
import { createLookupOperator } from './operators/lookup/lookup-operator.ts';
import type { GuestOperatorParts, OperatorParts } from './operators/operator-parts.ts';
import { createPassOperator } from './operators/pass-operator.ts';
import { createProcessOperator } from './operators/process/process-operator.ts';
import { createDedupeOperator } from './operators/stream/dedupe-operator.ts';
import { createSortOperator } from './operators/stream/sort-operator.ts';
import { createStreamOperator } from './operators/stream/stream-operator.ts';
import { createTopOperator } from './operators/stream/top-operator.ts';
import { createWindowOperator } from './operators/window/create-window-operator.ts';
import type { StepSpec } from './plan.ts';

/** Makes the operator of a step in one task. Steps with a function need `parts.module`, and yield a `SwappableOperator`. */
export function createOperator(spec: StepSpec, parts: OperatorParts): Operator {
  switch (spec.kind) {
    case 'pass':
      return createPassOperator(spec);
    case 'stream':
      return createStreamOperator(spec, parts.context);
    case 'dedupe':
      return createDedupeOperator(spec, parts);
    case 'top':
      return createTopOperator(spec, parts);
    case 'sort':
      return createSortOperator(spec, parts);
    case 'guest':
      return createGuestOperator(spec, withModule(spec, parts));
    case 'keyed':
      return createKeyedOperator(spec, withModule(spec, parts));
    case 'lookup':
      return createLookupOperator(spec, withModule(spec, parts));
    case 'join':
      return createJoinOperator(spec, spec.function ? withModule(spec, parts) : parts);
    case 'windowed':
      return createWindowOperator(spec, withModule(spec, parts));
    case 'process':
      return createProcessOperator(spec, withModule(spec, parts));
    default:
      return spec satisfies never;
  }
}

function withModule(spec: StepSpec, parts: OperatorParts): GuestOperatorParts {
  const { module } = parts;
  assert(module, `step "${spec.id}" runs a function, so it needs a module`);
  return { ...parts, module };
}
