import type { Split } from '../connectors/source.ts';
import type { Chain, Plan } from '../dataflow/plan.ts';
import { MillraceError } from '../errors.ts';
import { EDGE_RING_BYTES_MAX, RING_BYTES, RING_BYTES_MIN } from '../limits.ts';
import { type KeyGroupRange, keyGroupRange } from '../model/key-group.ts';
import type { Manifest, OperatorManifest, TaskSnapshotRef } from './manifest.ts';
import { operatorOf } from './operator-of.ts';
import { createRing } from './ring-layout.ts';
import type { ChannelStart, ReplayStart, TaskStart } from './worker-protocol.ts';

/** Where everything runs. */
export interface Deployment {
  /** All tasks of the job, by number. */
  readonly tasks: readonly TaskStart[];
  /** Worker → its tasks and the channels that touch them. */
  readonly workers: readonly {
    readonly tasks: readonly TaskStart[];
    readonly channels: readonly ChannelStart[];
  }[];
}

/**
 * Deals tasks to workers by their number in the chain, so that chains meet inside a thread where they can; splits to
 * the tasks of a source in turn; key groups, and with them the parts of a checkpoint, by range.
 */
export function deployTasks(
  plan: Plan,
  workers: number,
  splits: ReadonlyMap<string, readonly Split[]>,
  manifest: Manifest | undefined,
): Deployment {
  if (manifest?.inFlight !== undefined) assertChannelsOf(manifest, plan);
  const tasks: TaskStart[] = [];
  for (const chain of plan.chains) {
    for (let task = 0; task < chain.parallelism; task += 1) {
      tasks.push(createTask({ index: tasks.length, chain, task }, plan, splits, manifest));
    }
  }
  const channels = createChannels(plan, workers);
  return {
    tasks,
    workers: Array.from({ length: workers }, (_, worker) => ({
      tasks: tasks.filter((one) => one.task % workers === worker),
      channels: channels.filter(({ from, to }) => from.worker === worker || to.worker === worker),
    })),
  };
}

function createTask(
  place: { readonly index: number; readonly chain: Chain; readonly task: number },
  plan: Plan,
  splits: ReadonlyMap<string, readonly Split[]>,
  manifest: Manifest | undefined,
): TaskStart {
  const { index, chain, task } = place;
  const first = chain.operators[0];
  const range = keyGroupRange(task, plan.keyGroups, chain.parallelism);
  const restore: Record<string, readonly TaskSnapshotRef[]> = Object.create(null);
  for (const { id } of chain.operators) {
    const operator = operatorOf(manifest, id);
    if (operator !== undefined) restore[id] = partsOf(operator, range, plan.keyGroups);
  }
  const before = operatorOf(manifest, first.id);
  return {
    index,
    chain: chain.id,
    task,
    replay: replayOf(plan, chain, task, manifest),
    splits: (splits.get(first.id) ?? []).filter((_, i) => i % chain.parallelism === task),
    restore,
    watermarkMs: before && watermarkOf(before, task, chain.parallelism),
    spent: before !== undefined && isSpent(before, task, chain.parallelism),
  };
}

/** Rows in flight belong to a channel, and so to the numbers of tasks at both its ends. */
function assertChannelsOf(manifest: Manifest, plan: Plan): void {
  for (const { operators, parallelism } of plan.chains) {
    const [{ id }] = operators;
    const before = operatorOf(manifest, id);
    if (before?.parallelism === parallelism) continue;
    throw new MillraceError(
      'SAVEPOINT_INCOMPATIBLE',
      `checkpoint ${manifest.checkpoint} is unaligned and holds rows in flight; "${id}" had ${before?.parallelism ?? 0} tasks then, not ${parallelism}`,
      { hint: 'stop the job with a savepoint, which is aligned, to run it at another parallelism' },
    );
  }
  const pieces = (manifest.inFlight ?? []).flatMap((ref) => ref.pieces);
  if (pieces.some(({ edge }) => edge >= plan.edges.length)) {
    throw new MillraceError(
      'CHECKPOINT_CORRUPT',
      `checkpoint ${manifest.checkpoint} holds rows in flight on a channel that the pipeline has not`,
      { hint: 'restore a savepoint, or submit the job anew' },
    );
  }
}

/** What was in flight to the task: first what its channels held, then what their senders held. */
function replayOf(
  plan: Plan,
  chain: Chain,
  task: number,
  manifest: Manifest | undefined,
): readonly ReplayStart[] {
  const starts = (['receiver', 'sender'] as const).flatMap((at) =>
    (manifest?.inFlight ?? []).map((ref) => ({ ref, at })),
  );
  return starts.filter(({ ref, at }) =>
    ref.pieces.some(
      (one) => one.at === at && one.to === task && plan.edges[one.edge].to === chain.id,
    ),
  );
}

function partsOf(
  operator: OperatorManifest,
  range: KeyGroupRange,
  keyGroups: number,
): readonly TaskSnapshotRef[] {
  return operator.snapshots.filter((part) => {
    const theirs = keyGroupRange(part.task, keyGroups, operator.parallelism);
    return theirs.start < range.end && range.start < theirs.end;
  });
}

/** At another parallelism splits move between tasks: the lowest watermark is right for all. */
function watermarkOf(
  before: OperatorManifest,
  task: number,
  parallelism: number,
): number | undefined {
  if (before.parallelism === parallelism) return before.watermarksMs[task];
  return before.watermarksMs.length === 0 ? undefined : Math.min(...before.watermarksMs);
}

function isSpent(before: OperatorManifest, task: number, parallelism: number): boolean {
  if (before.parallelism === parallelism) return before.finished.includes(task);
  return before.finished.length === before.parallelism;
}

function createChannels(plan: Plan, workers: number): ChannelStart[] {
  return plan.edges.flatMap((edge, index) => {
    const senders = plan.chains[edge.from].parallelism;
    const receivers = plan.chains[edge.to].parallelism;
    const forward = edge.partitioning.kind === 'forward';
    const pairs: { readonly from: number; readonly to: number }[] = [];
    for (let from = 0; from < senders; from += 1) {
      for (let to = 0; to < receivers; to += 1)
        if (!forward || from === to) pairs.push({ from, to });
    }
    const bytes = channelBytes(pairs.length);
    return pairs.map(({ from, to }) => {
      const places = {
        from: { task: from, worker: from % workers },
        to: { task: to, worker: to % workers },
      };
      const apart = places.from.worker !== places.to.worker;
      return { edge: index, ...places, bytes, ring: apart ? createRing(bytes) : undefined };
    });
  });
}

/** The channels of an edge share what one may take: with 128 tasks on both sides there are 16,384. */
function channelBytes(channels: number): number {
  const share = 2 ** Math.floor(Math.log2(EDGE_RING_BYTES_MAX / channels));
  return Math.max(RING_BYTES_MIN, Math.min(RING_BYTES, share));
}
