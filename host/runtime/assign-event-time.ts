import { BatchBuilder } from '../abi/batch-builder.ts';
import {
  NO_TIME_HIGH,
  nullsOffset,
  ROW_LENGTH_OFFSET,
  ROW_TIME_OFFSET,
  slotOffset,
} from '../abi/layout.ts';
import type { Operator, Output } from '../dataflow/operator.ts';
import type { RecordSchema } from '../model/schema.ts';
import type { TimedRows } from './cut-batch.ts';
import type { SplitRun } from './split-watermarks.ts';

/** Gives rows their event time. The answer may be the rows themselves, changed in place. */
export type AssignTimes = (rows: TimedRows) => TimedRows;

/**
 * Makes the function that copies a field (a `timestamp` or `i64` of milliseconds) into the event time of each row, in
 * place. A record whose field is null has no event time.
 */
export function assignFromField(schema: RecordSchema, fieldIndex: number): AssignTimes {
  const slot = slotOffset(fieldIndex);
  const optional = schema.fields[fieldIndex].type.kind === 'optional';
  const nullByte = nullsOffset(schema) + (fieldIndex >> 3);
  const nullBit = 1 << (fieldIndex & 7);
  return (rows) => {
    const { bytes } = rows.batch;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let row = 0; row < bytes.length; row += view.getUint32(row + ROW_LENGTH_OFFSET, true)) {
      const absent = optional && (bytes[row + nullByte] & nullBit) !== 0;
      const low = absent ? 0 : view.getInt32(row + slot, true);
      const high = absent ? NO_TIME_HIGH : view.getInt32(row + slot + 4, true);
      view.setInt32(row + ROW_TIME_OFFSET, low, true);
      view.setInt32(row + ROW_TIME_OFFSET + 4, high, true);
    }
    return rows;
  };
}

/**
 * Lets a step that runs an `assignTimestamp` say the event times. A record it fails on follows the source's policy, as a malformed one
 * does: it may be missing in the answer.
 */
export function assignByStep(step: Operator): AssignTimes {
  const timed = new BatchBuilder();
  const out: Output = { batch: (batch) => timed.append(batch), side: () => {} };
  return ({ batch, runs }) => {
    timed.clear();
    const { bytes } = batch;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const moved: SplitRun[] = [];
    for (const [i, { split, at }] of runs.entries()) {
      const end = runs[i + 1]?.at ?? bytes.length;
      moved.push({ split, at: timed.length });
      let count = 0;
      for (let row = at; row < end; count++) row += view.getUint32(row + ROW_LENGTH_OFFSET, true);
      if (count > 0) step.onBatch({ bytes: bytes.subarray(at, end), count }, out);
    }
    return { batch: timed.batch(), runs: moved };
  };
}
