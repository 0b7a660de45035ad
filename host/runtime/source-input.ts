import { BatchBuilder } from '../abi/batch-builder.ts';
import type { SourceReader, Split } from '../connectors/source.ts';
import type { OperatorCounters } from '../dataflow/operator.ts';
import type { SourceSpec } from '../dataflow/plan.ts';
import { BATCH_BYTES_TARGET, WATERMARK_INTERVAL_MS } from '../limits.ts';
import { EMPTY_BATCH } from '../model/batch.ts';
import { type Element, WATERMARK_MAX_MS, WATERMARK_MIN_MS } from '../model/element.ts';
import type { AssignTimes } from './assign-event-time.ts';
import { cutBatch, type WatermarkOf } from './cut-batch.ts';
import { InFlightLog } from './in-flight.ts';
import { SplitWatermarks } from './split-watermarks.ts';
import type { TaskInput } from './task-input.ts';
import type { WatermarkLimits } from './watermark-alignment.ts';
import { watermarkOf } from './watermark-of.ts';

export interface SourceInputOptions {
  readonly spec: SourceSpec;
  readonly reader: SourceReader;
  readonly counters: OperatorCounters;
  /** Gives rows their event time, if they have one. */
  readonly assign?: AssignTimes | undefined;
  /** What the reader tells of its splits; begins at the watermark of the checkpoint that the task was restored from. */
  readonly splits?: SplitWatermarks;
}

interface Trigger {
  readonly checkpoint: number;
  readonly unaligned: boolean;
}

/**
 * A task's source as its input: polls the reader, gives rows their event time, makes watermarks, and turns the
 * coordinator's triggers into barriers.
 *
 * S1  A barrier comes between two polls: the reader's positions are those of all rows before it.
 * S2  The watermark only rises. While every split is idle, who reads from here is told not to wait.
 */
export class SourceInput implements TaskInput {
  readonly input = 0;
  readonly #spec: SourceSpec;
  readonly #reader: SourceReader;
  readonly #counters: OperatorCounters;
  readonly #rows = new BatchBuilder();
  readonly #triggers: Trigger[] = [];
  readonly #assign: AssignTimes | undefined;
  readonly #watermarkOf: WatermarkOf | undefined;
  readonly #splits: SplitWatermarks;
  /** Rows of the last poll that have not been given away, and watermarks between them. */
  #ready: Element[] = [];
  #paused = false;
  /** Sources that it is aligned with are behind: it is not read beyond this watermark. */
  #limitMs = Number.POSITIVE_INFINITY;
  /** The reader has nothing until it wakes us. */
  #idle = false;
  /** Who reads from here was told that all splits are idle. */
  #saidIdle = false;
  #state: 'reading' | 'ending' | 'ended' = 'reading';
  #watermarkMs: number;
  #sentWatermarkMs = WATERMARK_MIN_MS;
  #watermarkDueMs = 0;

  constructor(options: SourceInputOptions) {
    const { eventTime, schema } = options.spec;
    this.#spec = options.spec;
    this.#reader = options.reader;
    this.#counters = options.counters;
    this.#assign = options.assign;
    this.#watermarkOf = eventTime && watermarkOf(eventTime, schema);
    this.#splits = options.splits ?? new SplitWatermarks(eventTime?.idleMs, undefined);
    this.#watermarkMs = this.#splits.watermarkMs;
  }

  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** Nothing comes from here for now, and nobody should wait for it. */
  get isIdle(): boolean {
    return this.#saidIdle;
  }

  get lagBytes(): number | undefined {
    return this.#reader.lagBytes?.();
  }

  /** Whether rows of the last poll are still to come: the reader's positions are ahead of what was given away. */
  get isMidway(): boolean {
    return this.#ready.length > 0;
  }

  /** When it has something to do without being woken; monotonic. */
  get dueMs(): number | undefined {
    if (this.#state !== 'reading' || this.#watermarkOf === undefined) return undefined;
    const isLate = this.#watermarkMs > this.#sentWatermarkMs;
    const sendMs = isLate ? this.#watermarkDueMs : Number.POSITIVE_INFINITY;
    const idleMs = this.#isHeld ? undefined : this.#splits.idleAtMs;
    const dueMs = Math.min(sendMs, idleMs ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(dueMs) ? dueMs : undefined;
  }

  splits(): readonly Split[] {
    return this.#reader.snapshot();
  }

  /** `unaligned`: the barrier overtakes what the task has not given away, once the rows of the last poll are all with it. */
  trigger(checkpoint: number, unaligned = false): void {
    this.#triggers.push({ checkpoint, unaligned });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  /** The watermarks beyond which sources are not to be read for now, by group. */
  align(limits: WatermarkLimits): void {
    const { alignment } = this.#spec.eventTime ?? {};
    if (alignment !== undefined && Object.hasOwn(limits, alignment.group)) {
      this.#limitMs = limits[alignment.group];
    }
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
    if (this.#ready.length > 0) return this.#ready.shift();
    if (this.#triggers.length > 0) return barrier(this.#triggers.shift() as Trigger);
    if (this.#state !== 'reading') return this.#end();
    if (this.#watermarkOf !== undefined) {
      this.#splits.tick(nowMs, this.#isHeld);
      this.#watermarkMs = Math.max(this.#watermarkMs, this.#splits.watermarkMs);
      if (!this.#saidIdle && this.#splits.isIdle) return this.#sayIdle();
    }
    if (this.#watermarkMs > this.#sentWatermarkMs && nowMs >= this.#watermarkDueMs) {
      this.#watermarkDueMs = nowMs + WATERMARK_INTERVAL_MS;
      return this.#watermark();
    }
    if (this.#isHeld || this.#idle) return undefined;
    return this.#poll();
  }

  get #isHeld(): boolean {
    return this.#paused || this.#watermarkMs > this.#limitMs;
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
    if (this.#watermarkOf === undefined) {
      this.#count(batch.count, batch.bytes.length);
      return { kind: 'batch', batch };
    }
    const rows = { batch, runs: this.#splits.takeRuns() };
    const timed = this.#assign?.(rows) ?? rows;
    this.#count(timed.batch.count, timed.batch.bytes.length);
    if (this.#saidIdle) {
      this.#saidIdle = false;
      this.#ready.push({ kind: 'watermark', timeMs: this.#sentWatermarkMs });
    }
    const elements = cutBatch(timed, this.#splits, this.#watermarkOf, this.#sentWatermarkMs);
    for (const element of elements) {
      if (element.kind === 'watermark') this.#sentWatermarkMs = element.timeMs;
      this.#ready.push(element);
    }
    this.#watermarkMs = Math.max(this.#watermarkMs, this.#splits.watermarkMs);
    // A function may have given up every record.
    return this.#ready.shift() ?? { kind: 'batch', batch: EMPTY_BATCH };
  }

  #count(rows: number, bytes: number): void {
    this.#counters.batches += 1;
    this.#counters.recordsOut += rows;
    this.#counters.bytesOut += bytes;
  }

  #end(): Element | undefined {
    if (this.#state === 'ended') return undefined;
    if (this.#sentWatermarkMs < WATERMARK_MAX_MS) {
      this.#watermarkMs = WATERMARK_MAX_MS;
      this.#saidIdle = false;
      return this.#watermark();
    }
    this.#state = 'ended';
    return { kind: 'end' };
  }

  #sayIdle(): Element {
    this.#saidIdle = true;
    return { ...this.#watermark(), idle: true };
  }

  #watermark(): Extract<Element, { readonly kind: 'watermark' }> {
    this.#sentWatermarkMs = this.#watermarkMs;
    return { kind: 'watermark', timeMs: this.#watermarkMs };
  }
}

function barrier({ checkpoint, unaligned }: Trigger): Element {
  return unaligned ? { kind: 'barrier', checkpoint, unaligned } : { kind: 'barrier', checkpoint };
}
