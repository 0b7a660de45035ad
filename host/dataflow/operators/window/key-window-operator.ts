/**
 * `reduce`, `aggregate` and `apply` over windows that each key has its own of: sessions, counts, one for all, and windows with a trigger.
 * The windows of a key are one row of state; a call reads the rows of its keys, says what is to be folded, merged and emitted
 * (`window-assigner.ts`), lets the guest do it (`node-states.ts`), and writes the rows back (`key-window-calls.ts`).
 *
 * K1  Rows come over a keyed edge: their tags are key hashes, their bytes the operator's to overwrite.
 * K2  A record that no window takes leaves by `late`, or is counted as dropped when nobody reads that: in = windowed + late + dropped.
 * K3  A key with windows that end has one timer, at or before the time at which the first of them does something.
 * K4  Windows of a key fire in the order of their ends.
 * K5  The watermark only rises, also across a restore.
 */
import { z } from 'zod';
import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { MillraceError } from '../../../errors.ts';
import { STATE_BYTES_MAX, TIMERS_PER_CALL_MAX } from '../../../limits.ts';
import type { Batch } from '../../../model/batch.ts';
import { WATERMARK_MIN_MS } from '../../../model/element.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { CompiledModule } from '../../../sandbox/guest.ts';
import { createTimerTable } from '../../../state/create-timer-table.ts';
import type { StateTable } from '../../../state/state-table.ts';
import type { TimerTable } from '../../../state/timer-table.ts';
import {
  newCounters,
  type OperatorSnapshot,
  type Output,
  type SwappableOperator,
  type TimedOperator,
} from '../../operator.ts';
import type { WindowedSpec } from '../../window-spec.ts';
import { GuestCall } from '../guest-call.ts';
import type { GuestOperatorParts } from '../operator-parts.ts';
import { RowSample } from '../row-sample.ts';
import { appendEntriesWith } from './entry-rows.ts';
import { KeyWindowCalls } from './key-window-calls.ts';
import { warmWindows } from './warm-windows.ts';

const WINDOWS_STATE = 'windows';
const TIMERS_STATE = 'timers';

const valuesSchema = z.strictObject({ watermarkMs: z.int() });

export function createKeyWindowOperator(
  spec: WindowedSpec,
  parts: GuestOperatorParts,
): SwappableOperator & TimedOperator {
  return new KeyWindowOperator(spec, parts);
}

class KeyWindowOperator implements SwappableOperator, TimedOperator {
  readonly counters = newCounters();
  readonly #spec: WindowedSpec;
  readonly #parts: GuestOperatorParts;
  readonly #guest: GuestCall;
  readonly #table: StateTable;
  readonly #timers: TimerTable;
  readonly #calls: KeyWindowCalls;
  readonly #sample = new RowSample();
  readonly #popped = new BatchBuilder();
  readonly #states = new BatchBuilder();
  readonly #entries = new BatchBuilder();
  /** The latest time that the clock has shown. */
  #nowMs: number | undefined;

  constructor(spec: WindowedSpec, parts: GuestOperatorParts) {
    const { sandbox, module, context, kernel } = parts;
    const { counters } = this;
    const { keyGroups, range } = context;
    this.#spec = spec;
    this.#parts = parts;
    this.#guest = new GuestCall({ spec, sandbox, module, context, counters });
    this.#table = parts.createStateTable({ keyGroups, range, bytesMax: STATE_BYTES_MAX });
    this.#timers = createTimerTable({ keyGroups, bytesMax: STATE_BYTES_MAX });
    const calls = { spec, guest: this.#guest, context, counters, kernel };
    this.#calls = new KeyWindowCalls({ ...calls, table: this.#table, timers: this.#timers });
  }

  get id(): string {
    return this.#spec.id;
  }

  onBatch(batch: Batch, out: Output): void {
    if (batch.count === 0) return;
    const { counters } = this;
    counters.batches += 1;
    counters.recordsIn += batch.count;
    counters.bytesIn += batch.bytes.length;
    this.#sample.offer(batch);
    this.#calls.take(batch, out);
    this.#countState();
  }

  onWatermark(timeMs: number, out: Output): void {
    const beforeMs = this.#calls.watermarkMs;
    if (timeMs <= beforeMs) return;
    this.#calls.watermarkMs = timeMs;
    while ((this.#timers.nextMs ?? Number.POSITIVE_INFINITY) <= timeMs) {
      this.#popped.clear();
      this.#timers.pop(timeMs, TIMERS_PER_CALL_MAX, this.#popped);
      this.#states.clear();
      this.#table.resolveEntries(this.#popped.batch(), this.#states);
      this.#entries.clear();
      appendEntriesWith(this.#popped.batch(), this.#states, this.#entries);
      this.#calls.look(this.#entries.batch(), { kind: 'advance', beforeMs }, out);
    }
    this.#countState();
  }

  onEnd(): void {}

  /** The next whole multiple of the trigger's interval; at once before the clock was ever seen. */
  get dueMs(): number | undefined {
    const everyMs = this.#spec.trigger?.everyMs;
    if (everyMs === undefined) return undefined;
    if (this.#nowMs === undefined) return Number.NEGATIVE_INFINITY;
    return (Math.floor(this.#nowMs / everyMs) + 1) * everyMs;
  }

  onTime(nowMs: number, out: Output): void {
    const beforeMs = this.#nowMs;
    this.#nowMs = Math.max(beforeMs ?? nowMs, nowMs);
    const everyMs = this.#spec.trigger?.everyMs;
    if (beforeMs === undefined || everyMs === undefined) return;
    if (Math.floor(beforeMs / everyMs) === Math.floor(this.#nowMs / everyMs)) return;
    this.#fireAll(out);
    this.#countState();
  }

  snapshot(): OperatorSnapshot {
    return {
      keyed: { [WINDOWS_STATE]: this.#table.snapshot(), [TIMERS_STATE]: this.#timers.snapshot() },
      values: { watermarkMs: this.#calls.watermarkMs },
    };
  }

  restore(snapshot: OperatorSnapshot, range: KeyGroupRange): void {
    const parsed = valuesSchema.safeParse(snapshot.values);
    if (!parsed.success) {
      throw new MillraceError('CHECKPOINT_CORRUPT', "a windowed step's values cannot be read", {
        details: parsed.error.issues.map((issue) => issue.message),
      });
    }
    const { [WINDOWS_STATE]: windows, [TIMERS_STATE]: timers } = snapshot.keyed;
    if (windows !== undefined) this.#table.restore(windows, range);
    if (timers !== undefined) this.#timers.restore(timers, range);
    const { watermarkMs } = parsed.data;
    // All tasks of a step get the watermarks of a checkpoint before its barrier, so its parts have the same.
    this.#calls.watermarkMs = Math.max(this.#calls.watermarkMs ?? WATERMARK_MIN_MS, watermarkMs);
    this.#countState();
  }

  stage(module: CompiledModule): void {
    this.#guest.stage(module, (instance) => warmWindows(instance, this.#spec, this.#sample));
  }

  swap(): void {
    this.#guest.swap();
  }

  unstage(): void {
    this.#guest.unstage();
  }

  close(): void {
    this.#guest.unstage();
    this.#table.close();
    this.#timers.close();
  }

  /** A key group at a time, as writing to the table ends a scan of it. */
  #fireAll(out: Output): void {
    const { start, end } = this.#parts.context.range;
    for (let group = start; group < end; group++) {
      this.#entries.clear();
      const range = { start: group, end: group + 1 };
      this.#table.scanEntries(range, 0, Number.MAX_SAFE_INTEGER, this.#entries);
      this.#calls.look(this.#entries.batch(), { kind: 'fire all' }, out);
    }
  }

  #countState(): void {
    this.counters.stateEntries = this.#table.entries;
    this.counters.stateBytes = this.#table.bytes + this.#timers.bytes;
  }
}
