import type { SinkWriter } from '../connectors/sink.ts';
import { newCounters, type OperatorCounters, type Output } from '../dataflow/operator.ts';
import type { Batch } from '../model/batch.ts';
import type { Json } from '../model/json.ts';

/** A task's sink as the end of its chain. */
export class SinkStage implements Output {
  readonly id: string;
  readonly counters: OperatorCounters = newCounters();
  readonly #writer: SinkWriter;
  /** Pre-committed and not yet committed, by checkpoint. */
  readonly #transactions = new Map<number, Json>();
  #unflushed = false;

  constructor(id: string, writer: SinkWriter) {
    this.id = id;
    this.#writer = writer;
  }

  get full(): boolean {
    return this.#writer.full;
  }

  batch(batch: Batch): void {
    if (batch.count === 0) return;
    this.counters.batches += 1;
    this.counters.recordsIn += batch.count;
    this.counters.bytesIn += batch.bytes.length;
    this.#unflushed = true;
    this.#writer.write(batch);
  }

  side(): void {}

  /** Called when the task has nothing to do. */
  flush(): void {
    if (!this.#unflushed) return;
    this.#unflushed = false;
    this.#writer.flush();
  }

  async preCommit(checkpoint: number): Promise<Json> {
    const transaction = await this.#writer.preCommit(checkpoint);
    this.#transactions.set(checkpoint, transaction);
    return transaction;
  }

  /** Commits what was pre-committed for `checkpoint`; a transaction holds all of the earlier ones that nobody committed. */
  async commit(checkpoint: number): Promise<void> {
    const transaction = this.#transactions.get(checkpoint) ?? null;
    for (const known of [...this.#transactions.keys()]) {
      if (known <= checkpoint) this.#transactions.delete(known);
    }
    if (transaction !== null) await this.#writer.commit(transaction);
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}
