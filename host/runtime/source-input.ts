import { BatchBuilder } from '../abi/batch-builder.ts';
import type { RowKernel } from '../abi/row-kernel.ts';
import type { SourceReader, Split } from '../connectors/source.ts';
import type { OperatorCounters } from '../dataflow/operator.ts';
import type { SourceSpec } from '../dataflow/plan.ts';
import { BATCH_BYTES_TARGET, WATERMARK_INTERVAL_MS } from '../limits.ts';
import { EMPTY_BATCH } from '../model/batch.ts';
import { type Element, WATERMARK_MAX_MS, WATERMARK_MIN_MS } from '../model/element.ts';
import { createEventTimeAssigner } from './assign-event-time.ts';
import { InFlightLog } from './in-flight.ts';
import type { TaskInput } from './task-input.ts';

export interface SourceInputOptions {
  readonly spec: SourceSpec;
  readonly reader: SourceReader;
  readonly kernel: RowKernel;
  readonly counters: OperatorCounters;
  /** The watermark of the checkpoint that the task was restored from. */
  readonly watermarkMs: number | undefined;
}

/**
 * A task's source as its input: polls the reader, gives rows their event time, makes watermarks, and turns the
 * coordinator's triggers into barriers.
 */
export class SourceInput implements TaskInput {
  readonly input = 0;
  readonly #reader: SourceReader;
  readonly #kernel: RowKernel;
  readonly #counters: OperatorCounters;
  readonly #rows = new BatchBuilder();
  readonly #triggers: number[] = [];
  readonly #outOfOrdernessMs: number;
  readonly #assign: ((batch: { bytes: Uint8Array; count: number }) => void) | undefined;
  #paused = false;
  /** The reader has nothing until it wakes us. */
  #idle = false;
  #state: 'reading' | 'ending' | 'ended' = 'reading';
  #watermarkMs: number;
  #sentWatermarkMs: number;
  #watermarkDueMs = 0;

  constructor(options: SourceInputOptions) {
    const { eventTime, schema } = options.spec;
    this.#reader = options.reader;
    this.#kernel = options.kernel;
    this.#counters = options.counters;
    this.#assign = eventTime && createEventTimeAssigner(schema, eventTime.fieldIndex);
    this.#outOfOrdernessMs = eventTime?.outOfOrdernessMs ?? 0;
    this.#watermarkMs = options.watermarkMs ?? WATERMARK_MIN_MS;
    this.#sentWatermarkMs = WATERMARK_MIN_MS;
  }

  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  get lagBytes(): number | undefined {
    return this.#reader.lagBytes?.();
  }

  splits(): readonly Split[] {
    return this.#reader.snapshot();
  }

  trigger(checkpoint: number): void {
    this.#triggers.push(checkpoint);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  wake(): void {
    this.#idle = false;
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  /** A source is told of a checkpoint by `Task.trigger`, and there is nothing before it. */
  lookAhead(): number {
    return 0;
  }

  beginOvertaking(checkpoint: number): InFlightLog {
    return new InFlightLog(checkpoint, [], 0);
  }

  next(nowMs: number): Element | undefined {
    if (this.#triggers.length > 0) {
      return { kind: 'barrier', checkpoint: this.#triggers.shift() as number };
    }
    if (this.#state !== 'reading') return this.#end();
    if (this.#watermarkMs > this.#sentWatermarkMs && nowMs >= this.#watermarkDueMs) {
      this.#watermarkDueMs = nowMs + WATERMARK_INTERVAL_MS;
      return this.#watermark();
    }
    if (this.#paused || this.#idle) return undefined;
    return this.#poll();
  }

  #poll(): Element | undefined {
    this.#rows.clear();
    // Before the poll: a reader may call `wake` before its poll has returned `idle`.
    this.#idle = true;
    const result = this.#reader.poll(this.#rows, BATCH_BYTES_TARGET);
    if (result !== 'idle') this.#idle = false;
    if (result === 'end') this.#state = 'ending';
    if (this.#rows.count === 0) {
      if (result === 'end') return this.#end();
      // Nothing but a part without records, or malformed ones: the task is to call again.
      return result === 'idle' ? undefined : { kind: 'batch', batch: EMPTY_BATCH };
    }
    const batch = this.#rows.batch();
    if (this.#assign !== undefined) {
      this.#assign(batch);
      const latest = this.#kernel.maxEventTime(batch);
      if (latest !== WATERMARK_MIN_MS) {
        this.#watermarkMs = Math.max(this.#watermarkMs, latest - this.#outOfOrdernessMs - 1);
      }
    }
    this.#counters.batches += 1;
    this.#counters.recordsOut += batch.count;
    this.#counters.bytesOut += batch.bytes.length;
    return { kind: 'batch', batch };
  }

  #end(): Element | undefined {
    if (this.#state === 'ended') return undefined;
    if (this.#sentWatermarkMs < WATERMARK_MAX_MS) {
      this.#watermarkMs = WATERMARK_MAX_MS;
      return this.#watermark();
    }
    this.#state = 'ended';
    return { kind: 'end' };
  }

  #watermark(): Element {
    this.#sentWatermarkMs = this.#watermarkMs;
    return { kind: 'watermark', timeMs: this.#watermarkMs };
  }
}
