import { BatchBuilder } from '../../../abi/batch-builder.ts';
import { ROW_LENGTH_OFFSET } from '../../../abi/layout.ts';
import type { Batch } from '../../../model/batch.ts';

/** What a row's dealing is told about it: the batch's memory and where the row starts. */
export type Deal = (view: DataView, at: number) => number;

/**
 * Deals the rows of a batch into piles, by number, in order. Rows next to each other that go to the same pile are copied in one
 * piece. A pile is good until the next call.
 */
export class RowDealer {
  readonly #piles: readonly BatchBuilder[];

  constructor(piles: number) {
    this.#piles = Array.from({ length: piles }, () => new BatchBuilder(4096));
  }

  /** `deal` gives the pile of a row; below 0 the row is dropped. */
  deal(batch: Batch, deal: Deal): void {
    for (const pile of this.#piles) pile.clear();
    const { bytes, count } = batch;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let run = { pile: -1, from: 0, rows: 0 };
    let at = 0;
    for (let row = 0; row < count; row++) {
      const pile = deal(view, at);
      if (pile !== run.pile) {
        this.#take(bytes, run, at);
        run = { pile, from: at, rows: 0 };
      }
      run.rows += 1;
      at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
    }
    this.#take(bytes, run, at);
  }

  pile(index: number): Batch {
    return this.#piles[index].batch();
  }

  #take(
    bytes: Uint8Array,
    run: { readonly pile: number; readonly from: number; readonly rows: number },
    to: number,
  ): void {
    if (run.pile < 0 || run.rows === 0) return;
    this.#piles[run.pile].append({ bytes: bytes.subarray(run.from, to), count: run.rows });
  }
}
