import type { BatchBuilder } from '../abi/batch-builder.ts';
import { ROW_LENGTH_OFFSET, slotOffset } from '../abi/layout.ts';
import type { RowKernel } from '../abi/row-kernel.ts';
import type { Partitioning } from '../dataflow/plan.ts';
import { BATCH_BYTES_TARGET } from '../limits.ts';
import type { Batch } from '../model/batch.ts';
import type { ChannelSender } from './channel.ts';
import type { ChannelPlace } from './in-flight.ts';
import { OutputTarget } from './output-target.ts';

/** One edge of a task: the tasks downstream that it feeds, and how rows are dealt to them. */
export interface OutputEdge {
  /** The side output that it carries; undefined = the main output. */
  readonly side: string | undefined;
  readonly targets: readonly OutputTarget[];
  /** Where each of them leads. */
  readonly channels: readonly ChannelPlace[];
  /** Takes a batch's rows, whatever the channels say. May write into the rows' tags. */
  send(batch: Batch): void;
}

export interface OutputEdgeOptions {
  readonly partitioning: Partitioning;
  /** The side output that it carries, if not the main one. */
  readonly side?: string | undefined;
  /** One sender per task downstream, in order; a single one for `forward`. */
  readonly senders: readonly ChannelSender[];
  /** Their places. */
  readonly channels: readonly ChannelPlace[];
  /** What a channel of the edge holds. */
  readonly channelBytes: number;
  readonly keyGroups: number;
  readonly kernel: RowKernel;
  /** Index of the sending task: `rebalance` starts there, so that equal senders do not all start with the same task. */
  readonly task: number;
}

/** With more targets than this, buffers start small: a task may feed 128, and there may be as many tasks. */
const FULL_SIZE_TARGETS = 8;
const SMALL_BUFFER_BYTES = 4096;

export function createOutputEdge(options: OutputEdgeOptions): OutputEdge {
  const { partitioning, senders, side, channels } = options;
  const batchBytes = Math.min(BATCH_BYTES_TARGET, options.channelBytes / 4);
  const initialBytes = senders.length > FULL_SIZE_TARGETS ? SMALL_BUFFER_BYTES : batchBytes;
  const sizes = { initialBytes, batchBytes };
  const targets = senders.map((sender) => new OutputTarget(sender, sizes));
  switch (partitioning.kind) {
    case 'forward':
      return { side, targets, channels, send: (batch) => targets[0].pass(batch) };
    case 'broadcast':
      return {
        side,
        targets,
        channels,
        send(batch) {
          for (const target of targets) target.pass(batch);
        },
      };
    case 'rebalance':
      return { side, targets, channels, send: rebalance(targets, options.task) };
    case 'field':
      return { side, targets, channels, send: partitionByField(targets, partitioning) };
    case 'key':
      return { side, targets, channels, send: partitionByKey(targets, partitioning, options) };
    default:
      return partitioning satisfies never;
  }
}

/** Rows gather for one target until they are a batch, then it is the next one's turn. */
function rebalance(targets: readonly OutputTarget[], task: number): (batch: Batch) => void {
  let turn = task % targets.length;
  return (batch) => {
    const target = targets[turn];
    target.pass(batch);
    if (!target.hasRows) turn = (turn + 1) % targets.length;
  };
}

/** Hashes always, also for a single target: the tags of a keyed input hold the hashes. */
function partitionByKey(
  targets: readonly OutputTarget[],
  partitioning: Partitioning & { kind: 'key' },
  options: OutputEdgeOptions,
): (batch: Batch) => void {
  const { kernel, keyGroups } = options;
  const { key } = partitioning;
  if (targets.length === 1) {
    return (batch) => {
      kernel.hashKeys(batch, key);
      targets[0].pass(batch);
    };
  }
  const builders: BatchBuilder[] = new Array(targets.length);
  return (batch) => {
    for (let i = 0; i < targets.length; i += 1) builders[i] = targets[i].gathering;
    kernel.partitionByKey(batch, key, keyGroups, builders);
    for (const target of targets) target.settle();
  };
}

/** By a number of the user's, modulo the number of targets: -1 is the last one. */
function partitionByField(
  targets: readonly OutputTarget[],
  { fieldIndex, bits }: Partitioning & { kind: 'field' },
): (batch: Batch) => void {
  const slot = slotOffset(fieldIndex);
  const tasks = targets.length;
  return ({ bytes, count }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    for (let row = 0; row < count; row += 1) {
      const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
      // 64 bits by halves, each modulo the tasks: what is exact in a double.
      const number =
        bits === 32
          ? view.getInt32(at + slot, true)
          : (view.getInt32(at + slot + 4, true) % tasks) * (2 ** 32 % tasks) +
            view.getUint32(at + slot, true);
      const target = targets[((number % tasks) + tasks) % tasks];
      target.gathering.append({ bytes: bytes.subarray(at, at + length), count: 1 });
      at += length;
    }
    for (const target of targets) target.settle();
  };
}
