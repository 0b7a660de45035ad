import { ROW_TAG_OFFSET } from '../../abi/layout.ts';
import { type Batch, EMPTY_BATCH } from '../../model/batch.ts';
import type { FunctionDescription } from '../../model/module-description.ts';
import { type GuestInstance, WINDOW_ENTRY_BYTES } from '../guest.ts';
import type { MapReader, ProcessSource } from '../process-call.ts';
import { sampleRecords } from './sample-records.ts';

/** One call on one sample record; answers how many records it emitted, and throws what the call throws. */
export type TrialCall = (instance: GuestInstance) => number;

/** Calls that try a function of its kind: one for each sample record. */
export function trialCalls(described: FunctionDescription): readonly TrialCall[] {
  const { name, kind, input, process } = described;
  switch (kind) {
    case 'map':
    case 'filter':
    case 'flatMap':
    case 'assignTimestamp':
      return sampleRecords(input).map((rows) => (instance) => instance.run(name, rows).count);
    case 'reduce':
    case 'aggregate':
      return keyedCalls(described);
    case 'apply':
      return sampleRecords(input).map((rows) => (instance) => {
        return instance.runWindows(name, { rows, windows: oneWindow(rows) }).count;
      });
    case 'process':
    case 'coProcess':
    case 'broadcastProcess': {
      const second = process?.second === undefined ? [] : sampleRecords(process.second);
      return [
        ...sampleRecords(input).map((rows) => processCall(name, rows, 'first')),
        ...second.map((rows) => processCall(name, rows, 'second')),
      ];
    }
    case 'join':
      // Its rows are pairs that a join step frames; what they are belongs to the layer above.
      return [];
    default:
      return kind satisfies never;
  }
}

/** Every record is folded into a state of its own, then once more into what came of that. */
function keyedCalls({ name, input }: FunctionDescription): readonly TrialCall[] {
  const options = { keys: 1, emit: 'record', merge: false } as const;
  return sampleRecords(input).map((rows) => (instance) => {
    zeroTag(rows);
    const first = instance.runKeyed(name, { rows, states: EMPTY_BATCH, ...options });
    const states = { bytes: first.states.bytes.slice(), count: first.states.count };
    return first.output.count + instance.runKeyed(name, { rows, states, ...options }).output.count;
  });
}

function processCall(name: string, rows: Batch, source: ProcessSource): TrialCall {
  return (instance) => {
    zeroTag(rows);
    const times = { watermarkMs: 0, nowMs: 0 };
    const call = { rows, states: EMPTY_BATCH, keys: 1, source, ...times, maps: EMPTY_MAPS };
    return instance.runProcess(name, call).output.count;
  };
}

const EMPTY_MAPS: MapReader = { get: () => undefined, next: () => undefined };

/** The entry of a window of a second from 0 on that holds the rows. */
function oneWindow(rows: Batch): Uint8Array {
  const entry = new DataView(new ArrayBuffer(WINDOW_ENTRY_BYTES));
  entry.setBigInt64(8, 1_000n, true);
  entry.setBigInt64(16, 999n, true);
  entry.setUint32(24, rows.count, true);
  entry.setUint32(28, rows.bytes.length, true);
  return new Uint8Array(entry.buffer);
}

/** The ordinal of the only key. */
function zeroTag({ bytes }: Batch): void {
  bytes.fill(0, ROW_TAG_OFFSET, ROW_TAG_OFFSET + 4);
}
