import { nullsOffset, slotOffset } from '../abi/layout.ts';
import type { EventTimeSpec } from '../dataflow/plan.ts';
import { WATERMARK_MIN_MS } from '../model/element.ts';
import type { RecordSchema } from '../model/schema.ts';
import { boundedOutOfOrderness, type WatermarkOf } from './cut-batch.ts';

/** What a source's records say about its watermark: each by its time, or those alone that have a mark for it. */
export function watermarkOf(spec: EventTimeSpec, schema: RecordSchema): WatermarkOf {
  const { watermarkIndex: index } = spec;
  if (index === undefined) return boundedOutOfOrderness(spec.outOfOrdernessMs);
  const { type } = schema.fields[index];
  const slot = slotOffset(index);
  if (type.kind === 'bool') {
    return (view, row, timeMs) =>
      timeMs === WATERMARK_MIN_MS || view.getUint8(row + slot) === 0 ? undefined : timeMs;
  }
  const isOptional = type.kind === 'optional';
  const nullByte = nullsOffset(schema) + (index >> 3);
  const nullBit = 1 << (index & 7);
  return (view, row) => {
    if (isOptional && (view.getUint8(row + nullByte) & nullBit) !== 0) return undefined;
    const timeMs =
      view.getInt32(row + slot + 4, true) * 0x1_0000_0000 + view.getUint32(row + slot, true);
    return Number.isSafeInteger(timeMs) ? timeMs : undefined;
  };
}
