import { WATERMARK_MIN_MS } from '../model/element.ts';
import { NO_TIME_HIGH, ROW_TIME_OFFSET } from './layout.ts';

/** Event time of the row at `at`, ms; `WATERMARK_MIN_MS` when it has none. */
export function eventTimeAt(view: DataView, at: number): number {
  const low = view.getUint32(at + ROW_TIME_OFFSET, true);
  const high = view.getInt32(at + ROW_TIME_OFFSET + 4, true);
  if (high === NO_TIME_HIGH && low === 0) return WATERMARK_MIN_MS;
  return high * 2 ** 32 + low;
}
