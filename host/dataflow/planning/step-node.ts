import type { Pipeline } from '../pipeline.ts';
import { errorPolicy, guestLimits } from './guest-options.ts';
import { joinNode } from './join-node.ts';
import type { PlanNode } from './node.ts';
import { inputsAt, keyAt } from './node-parts.ts';
import { isProcessStep, processNode } from './process-node.ts';
import { isStreamStep, streamNode } from './stream-node.ts';
import { windowParts } from './window-parts.ts';

export type Step = NonNullable<Pipeline['steps']>[string];

/** A step of the document with its options read. */
export function stepNode(name: string, step: Step): PlanNode {
  if ('join' in step) return joinNode(name, step);
  const path = ['steps', name];
  const base = { name, id: step.uid ?? name, path, parallelism: parallelismOf(step) };
  if ('union' in step) {
    const inputs = inputsAt([...path, 'union'], step.union);
    return { ...base, kind: 'pass', inputs, key: undefined };
  }
  if (isProcessStep(step)) return processNode(step, base);
  const inputs = inputsAt([...path, 'from'], step.from);
  if (isStreamStep(step)) return streamNode(step, { ...base, inputs });
  if ('keyBy' in step) {
    return { ...base, kind: 'pass', inputs, key: keyAt([...path, 'keyBy'], step.keyBy) };
  }
  const guest = { ...base, inputs, onError: errorPolicy(step.onError), limits: guestLimits(step) };
  if ('map' in step) {
    return { ...guest, kind: 'guest', functionKind: 'map', reference: step.map };
  }
  if ('filter' in step) {
    return { ...guest, kind: 'guest', functionKind: 'filter', reference: step.filter };
  }
  if ('flatMap' in step) {
    return { ...guest, kind: 'guest', functionKind: 'flatMap', reference: step.flatMap };
  }
  const key = step.key === undefined ? undefined : keyAt([...path, 'key'], step.key);
  if ('apply' in step) {
    const parts = windowParts(step.window, step.allowedLateness);
    return { ...guest, ...parts, key, functionKind: 'apply', reference: step.apply };
  }
  if (step.window !== undefined) {
    const windowed = { ...guest, ...windowParts(step.window, step.allowedLateness), key };
    return 'reduce' in step
      ? { ...windowed, functionKind: 'reduce', reference: step.reduce }
      : { ...windowed, functionKind: 'aggregate', reference: step.aggregate };
  }
  const keyed = { ...guest, kind: 'keyed', key, emit: step.emit ?? 'record' } as const;
  return 'reduce' in step
    ? { ...keyed, functionKind: 'reduce', reference: step.reduce }
    : { ...keyed, functionKind: 'aggregate', reference: step.aggregate };
}

function parallelismOf(step: Step): number | undefined {
  return 'parallelism' in step ? step.parallelism : undefined;
}
