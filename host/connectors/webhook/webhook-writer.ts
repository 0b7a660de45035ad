import { randomUUID } from 'node:crypto';
import type { Batch } from '../../model/batch.ts';
import type { Json } from '../../model/json.ts';
import type { SinkContext, SinkWriter } from '../sink.ts';
import type { Delivery } from './delivery.ts';
import { partsOf, type Spool, unwrapTransaction, wrapTransaction } from './spool.ts';

export interface WebhookWriterOptions {
  readonly context: SinkContext;
  /** Writes the spool. */
  readonly file: SinkWriter;
  readonly spool: Spool;
  readonly delivery: Delivery;
}

/** What the receiver knows a body by. */
export function keyOf(job: string, run: string, part: string): string {
  return `${encodeURIComponent(job)}/${part.replace(/\.[a-z]+$/, '')}/${run}`;
}

/**
 * One task's writer of the `webhook` sink: a `file` sink's writer makes the spool, and what it commits is sent.
 *
 * H1  A body is sent only after its checkpoint is complete, in order, one at a time.
 * H2  While the receiver does not accept, `full` holds the task back: the spool does not grow without end.
 */
export class WebhookWriter implements SinkWriter {
  readonly #options: WebhookWriterOptions;
  readonly #run = randomUUID();
  /** Accepted parts that the last checkpoint names. */
  #kept: readonly string[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #isSending = false;

  constructor(options: WebhookWriterOptions) {
    this.#options = options;
  }

  get full(): boolean {
    const { file, delivery } = this.#options;
    return file.full || (this.#isSending && delivery.trouble !== undefined);
  }

  write(batch: Batch): void {
    this.#options.file.write(batch);
  }

  async preCommit(checkpoint: number): Promise<Json> {
    return wrapTransaction({
      run: this.#run,
      file: await this.#options.file.preCommit(checkpoint),
    });
  }

  commit(transaction: Json): Promise<void> {
    const turn = this.#turn.then(() => this.#commit(transaction));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** What is written becomes visible by commits only. */
  flush(): void {
    this.#options.file.flush();
  }

  async close(): Promise<void> {
    this.#options.delivery.close();
    await this.#turn;
    await this.#options.file.close();
  }

  async #commit(transaction: Json): Promise<void> {
    const { context, file, spool, delivery } = this.#options;
    const unwrapped = unwrapTransaction(context.id, transaction);
    const parts = partsOf(context.id, unwrapped);
    if (parts.length === 0) return;
    await file.commit(unwrapped.file);
    this.#isSending = true;
    try {
      for (const part of parts) {
        const body = await spool.read(part);
        if (body.length === 0) continue;
        await delivery.send(keyOf(context.job, unwrapped.run, part), body);
        await spool.accepted(part);
      }
    } finally {
      this.#isSending = false;
      // The trouble that held the task back is over, one way or the other.
      context.wake();
    }
    await spool.remove(this.#kept.filter((part) => !parts.includes(part)));
    this.#kept = parts;
  }
}
