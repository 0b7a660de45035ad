import type { z } from 'zod';
import { type joinStepSchema, signedDurationMs } from '../document/steps/join-steps.ts';
import type { JoinHow } from '../join-spec.ts';
import { errorPolicy, guestLimits } from './guest-options.ts';
import type { JoinNode } from './node.ts';
import { durationMs, inputsAt, keyAt } from './node-parts.ts';
import { windowShape } from './window-parts.ts';

export type JoinStep = z.infer<typeof joinStepSchema>;

/** A `join` of the document with its options read. */
export function joinNode(name: string, step: JoinStep): JoinNode {
  const path = ['steps', name];
  const side = (key: 'left' | 'right', input: number) => ({
    ...inputsAt([...path, key], step[key])[0],
    input,
  });
  return {
    kind: 'join',
    functionKind: 'join',
    name,
    id: step.uid ?? name,
    path,
    parallelism: step.parallelism,
    inputs: [side('left', 0), side('right', 1)],
    reference: step.join === true ? undefined : step.join,
    type: step.type ?? 'inner',
    how: joinHow(step),
    leftKey: keyAt([...path, 'on', 'left'], step.on.left),
    rightKey: keyAt([...path, 'on', 'right'], step.on.right),
    onError: errorPolicy(step.onError),
    limits: guestLimits(step),
  };
}

function joinHow(step: JoinStep): JoinHow {
  const window = step.window === undefined ? undefined : windowShape(step.window);
  // The schema has refused windows of other kinds.
  if (window?.kind === 'aligned') return { kind: 'window', window };
  if (step.interval !== undefined) {
    const { lower, upper } = step.interval;
    const [lowerMs, upperMs] = [lower, upper].map((text) => signedDurationMs(text) ?? 0);
    return { kind: 'interval', lowerMs, upperMs };
  }
  if (step.temporal !== undefined) return { kind: 'temporal' };
  if (step.sideInput !== undefined) return { kind: 'broadcast', keep: step.sideInput };
  return { kind: 'regular', ttlMs: durationMs(step.ttl) };
}
