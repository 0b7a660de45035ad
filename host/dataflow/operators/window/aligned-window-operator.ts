/**
 * `reduce`, `aggregate` and `apply` over tumbling and sliding windows: one table of states per pane, shared by the windows that it is part
 * of. A window fires for all keys at once, when the watermark has passed its last millisecond (or the clock its end).
 *
 * A1  Rows come over a keyed edge: their tags are key hashes, their bytes the operator's to overwrite.
 * A2  A record is folded into its windows that have not fired; with allowed lateness also into those that have, and each of these
 *     emits its key's result again. A record of which every window is gone leaves by `late`, or is counted as dropped when nobody
 *     reads that: in = windowed + late + dropped.
 * A3  The watermark only rises, also across a restore: a window that has fired stays so.
 * A4  Windows fire in the order of their ends.
 */
import { z } from 'zod';
import { MillraceError } from '../../../errors.ts';
import { type Batch, EMPTY_BATCH } from '../../../model/batch.ts';
import { WATERMARK_MAX_MS, WATERMARK_MIN_MS } from '../../../model/element.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { CompiledModule } from '../../../sandbox/guest.ts';
import {
  newCounters,
  type OperatorSnapshot,
  type Output,
  type SwappableOperator,
  type TimedOperator,
} from '../../operator.ts';
import type { WindowedSpec, WindowShape } from '../../window-spec.ts';
import { GuestCall } from '../guest-call.ts';
import type { GuestOperatorParts } from '../operator-parts.ts';
import { RowSample } from '../row-sample.ts';
import { type DealtRows, PaneDealer } from './pane-dealer.ts';
import type { PaneStore } from './pane-store.ts';
import { TableMaker } from './pane-tables.ts';
import { PlainPanes } from './plain-panes.ts';
import { SlidingPanes } from './sliding-panes.ts';
import { warmWindows } from './warm-windows.ts';
import { type WindowBounds, windowBounds } from './window-bounds.ts';
import { WindowCalls } from './window-calls.ts';

type AlignedShape = Extract<WindowShape, { readonly kind: 'aligned' }>;

const valuesSchema = z.strictObject({ watermarkMs: z.int() });

export function createAlignedWindowOperator(
  spec: WindowedSpec,
  shape: AlignedShape,
  parts: GuestOperatorParts,
): SwappableOperator & TimedOperator {
  return new AlignedWindowOperator(spec, shape, parts);
}

class AlignedWindowOperator implements SwappableOperator, TimedOperator {
  readonly counters = newCounters();
  readonly #spec: WindowedSpec;
  readonly #isClocked: boolean;
  readonly #bounds: WindowBounds;
  readonly #guest: GuestCall;
  readonly #maker: TableMaker;
  readonly #panes: PaneStore;
  readonly #dealer: PaneDealer;
  readonly #sample = new RowSample();
  /** Of event time, or by the clock the last millisecond that is over. */
  #watermarkMs = WATERMARK_MIN_MS;

  constructor(spec: WindowedSpec, shape: AlignedShape, parts: GuestOperatorParts) {
    const { sandbox, module, context, kernel } = parts;
    const { counters } = this;
    this.#spec = spec;
    this.#isClocked = shape.time === 'processing';
    this.#bounds = windowBounds(shape);
    this.#guest = new GuestCall({ spec, sandbox, module, context, counters });
    this.#maker = new TableMaker(parts.createStateTable, context.keyGroups, context.range);
    const calls = new WindowCalls({ spec, guest: this.#guest, context, counters, kernel });
    const isMergedAhead =
      shape.everyMs < shape.sizeMs &&
      spec.allowedLatenessMs === 0 &&
      spec.function.kind !== 'apply';
    this.#panes = isMergedAhead
      ? new SlidingPanes({
          bounds: this.#bounds,
          calls,
          maker: this.#maker,
          range: context.range,
          givenUp: () => counters.skipped + counters.deadLetters,
        })
      : new PlainPanes(this.#bounds, calls, this.#maker);
    this.#dealer = new PaneDealer(this.#bounds);
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
    const dealt = this.#deal(batch);
    counters.windowedRecords += batch.count - dealt.late.count;
    for (const { paneEnd, rows } of dealt.panes) this.#panes.fold(paneEnd, rows, out);
    for (const { paneEnd, rows } of dealt.behind) this.#foldBehind(paneEnd, rows, out);
    this.#giveLate(dealt.late, out);
    this.#countState();
  }

  onWatermark(timeMs: number, out: Output): void {
    if (!this.#isClocked) this.#advance(timeMs, out);
  }

  /** By the clock: the end of the pane that records belong to now, so that it is always known which that is. */
  get dueMs(): number | undefined {
    if (!this.#isClocked) return undefined;
    if (this.#watermarkMs === WATERMARK_MIN_MS) return Number.NEGATIVE_INFINITY;
    return this.#bounds.paneOf(this.#watermarkMs + 1);
  }

  onTime(nowMs: number, out: Output): void {
    this.#advance(nowMs - 1, out);
  }

  /** By the clock what is open at the end would never fire; by event time the last watermark has fired all. */
  onEnd(out: Output): void {
    if (this.#isClocked) this.#advance(WATERMARK_MAX_MS, out);
  }

  /** Fires every window whose last millisecond is `timeMs` or before. */
  #advance(timeMs: number, out: Output): void {
    if (timeMs <= this.#watermarkMs) return;
    const panes = this.#panes;
    let fired = this.#watermarkMs + 1;
    for (;;) {
      const end = this.#nextWindow(fired);
      if (end === undefined || end - 1 > timeMs) break;
      panes.fire(end, out);
      fired = end;
      panes.dropUntil(end - this.#spec.allowedLatenessMs);
    }
    this.#watermarkMs = timeMs;
    panes.dropUntil(timeMs + 1 - this.#spec.allowedLatenessMs);
    panes.settle(timeMs + 1, out);
    this.#countState();
  }

  snapshot(): OperatorSnapshot {
    return { keyed: this.#panes.snapshot(), values: { watermarkMs: this.#watermarkMs } };
  }

  restore(snapshot: OperatorSnapshot, range: KeyGroupRange): void {
    const parsed = valuesSchema.safeParse(snapshot.values);
    if (!parsed.success) {
      throw new MillraceError('CHECKPOINT_CORRUPT', "a windowed step's values cannot be read", {
        details: parsed.error.issues.map((issue) => issue.message),
      });
    }
    this.#panes.restore(snapshot.keyed, range);
    // All tasks of a step get the watermarks of a checkpoint before its barrier, so its parts have the same.
    this.#watermarkMs = Math.max(this.#watermarkMs, parsed.data.watermarkMs);
    if (this.#watermarkMs > WATERMARK_MIN_MS) this.#panes.resume(this.#watermarkMs + 1);
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
    this.#maker.dropAll();
  }

  #deal(batch: Batch): DealtRows {
    const firedMs = this.#watermarkMs + 1;
    if (!this.#isClocked) {
      return this.#dealer.deal(batch, firedMs, firedMs - this.#spec.allowedLatenessMs);
    }
    const paneEnd = this.#bounds.paneOf(firedMs);
    return { panes: [{ paneEnd, rows: batch }], behind: [], late: EMPTY_BATCH };
  }

  /** A2, for a record whose first window has fired. */
  #foldBehind(paneEnd: number, row: Batch, out: Output): void {
    const before = this.#givenUp();
    const firedMs = this.#watermarkMs + 1;
    this.#panes.foldLate(paneEnd, row, out);
    if (this.#spec.allowedLatenessMs === 0 || this.#givenUp() !== before) return;
    const { firstWindow, everyMs } = this.#bounds;
    const lastMs = Math.min(this.#bounds.lastWindow(paneEnd), firedMs);
    for (let end = firstWindow(paneEnd); end <= lastMs; end += everyMs) {
      const isGone = end <= firedMs - this.#spec.allowedLatenessMs;
      if (!isGone) this.#panes.refire(end, row, out);
    }
  }

  #givenUp(): number {
    return this.counters.skipped + this.counters.deadLetters;
  }

  #giveLate(late: Batch, out: Output): void {
    if (late.count === 0) return;
    if (!this.#spec.lateRead) {
      this.counters.droppedRecords += late.count;
      return;
    }
    this.counters.lateRecords += late.count;
    out.side('late', late);
  }

  /** End of the first window behind `afterMs` that holds anything. */
  #nextWindow(afterMs: number): number | undefined {
    const { firstWindow, lastWindow, everyMs } = this.#bounds;
    for (const pane of this.#panes.ends) {
      if (lastWindow(pane) <= afterMs) continue;
      const first = firstWindow(pane);
      if (first > afterMs) return first;
      return first + (Math.floor((afterMs - first) / everyMs) + 1) * everyMs;
    }
    return undefined;
  }

  #countState(): void {
    const { entries, bytes } = this.#maker.totals();
    this.counters.stateEntries = entries;
    this.counters.stateBytes = bytes;
  }
}
