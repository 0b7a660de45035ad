import type { RowKernel } from '../abi/row-kernel.ts';
import type { ChannelReceiver, ChannelSender } from './channel.ts';
import type { ChannelPlace } from './in-flight.ts';
import type { GateInput } from './input-gate.ts';
import { LocalChannel } from './local-channel.ts';
import { createOutputEdge } from './output-edge.ts';
import { RingReceiver } from './ring-receiver.ts';
import { RingSender } from './ring-sender.ts';
import { TaskOutput } from './task-output.ts';
import { createWaker } from './wake-words.ts';
import type { ChannelStart, TaskStart, WorkerStart } from './worker-protocol.ts';

/** A task's ends of its channels. */
export interface TaskConnections {
  readonly inputs: readonly GateInput[];
  readonly output: TaskOutput;
}

/** Makes this worker's ends of all channels and returns how a task finds its own, in order of edges and tasks. */
export function connectTasks(
  start: WorkerStart,
  kernel: RowKernel,
): (task: TaskStart) => TaskConnections {
  const senders = new Map<ChannelStart, ChannelSender>();
  const receivers = new Map<ChannelStart, ChannelReceiver>();
  for (const channel of start.channels) {
    if (channel.ring === undefined) {
      const local = new LocalChannel(channel.bytes);
      senders.set(channel, local);
      receivers.set(channel, local);
    } else if (channel.from.worker === start.worker) {
      senders.set(channel, new RingSender(channel.ring, waker(start, channel.to.worker)));
    } else {
      receivers.set(channel, new RingReceiver(channel.ring, waker(start, channel.from.worker)));
    }
  }
  const { edges, keyGroups } = start.plan;
  return (task) => ({
    inputs: start.channels
      .filter((one) => edges[one.edge].to === task.chain && one.to.task === task.task)
      .map((one) => ({
        receiver: receivers.get(one) as ChannelReceiver,
        input: edges[one.edge].input ?? 0,
        channel: placeOf(one),
      })),
    output: new TaskOutput(
      edges.flatMap((edge, index) => {
        if (edge.from !== task.chain) return [];
        const mine = start.channels.filter(
          (one) => one.edge === index && one.from.task === task.task,
        );
        const options = {
          partitioning: edge.partitioning,
          side: edge.side,
          channels: mine.map(placeOf),
          senders: mine.map((one) => senders.get(one) as ChannelSender),
          channelBytes: mine[0].bytes,
          keyGroups,
          kernel,
          task: task.task,
        };
        return [createOutputEdge(options)];
      }),
    ),
  });
}

function placeOf({ edge, from, to }: ChannelStart): ChannelPlace {
  return { edge, from: from.task, to: to.task };
}

function waker(start: WorkerStart, worker: number): () => void {
  if (start.wakeWords === undefined) throw new Error('a ring needs wake words');
  return createWaker(start.wakeWords, worker);
}
