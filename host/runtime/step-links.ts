import { BatchBuilder } from '../abi/batch-builder.ts';
import { ROW_LENGTH_OFFSET } from '../abi/layout.ts';
import type { Operator, Output } from '../dataflow/operator.ts';
import { type Batch, EMPTY_BATCH } from '../model/batch.ts';
import { TAP_BYTES_MAX } from '../server-limits.ts';

/** The steps of a task, one behind the other. */
export interface StepLinks {
  /** Where each step hands its output. */
  readonly links: readonly StepLink[];
  /** What leads to the first step, or, without any, past all of them. */
  readonly first: Output;
}

/** Joins steps so that each hands its output to the next, and the last to `last`. */
export function linkSteps(operators: readonly Operator[], last: Output): StepLinks {
  const links: StepLink[] = [];
  let next = last;
  for (const operator of operators.toReversed()) {
    const link = new StepLink(next);
    links.unshift(link);
    next = entryOf(operator, link);
  }
  return { links, first: next };
}

/** Where a step hands its output. Somebody who looks on gets copies of the first rows that pass; nobody waits for it. */
export class StepLink implements Output {
  readonly #next: Output;
  #wanted = 0;
  #rows: BatchBuilder | undefined;

  constructor(next: Output) {
    this.#next = next;
  }

  batch(batch: Batch): void {
    if (this.#wanted > 0) this.#sample(batch);
    this.#next.batch(batch);
  }

  side(name: string, batch: Batch): void {
    this.#next.side(name, batch);
  }

  /** Keeps copies of the next rows, so many of them. */
  want(rows: number): void {
    this.#wanted = rows;
    this.#rows = undefined;
  }

  /** What was kept, and nothing is wanted any more. */
  take(): Batch {
    const rows = this.#rows?.batch() ?? EMPTY_BATCH;
    this.#wanted = 0;
    this.#rows = undefined;
    return rows;
  }

  #sample({ bytes, count }: Batch): void {
    this.#rows ??= new BatchBuilder(1024);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let end = 0;
    let rows = 0;
    while (rows < count && rows < this.#wanted) {
      const length = view.getUint32(end + ROW_LENGTH_OFFSET, true);
      if (this.#rows.length + end + length > TAP_BYTES_MAX) {
        this.#wanted = rows;
        break;
      }
      end += length;
      rows += 1;
    }
    this.#wanted -= rows;
    if (rows > 0) this.#rows.append({ bytes: bytes.subarray(0, end), count: rows });
  }
}

function entryOf(operator: Operator, output: Output): Output {
  return {
    batch(batch) {
      if (batch.count > 0) operator.onBatch(batch, output);
    },
    side() {},
  };
}
