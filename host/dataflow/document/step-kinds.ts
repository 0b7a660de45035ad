import { z } from 'zod';
import { filterStepSchema, flatMapStepSchema, mapStepSchema } from './steps/guest-steps.ts';
import { joinStepSchema } from './steps/join-steps.ts';
import { aggregateStepSchema, applyStepSchema, reduceStepSchema } from './steps/keyed-steps.ts';
import { keyByStepSchema, unionStepSchema } from './steps/pass-steps.ts';
import {
  broadcastProcessStepSchema,
  coProcessStepSchema,
  processStepSchema,
} from './steps/process-steps.ts';
import {
  broadcastStepSchema,
  dedupeStepSchema,
  distinctStepSchema,
  inspectStepSchema,
  limitStepSchema,
  partitionStepSchema,
  rebalanceStepSchema,
  sampleStepSchema,
  sortStepSchema,
  splitStepSchema,
  topStepSchema,
} from './steps/stream-steps.ts';

/** Every kind of step by the key that marks it. A new kind is an entry here and a node in `planning/step-node.ts`. */
export const STEP_KINDS = {
  map: mapStepSchema,
  filter: filterStepSchema,
  flatMap: flatMapStepSchema,
  reduce: reduceStepSchema,
  aggregate: aggregateStepSchema,
  apply: applyStepSchema,
  join: joinStepSchema,
  keyBy: keyByStepSchema,
  union: unionStepSchema,
  split: splitStepSchema,
  distinct: distinctStepSchema,
  dedupe: dedupeStepSchema,
  topN: topStepSchema,
  sort: sortStepSchema,
  limit: limitStepSchema,
  sample: sampleStepSchema,
  inspect: inspectStepSchema,
  rebalance: rebalanceStepSchema,
  broadcast: broadcastStepSchema,
  partition: partitionStepSchema,
  process: processStepSchema,
  coProcess: coProcessStepSchema,
  broadcastProcess: broadcastProcessStepSchema,
} as const;

export type StepKindName = keyof typeof STEP_KINDS;

export const STEP_KIND_NAMES = Object.keys(STEP_KINDS) as readonly StepKindName[];

export const stepSchema = z.union([
  mapStepSchema,
  filterStepSchema,
  flatMapStepSchema,
  reduceStepSchema,
  aggregateStepSchema,
  applyStepSchema,
  joinStepSchema,
  keyByStepSchema,
  unionStepSchema,
  splitStepSchema,
  distinctStepSchema,
  dedupeStepSchema,
  topStepSchema,
  sortStepSchema,
  limitStepSchema,
  sampleStepSchema,
  inspectStepSchema,
  rebalanceStepSchema,
  broadcastStepSchema,
  partitionStepSchema,
  processStepSchema,
  coProcessStepSchema,
  broadcastProcessStepSchema,
]);

/** The kinds whose key a step has; a valid step has one. */
export function kindsOf(step: unknown): readonly StepKindName[] {
  if (typeof step !== 'object' || step === null || Array.isArray(step)) return [];
  // A broadcastProcess names its broadcast input.
  const isOption = (kind: StepKindName) =>
    kind === 'broadcast' && Object.hasOwn(step, 'broadcastProcess');
  return STEP_KIND_NAMES.filter((kind) => Object.hasOwn(step, kind) && !isOption(kind));
}
