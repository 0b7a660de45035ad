import {
  NO_TIME_HIGH,
  nullsOffset,
  ROW_LENGTH_OFFSET,
  ROW_TIME_OFFSET,
  slotOffset,
} from '../abi/layout.ts';
import type { Batch } from '../model/batch.ts';
import type { RecordSchema } from '../model/schema.ts';

/**
 * Makes the function that copies a field (a `timestamp` or `i64` of milliseconds) into the event time of each row, in
 * place. A record whose field is null has no event time.
 */
export function createEventTimeAssigner(
  schema: RecordSchema,
  fieldIndex: number,
): (batch: Batch) => void {
  const slot = slotOffset(fieldIndex);
  const optional = schema.fields[fieldIndex].type.kind === 'optional';
  const nullByte = nullsOffset(schema) + (fieldIndex >> 3);
  const nullBit = 1 << (fieldIndex & 7);
  return ({ bytes }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let row = 0; row < bytes.length; row += view.getUint32(row + ROW_LENGTH_OFFSET, true)) {
      const absent = optional && (bytes[row + nullByte] & nullBit) !== 0;
      const low = absent ? 0 : view.getInt32(row + slot, true);
      const high = absent ? NO_TIME_HIGH : view.getInt32(row + slot + 4, true);
      view.setInt32(row + ROW_TIME_OFFSET, low, true);
      view.setInt32(row + ROW_TIME_OFFSET + 4, high, true);
    }
  };
}
