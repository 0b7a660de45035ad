import type { Batch } from '../../../model/batch.ts';
import type { KeyGroupRange } from '../../../model/key-group.ts';
import type { KeyedSnapshot } from '../../../state/state-table.ts';
import type { Output } from '../../operator.ts';
import type { PaneStore } from './pane-store.ts';
import { PaneTables, type TableMaker } from './pane-tables.ts';
import type { WindowBounds } from './window-bounds.ts';
import type { WindowCalls } from './window-calls.ts';
import { SingleWindow } from './window-times.ts';

/** A table per pane. A window of several panes is merged when it fires, and again when a late record changes it. */
export class PlainPanes implements PaneStore {
  readonly #bounds: WindowBounds;
  readonly #calls: WindowCalls;
  readonly #maker: TableMaker;
  readonly #panes: PaneTables;
  readonly #times = new SingleWindow();

  constructor(bounds: WindowBounds, calls: WindowCalls, maker: TableMaker) {
    this.#bounds = bounds;
    this.#calls = calls;
    this.#maker = maker;
    this.#panes = new PaneTables(maker, 'pane');
  }

  get ends(): readonly number[] {
    return this.#panes.ends;
  }

  fold(paneEnd: number, rows: Batch, out: Output): void {
    this.#calls.foldInto(this.#panes.at(paneEnd), rows, out);
  }

  foldLate(paneEnd: number, row: Batch, out: Output): void {
    this.fold(paneEnd, row, out);
  }

  fire(windowEnd: number, out: Output): void {
    const startMs = windowEnd - this.#bounds.sizeMs;
    const tables = this.#tablesOf(windowEnd);
    if (tables.length === 1) {
      this.#calls.emitAll(tables[0], startMs, windowEnd, out);
      return;
    }
    const merged = this.#maker.make();
    for (const table of tables) this.#calls.mergeInto(merged, table, out);
    this.#calls.emitAll(merged, startMs, windowEnd, out);
    this.#maker.drop(merged);
  }

  refire(windowEnd: number, row: Batch, out: Output): void {
    this.#times.startMs = windowEnd - this.#bounds.sizeMs;
    this.#times.endMs = windowEnd;
    this.#calls.emitKey(this.#tablesOf(windowEnd), row, this.#times, out);
  }

  settle(): void {}

  dropUntil(timeMs: number): void {
    for (const end of [...this.#panes.ends]) {
      if (this.#bounds.lastWindow(end) > timeMs) return;
      this.#panes.drop(end);
    }
  }

  snapshot(): { readonly [state: string]: KeyedSnapshot } {
    return this.#panes.snapshot();
  }

  restore(keyed: { readonly [state: string]: KeyedSnapshot }, range: KeyGroupRange): void {
    this.#panes.restore(keyed, range);
  }

  resume(): void {}

  /** From the oldest. */
  #tablesOf(windowEnd: number) {
    const startMs = windowEnd - this.#bounds.sizeMs;
    return this.#panes.ends.flatMap((end) =>
      end > startMs && end <= windowEnd ? (this.#panes.get(end) ?? []) : [],
    );
  }
}
