import { InFlightLog } from '../../host/runtime/in-flight.ts';
import { LocalChannel } from '../../host/runtime/local-channel.ts';
import { OutputTarget } from '../../host/runtime/output-target.ts';
import { RingReceiver } from '../../host/runtime/ring-receiver.ts';
import type { ReplayStart, WorkerStart } from '../../host/runtime/worker-protocol.ts';
import type { PlantedBug } from './planted-bugs.ts';

/** Mistakes with the rows that unaligned barriers overtake. */
export const PLANTED_IN_FLIGHT_BUGS: readonly PlantedBug[] = [
  {
    name: 'rows in flight are not processed again',
    changeStart: (start) => changeReplays(start, () => []),
  },
  {
    name: 'rows in flight are processed again twice',
    changeStart: (start) => changeReplays(start, (replay) => [...replay, ...replay]),
  },
  {
    name: 'rows that wait for a channel are not processed again',
    changeStart: (start) =>
      changeReplays(start, (replay) => replay.filter(({ at }) => at === 'receiver')),
  },
  {
    name: 'what is in a channel at an unaligned barrier is in no checkpoint',
    patch: () => {
      const undo = [LocalChannel.prototype, RingReceiver.prototype].map((prototype) => {
        const { inFlight } = prototype;
        prototype.inFlight = function (this: LocalChannel & RingReceiver, checkpoint) {
          return inFlight.call(this, checkpoint)?.slice(0, 0);
        };
        return () => {
          prototype.inFlight = inFlight;
        };
      });
      return () => {
        for (const one of undo) one();
      };
    },
  },
  {
    name: 'what a channel delivers before its own barrier is in no checkpoint',
    patch: () => {
      const { add } = InFlightLog.prototype;
      InFlightLog.prototype.add = function (channel, batches) {
        // One by one is how the gate logs what it delivers.
        if (batches.length !== 1) add.call(this, channel, batches);
      };
      return () => {
        InFlightLog.prototype.add = add;
      };
    },
  },
  {
    name: 'rows that gather are sent before the barrier that overtakes them',
    patch: () => {
      const { overtake } = OutputTarget.prototype;
      OutputTarget.prototype.overtake = function (checkpoint) {
        const rows = this.gathering.batch();
        const copy = { bytes: rows.bytes.slice(), count: rows.count };
        this.flush();
        const waiting = overtake.call(this, checkpoint);
        return copy.count === 0 ? waiting : [...waiting, copy];
      };
      return () => {
        OutputTarget.prototype.overtake = overtake;
      };
    },
  },
];

function changeReplays(
  start: WorkerStart,
  change: (replay: readonly ReplayStart[]) => readonly ReplayStart[],
): WorkerStart {
  const tasks = start.tasks.map((task) => ({ ...task, replay: change(task.replay) }));
  return { ...start, tasks };
}
