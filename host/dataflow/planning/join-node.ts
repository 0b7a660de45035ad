import type { z } from 'zod';
import type { ConnectorOptions } from '../../connectors/connector.ts';
import {
  LOOKUP_BACKOFF_MS,
  LOOKUP_CAPACITY,
  LOOKUP_RETRIES,
  LOOKUP_TIMEOUT_MS,
} from '../../limits.ts';
import { type joinStepSchema, signedDurationMs } from '../document/steps/join-steps.ts';
import { LOOKUP_KEYS } from '../document/steps/lookup-schema.ts';
import type { JoinHow } from '../join-spec.ts';
import { errorPolicy, guestLimits } from './guest-options.ts';
import type { JoinNode, LookupNode } from './node.ts';
import { durationMs, inputsAt, keyAt } from './node-parts.ts';
import { windowShape } from './window-parts.ts';

export type JoinStep = z.infer<typeof joinStepSchema>;

/** A `join` of the document with its options read. */
export function joinNode(name: string, step: JoinStep): JoinNode | LookupNode {
  const path = ['steps', name];
  const side = (key: 'left' | 'right', input: number) => ({
    ...inputsAt([...path, key], step[key] ?? [])[0],
    input,
  });
  const common = {
    functionKind: 'join',
    name,
    id: step.uid ?? name,
    path,
    parallelism: step.parallelism,
    leftKey: keyAt([...path, 'on', 'left'], step.on.left),
    rightKey: keyAt([...path, 'on', 'right'], step.on.right),
    onError: errorPolicy(step.onError),
    limits: guestLimits(step),
  } as const;
  const reference = step.join === true ? undefined : step.join;
  if (step.lookup !== undefined) {
    const type = step.type === 'left' ? 'left' : 'inner';
    const inputs = [side('left', 0)];
    // The schema has seen to it that there is a function.
    return { ...common, ...lookupParts(step.lookup), type, inputs, reference: reference ?? '' };
  }
  const inputs = [side('left', 0), side('right', 1)];
  return {
    ...common,
    kind: 'join',
    type: step.type ?? 'inner',
    how: joinHow(step),
    reference,
    inputs,
  };
}

function lookupParts(
  lookup: NonNullable<JoinStep['lookup']>,
): Pick<LookupNode, 'kind' | 'connector' | 'options' | 'requests'> {
  const { cache } = lookup;
  const options = Object.entries(lookup).filter(([key]) => !LOOKUP_KEYS.includes(key));
  return {
    kind: 'lookup',
    connector: lookup.connector,
    options: Object.fromEntries(options) as ConnectorOptions,
    requests: {
      ordered: lookup.ordered ?? true,
      capacity: lookup.capacity ?? LOOKUP_CAPACITY,
      timeoutMs: durationMs(lookup.timeout) ?? LOOKUP_TIMEOUT_MS,
      retries: lookup.whenDown === 'wait' ? undefined : (lookup.retries ?? LOOKUP_RETRIES),
      backoffMs: durationMs(lookup.backoff) ?? LOOKUP_BACKOFF_MS,
      cache: cache && { entries: cache.size, ttlMs: durationMs(cache.ttl) ?? 0 },
    },
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
