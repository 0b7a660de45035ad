import { BatchBuilder } from '../../abi/batch-builder.ts';
import type { Batch } from '../../model/batch.ts';
import type { Json } from '../../model/json.ts';
import type { SinkContext, SinkWriter } from '../sink.ts';
import { type MemoryRun, readRuns, toBatch } from './memory-run.ts';

/** Gathers rows between checkpoints and delivers them on commit. */
export class MemoryWriter implements SinkWriter {
  readonly full = false;
  readonly #context: SinkContext;
  readonly #rows = new BatchBuilder();
  #runs = 0;
  /** Pre-committed and not committed; every later transaction has them again. */
  #precommitted: readonly MemoryRun[] = [];
  /** Runs of the transaction committed last: the next one may hold them again. */
  #committed = new Set<string>();

  constructor(context: SinkContext) {
    this.#context = context;
  }

  write(batch: Batch): void {
    this.#rows.append(batch);
  }

  async preCommit(): Promise<Json> {
    if (this.#rows.count > 0) {
      const { bytes, count } = this.#rows.batch();
      const { id, job, task, attempt } = this.#context;
      const key = JSON.stringify([id, job, task, attempt, this.#runs++]);
      const rows = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
      this.#precommitted = [...this.#precommitted, { key, count, rows }];
      this.#rows.clear();
    }
    const runs = this.#precommitted.map((run) => ({ ...run }));
    return runs.length === 0 ? null : { runs };
  }

  async commit(transaction: Json): Promise<void> {
    const runs = readRuns(this.#context.id, transaction);
    for (const run of runs) {
      if (!this.#committed.has(run.key)) this.#context.deliver(toBatch(run), run.key);
    }
    this.#committed = new Set(runs.map((run) => run.key));
    this.#precommitted = this.#precommitted.filter((run) => !this.#committed.has(run.key));
  }

  flush(): void {}

  async close(): Promise<void> {
    this.#rows.clear();
  }
}
