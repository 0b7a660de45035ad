import type { z } from 'zod';
import type {
  broadcastProcessStepSchema,
  coProcessStepSchema,
  processStepSchema,
} from '../document/steps/process-steps.ts';
import type { DocumentPath } from '../finding.ts';
import { errorPolicy, guestLimits } from './guest-options.ts';
import type { ProcessNode } from './node.ts';
import { durationMs, inputsAt, keyAt } from './node-parts.ts';

export type ProcessStep =
  | z.infer<typeof processStepSchema>
  | z.infer<typeof coProcessStepSchema>
  | z.infer<typeof broadcastProcessStepSchema>;

export function isProcessStep(step: object): step is ProcessStep {
  return 'process' in step || 'coProcess' in step || 'broadcastProcess' in step;
}

/** A process step of the document with its options read. */
export function processNode(
  step: ProcessStep,
  base: Pick<ProcessNode, 'name' | 'id' | 'path' | 'parallelism'>,
): ProcessNode {
  const { path } = base;
  const common = {
    ...base,
    kind: 'process' as const,
    onError: errorPolicy(step.onError),
    limits: guestLimits(step),
    ttlMs: durationMs(step.ttl),
  };
  if ('coProcess' in step) {
    return {
      ...common,
      functionKind: 'coProcess',
      reference: step.coProcess,
      inputs: [
        ...inputsAt([...path, 'left'], step.left),
        ...secondInputs([...path, 'right'], step.right),
      ],
      key: keyAt([...path, 'on', 'left'], step.on.left),
      secondKey: keyAt([...path, 'on', 'right'], step.on.right),
    };
  }
  const key = step.key === undefined ? undefined : keyAt([...path, 'key'], step.key);
  const inputs = inputsAt([...path, 'from'], step.from);
  if ('process' in step) {
    const fn = { functionKind: 'process', reference: step.process } as const;
    return { ...common, ...fn, inputs, key, secondKey: undefined };
  }
  return {
    ...common,
    functionKind: 'broadcastProcess',
    reference: step.broadcastProcess,
    key,
    inputs: [...inputs, ...secondInputs([...path, 'broadcast'], step.broadcast)],
    secondKey: undefined,
  };
}

function secondInputs(path: DocumentPath, names: string | readonly string[]) {
  return inputsAt(path, names).map((input) => ({ ...input, input: 1 }));
}
