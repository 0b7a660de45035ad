import { eventTimeAt } from '../abi/event-time.ts';
import { ROW_LENGTH_OFFSET } from '../abi/layout.ts';
import type { Batch } from '../model/batch.ts';
import { type Element, WATERMARK_MIN_MS } from '../model/element.ts';
import type { SplitClock, SplitRun, SplitWatermarks } from './split-watermarks.ts';

/** Reads what a record says about the watermark of its split: the latest time that is over once it has come; undefined = nothing. */
export type WatermarkOf = (view: DataView, row: number, timeMs: number) => number | undefined;

/** Records may come `outOfOrdernessMs` later than a later one. */
export function boundedOutOfOrderness(outOfOrdernessMs: number): WatermarkOf {
  return (_view, _row, timeMs) =>
    timeMs === WATERMARK_MIN_MS ? undefined : timeMs - outOfOrdernessMs - 1;
}

/** Rows with event times, and of which splits they are. */
export interface TimedRows {
  readonly batch: Batch;
  readonly runs: readonly SplitRun[];
}

/**
 * Lets the rows of a poll, with event times, raise the watermarks of their splits. Returns them as elements: where a record is at or before
 * the watermark that those before it make, that watermark comes first. So what is late does not hang on how records were read together.
 * `sentMs` is the watermark that was sent last.
 */
export function cutBatch(
  { batch, runs }: TimedRows,
  clocks: SplitWatermarks,
  watermarkOf: WatermarkOf,
  sentMs: number,
): Element[] {
  const { bytes } = batch;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const elements: Element[] = [];
  let sent = sentMs;
  /** Where the part begins that is not in `elements` yet, and its rows so far. */
  let from = 0;
  let rows = 0;
  const cut = (at: number) => {
    if (rows > 0) {
      elements.push({ kind: 'batch', batch: { bytes: bytes.subarray(from, at), count: rows } });
    }
    from = at;
    rows = 0;
  };
  for (const [i, run] of runs.entries()) {
    const end = runs[i + 1]?.at ?? bytes.length;
    if (end === run.at) continue;
    const { split } = run;
    const beside = clocks.lowestBeside(split);
    clocks.touch(split);
    for (let row = run.at; row < end; ) {
      const timeMs = eventTimeAt(view, row);
      const watermarkMs = Math.max(clocks.watermarkMs, Math.min(beside, split.watermarkMs));
      if (timeMs <= watermarkMs && watermarkMs > sent && timeMs !== WATERMARK_MIN_MS) {
        cut(row);
        elements.push({ kind: 'watermark', timeMs: watermarkMs });
        sent = watermarkMs;
      }
      rows += 1;
      raiseSplit(split, watermarkOf(view, row, timeMs));
      row += view.getUint32(row + ROW_LENGTH_OFFSET, true);
    }
    clocks.raiseTo(Math.min(beside, split.watermarkMs));
  }
  cut(bytes.length);
  return elements;
}

function raiseSplit(split: SplitClock, toMs: number | undefined): void {
  if (toMs !== undefined && toMs > split.watermarkMs) split.watermarkMs = toMs;
}
