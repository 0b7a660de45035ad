import type { NodeInput, PassNode, PlanNode, StreamNode } from './node.ts';
import { durationMs, keyAt } from './node-parts.ts';
import type { Step } from './step-node.ts';

const KINDS = [
  'split',
  'distinct',
  'dedupe',
  'topN',
  'sort',
  'limit',
  'sample',
  'inspect',
  'rebalance',
  'broadcast',
  'partition',
] as const;

/** Steps of the host's own, without a guest function. */
type StreamStep = {
  readonly [Kind in (typeof KINDS)[number]]: Extract<Step, { readonly [kind in Kind]: unknown }>;
}[(typeof KINDS)[number]];

type Base = Pick<PlanNode, 'name' | 'id' | 'path' | 'inputs' | 'parallelism'>;

const INSPECT_FIRST = 10;
const INSPECT_EVERY = 1_000_000;

export function isStreamStep(step: Step): step is StreamStep {
  return KINDS.some((kind) => kind in step);
}

export function streamNode(step: StreamStep, base: Base): PlanNode {
  if ('dedupe' in step || 'distinct' in step) {
    const ttlMs = durationMs(step.ttl);
    const key = 'dedupe' in step ? keyAt([...base.path, 'dedupe'], step.dedupe) : 'all';
    return { ...base, kind: 'dedupe', key, ttlMs };
  }
  if ('topN' in step) {
    const key = step.key === undefined ? undefined : keyAt([...base.path, 'key'], step.key);
    const { topN: count, order, emit = 'record' } = step;
    const by = fieldAt(base, 'by', step.by);
    const rank = step.rank === undefined ? undefined : fieldAt(base, 'rank', step.rank);
    return { ...base, kind: 'top', key, count, by, descending: order !== 'asc', rank, emit };
  }
  if ('sort' in step) {
    const { names: by } = keyAt([...base.path, 'sort'], step.sort);
    const { tumbling, offset } = step.window;
    const times = { sizeMs: durationMs(tumbling) ?? 0, offsetMs: durationMs(offset) ?? 0 };
    return { ...base, kind: 'sort', by, descending: step.order === 'desc', ...times };
  }
  if ('rebalance' in step) return passNode(base, 'rebalance');
  if ('broadcast' in step) return passNode(base, 'broadcast');
  if ('partition' in step) {
    return passNode(base, { field: fieldAt(base, 'partition', step.partition) });
  }
  return { ...base, kind: 'stream', operation: operationOf(step, base) };
}

function operationOf(
  step: Extract<
    StreamStep,
    { limit: unknown } | { sample: unknown } | { inspect: unknown } | { split: unknown }
  >,
  base: Base,
): StreamNode['operation'] {
  if ('limit' in step) return { kind: 'limit', count: step.limit };
  if ('sample' in step) return { kind: 'sample', share: step.sample, seed: step.seed ?? 0 };
  if ('split' in step) {
    return { kind: 'split', field: fieldAt(base, 'split', step.split), sides: step.sides };
  }
  const { first = INSPECT_FIRST, every = INSPECT_EVERY } =
    step.inspect === true ? {} : step.inspect;
  return { kind: 'inspect', first, every };
}

function passNode(base: Base, deal: PassNode['deal']): PassNode {
  return { ...base, kind: 'pass', key: undefined, ...(deal === undefined ? {} : { deal }) };
}

function fieldAt(base: Base, option: string, name: string): NodeInput {
  return { name, path: [...base.path, option] };
}
