/**
 * `process`, `coProcess`, `broadcastProcess`: functions with named states and timers. Each batch, and each round of timers, is a
 * transaction: states of its keys are handed in, and what the call hands back (states, map entries, timers, side outputs,
 * results, metrics) counts together or not at all.
 *
 * F1  Rows of a keyed input carry key hashes in their tags, their bytes are the operator's to overwrite.
 * F2  A call that failed has changed nothing.
 * F3  A key's timers fire in the order of their times, and each sees what those before it did: a call has at most one of a key.
 * F4  Event-time timers at or before a watermark have fired when the watermark goes on.
 * F5  The clock is what `onTime` said last: at most `PROCESS_TICK_MS` old while the task has work.
 */
import { ROW_LENGTH_OFFSET, ROW_TAG_OFFSET } from '../../../abi/layout.ts';
import type { RowKernel } from '../../../abi/row-kernel.ts';
import { MillraceError } from '../../../errors.ts';
import {
  PROCESS_TICK_MS,
  ROW_BYTES_MAX,
  TIMER_ROUNDS_MAX,
  TIMERS_PER_CALL_MAX,
} from '../../../limits.ts';
import { type Batch, EMPTY_BATCH } from '../../../model/batch.ts';
import { WATERMARK_MAX_MS, WATERMARK_MIN_MS } from '../../../model/element.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { KeySpec } from '../../../model/key-spec.ts';
import type { CompiledModule } from '../../../sandbox/guest.ts';
import type { ProcessResult, ProcessSource } from '../../../sandbox/process-call.ts';
import {
  type MeasuredCounters,
  newCounters,
  type OperatorCapture,
  type OperatorContext,
  type OperatorSnapshot,
  type Output,
  type SwappableOperator,
  type TimedOperator,
  type UserMetric,
} from '../../operator.ts';
import type { ProcessSpec } from '../../process-spec.ts';
import { type GuardedStep, recoverBatch } from '../error-policy.ts';
import { GuestCall } from '../guest-call.ts';
import type { GuestOperatorParts } from '../operator-parts.ts';
import { RowSample } from '../row-sample.ts';
import { CallKeys } from './call-keys.ts';
import { KeyStates } from './key-states.ts';
import { MapStates } from './map-states.ts';
import { ProcessTimers, type TimerKind } from './process-timers.ts';
import { addUserMetrics, newUserMetrics } from './user-metrics.ts';

/** The name of the row of a key's value, list and reducing states in snapshots. */
export const PROCESS_STATE = 'state';

export type ProcessOperator = SwappableOperator & TimedOperator;

export function createProcessOperator(
  spec: ProcessSpec,
  parts: GuestOperatorParts,
): ProcessOperator {
  return new GuestProcess(spec, parts);
}

class GuestProcess implements SwappableOperator, TimedOperator {
  readonly counters: MeasuredCounters & { readonly userMetrics: readonly UserMetric[] };
  readonly #spec: ProcessSpec;
  readonly #context: OperatorContext;
  readonly #kernel: RowKernel;
  readonly #guest: GuestCall;
  readonly #keys = new CallKeys();
  readonly #states: KeyStates;
  readonly #maps: MapStates;
  readonly #timers: ProcessTimers;
  readonly #guarded: Readonly<Record<ProcessSource, GuardedStep>>;
  readonly #sample = new RowSample();
  #result: ProcessResult | undefined;
  #watermarkMs = WATERMARK_MIN_MS;
  #nowMs = 0;
  /** Keys of the rows of the next call, whose tags are ordinals already. */
  #resolved: number | undefined;
  /** Timers of different keys that the last round had: the next asks for about as many. */
  #round = TIMERS_PER_CALL_MAX;

  constructor(spec: ProcessSpec, parts: GuestOperatorParts) {
    const { sandbox, module, context } = parts;
    this.#spec = spec;
    this.#context = context;
    this.#kernel = parts.kernel;
    this.counters = { ...newCounters(), userMetrics: newUserMetrics(spec.process.metrics) };
    const { counters } = this;
    this.#guest = new GuestCall({ spec, sandbox, module, context, counters });
    this.#states = new KeyStates(spec, parts);
    this.#maps = new MapStates(spec, this.#keys, parts);
    this.#timers = new ProcessTimers(spec, parts);
    const guarded = (source: ProcessSource): GuardedStep => ({
      ...{ spec, guest: this.#guest, context, counters },
      schema: (source === 'second' ? spec.process.second : undefined) ?? spec.input,
      attempt: (rows) => {
        // The failed call left ordinals in the tags.
        const key = this.#keyOf(source);
        if (key !== undefined) this.#kernel.hashKeys(rows, key);
        this.#call(rows, source);
      },
      accept: (out) => this.#accept(out),
    });
    this.#guarded = {
      first: guarded('first'),
      second: guarded('second'),
      eventTimers: guarded('eventTimers'),
      processingTimers: guarded('processingTimers'),
    };
  }

  get id(): string {
    return this.#spec.id;
  }

  /** The next tick of the clock, or what is due before. Later than the last one, so that input has its turn. */
  get dueMs(): number {
    const dueMs = Math.min(
      this.#nowMs + PROCESS_TICK_MS,
      this.#timers.nextMs('processing') ?? Number.POSITIVE_INFINITY,
    );
    return Math.max(dueMs, this.#nowMs + 1);
  }

  onBatch(batch: Batch, out: Output, input = 0): void {
    if (batch.count === 0) return;
    const { counters } = this;
    counters.batches += 1;
    counters.recordsIn += batch.count;
    counters.bytesIn += batch.bytes.length;
    this.#run(batch, input === 0 ? 'first' : 'second', out);
  }

  onWatermark(timeMs: number, out: Output): void {
    this.#watermarkMs = Math.max(this.#watermarkMs, timeMs);
    this.#fireDue(this.#watermarkMs, out);
  }

  onTime(nowMs: number, out: Output): void {
    this.#nowMs = nowMs;
    this.#maps.nowMs = nowMs;
    this.#states.cleanUp(nowMs);
    this.#maps.cleanUp(nowMs);
    this.#countState();
    // One round: what it sets is due in the next turn, after input had one.
    this.#fireRound('processing', nowMs, out);
  }

  onEnd(): void {}

  stateOf(hash: number, key: Uint8Array): Uint8Array | undefined {
    return this.#states.get(hash, key);
  }

  snapshot(): OperatorSnapshot {
    const states = this.#states.snapshot();
    const keyed = {
      ...(states === undefined ? {} : { [PROCESS_STATE]: states }),
      ...Object.fromEntries(this.#maps.snapshots()),
      ...this.#timers.snapshot(),
    };
    return { keyed, values: null };
  }

  capture(changes: boolean): OperatorCapture {
    const states = this.#states.capture(changes);
    const keyed = {
      ...(states === undefined ? {} : { [PROCESS_STATE]: states }),
      ...Object.fromEntries(this.#maps.captures(changes)),
      ...this.#timers.snapshot(),
    };
    return { keyed, values: null };
  }

  restore({ keyed }: OperatorSnapshot, range: KeyGroupRange): void {
    if (Object.hasOwn(keyed, PROCESS_STATE)) this.#states.restore(keyed[PROCESS_STATE], range);
    this.#maps.restore(keyed, range);
    this.#timers.restore(keyed, range);
    this.#countState();
  }

  stage(module: CompiledModule): void {
    this.#guest.stage(module, (instance) => {
      instance.runProcess(this.#spec.function.name, {
        ...{ rows: this.#sample.rows, states: EMPTY_BATCH, keys: this.#sample.keys },
        ...{ source: 'first', watermarkMs: WATERMARK_MIN_MS, nowMs: this.#nowMs },
        maps: { get: () => undefined, next: () => undefined },
      });
    });
  }

  swap(): void {
    this.#guest.swap();
  }

  unstage(): void {
    this.#guest.unstage();
  }

  close(): void {
    this.#guest.unstage();
    this.#states.close();
    this.#maps.close();
    this.#timers.close();
  }

  #run(rows: Batch, source: ProcessSource, out: Output): void {
    try {
      this.#call(rows, source);
    } catch (thrown) {
      recoverBatch(rows, thrown, this.#guarded[source], out);
      return;
    }
    this.#accept(out);
  }

  /** One call on rows with key hashes in their tags. */
  #call(rows: Batch, source: ProcessSource): void {
    const key = this.#keyOf(source);
    let keys = 0;
    if (key !== undefined) {
      keys = this.#resolved ?? this.#states.resolve(rows, key, this.#nowMs);
      this.#resolved = undefined;
      this.#keys.begin(rows, key, keys);
      if (source === 'first') this.#sample.offer(rows);
    }
    const { instance } = this.#guest;
    const result = instance.runProcess(this.#spec.function.name, {
      ...{ rows, states: key === undefined ? EMPTY_BATCH : this.#states.states, keys, source },
      ...{ watermarkMs: this.#watermarkMs, nowMs: this.#nowMs, maps: this.#maps },
    });
    this.counters.fuel += instance.lastFuel;
    for (const rows of result.maps) checkEntries(rows);
    this.#result = result;
  }

  /** Of the rows of a source; undefined when they have none: a broadcast input reaches every task. */
  #keyOf(source: ProcessSource): KeySpec | undefined {
    return source === 'second' ? this.#spec.secondKey : this.#spec.key;
  }

  #accept(out: Output): void {
    const result = this.#result;
    if (result === undefined) return;
    const { counters } = this;
    this.#states.accept(result.states, this.#keys);
    this.#maps.accept(result.maps);
    this.#timers.accept(result.timers, this.#keys);
    addUserMetrics(counters.userMetrics, result.metrics);
    this.#countState();
    for (const [i, rows] of result.sides.entries()) {
      if (rows.count > 0) out.side(this.#spec.process.sides[i].name, rows);
    }
    if (result.output.count === 0) return;
    counters.recordsOut += result.output.count;
    counters.bytesOut += result.output.bytes.length;
    out.batch(result.output);
  }

  /**
   * F4. Timers that are set meanwhile fire too when they are due. When the input has ended everything is due for ever, so a chain of
   * timers that set the next has an end there.
   */
  #fireDue(untilMs: number, out: Output): void {
    const pending = this.#timers.pending('event');
    let fired = 0;
    let stuck = 0;
    let lastMs = Number.NEGATIVE_INFINITY;
    for (;;) {
      const nextMs = this.#timers.nextMs('event');
      if (nextMs === undefined || nextMs > untilMs) return;
      stuck = nextMs > lastMs ? 0 : stuck + 1;
      lastMs = Math.max(lastMs, nextMs);
      if (stuck > pending + TIMER_ROUNDS_MAX) throw this.#endless(nextMs);
      fired += this.#fireRound('event', untilMs, out);
      if (untilMs === WATERMARK_MAX_MS && fired > pending * (TIMER_ROUNDS_MAX + 1)) {
        this.#cutChain();
        return;
      }
    }
  }

  /** Fires timers of different keys that are due; returns how many. */
  #fireRound(kind: TimerKind, untilMs: number, out: Output): number {
    let rows = this.#timers.take(kind, untilMs, this.#round);
    if (rows.count === 0) return 0;
    this.#resolved = this.#states.resolve(rows, this.#spec.key, this.#nowMs);
    if (this.#resolved < rows.count) {
      const distinct = firstOfKeys(rows);
      this.#timers.putBack(kind, distinct);
      rows = firstRows(rows, distinct);
      this.#kernel.hashKeys(rows, this.#spec.key);
      this.#resolved = undefined;
    }
    this.#round = Math.min(TIMERS_PER_CALL_MAX, Math.max(16, 2 * rows.count));
    this.#run(rows, kind === 'event' ? 'eventTimers' : 'processingTimers', out);
    return rows.count;
  }

  #endless(timeMs: number): MillraceError {
    return new MillraceError(
      'TIMER_LOOP',
      `step "${this.#spec.id}" does not get past its timers of ${timeMs} ms: ${TIMER_ROUNDS_MAX} times each set another that was due at once`,
      { hint: 'let onTimer set timers that are later than the one that fires' },
    );
  }

  #cutChain(): void {
    const left = this.#timers.pending('event');
    if (left === 0) return;
    this.#timers.drop('event');
    this.#countState();
    this.#context.log(
      'warn',
      `step "${this.#spec.id}": the input has ended, and timers set ever new ones, ${TIMER_ROUNDS_MAX} for each that was pending; ${left} are dropped`,
    );
  }

  #countState(): void {
    const { counters } = this;
    counters.stateEntries = this.#states.entries + this.#maps.entries + this.#timers.entries;
    counters.stateBytes = this.#states.bytes + this.#maps.bytes + this.#timers.bytes;
  }
}

/** F3: how many rows there are before a key comes again; their tags are ordinals. */
function firstOfKeys({ bytes }: Batch): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let distinct = 0;
  for (let at = 0; view.getUint32(at + ROW_TAG_OFFSET, true) === distinct; distinct++) {
    at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
  }
  return distinct;
}

/** The first rows of a batch, in its memory. */
function firstRows({ bytes }: Batch, count: number): Batch {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let end = 0;
  for (let i = 0; i < count; i++) end += view.getUint32(end + ROW_LENGTH_OFFSET, true);
  return { bytes: bytes.subarray(0, end), count };
}

/** An entry is stored with its key again and those of its neighbours: it cannot be as long as a row. */
function checkEntries({ bytes, count }: Batch): void {
  if (bytes.length <= ROW_BYTES_MAX / 4) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = view.getUint32(at + ROW_LENGTH_OFFSET, true);
    if (length > ROW_BYTES_MAX / 4) {
      const message = `an entry of a map state has ${length} bytes, limit ${ROW_BYTES_MAX / 4}`;
      throw new MillraceError('RECORD_TOO_LARGE', message, {
        hint: 'keep less in one entry',
      });
    }
    at += length;
  }
}
