import type { Batch } from '../model/batch.ts';
import type { Json } from '../model/json.ts';
import type { RecordSchema } from '../model/schema.ts';
import type { Outbound } from './outbound.ts';

export interface SinkContext {
  readonly schema: RecordSchema;
  /** Operator id, for messages. */
  readonly id: string;
  /** Job id and attempt: what a sink writes is named so that attempts never meet. */
  readonly job: string;
  readonly attempt: number;
  readonly task: number;
  readonly parallelism: number;
  readonly baseDirectory: string;
  /** Which addresses it may reach. */
  readonly outbound?: Outbound;
  /** Wakes the task after `full` turned false. */
  wake(): void;
  /**
   * Sends committed rows to the embedding process (the `memory` sink). `key` names the transaction: a
   * commit may be repeated, so the receiver drops rows whose key it has seen.
   */
  deliver(rows: Batch, key: string): void;
}

/**
 * One task's writer, with two-phase commit.
 *
 * S1  What was written between two barriers becomes visible by `commit` of the later one, whole, and not before.
 * S2  After `preCommit` resolved, `commit` succeeds sooner or later, also in another process (`Sink.recover`).
 * S3  `commit` and `abort` may be repeated.
 */
export interface SinkWriter {
  /** While true the task hands over nothing. */
  readonly full: boolean;
  write(batch: Batch): void;
  /**
   * Called at the barrier. Cuts synchronously; resolves with the transaction when all before the cut is durable.
   * `null` = nothing to commit. What earlier checkpoints pre-committed and nobody committed yet is in the
   * transaction again, so a checkpoint that was given up loses nothing. Rejects when the output cannot be made durable
   * now: the checkpoint is declined, the job goes on, and the next `preCommit` covers what this one did not.
   */
  preCommit(checkpoint: number): Promise<Json>;
  /** Makes a transaction visible. `null` does nothing. */
  commit(transaction: Json): Promise<void>;
  /** Pushes buffered output out where that is visible at once (`stdout`); called when idle. */
  flush(): void;
  /** Drops what is not pre-committed. */
  close(): Promise<void>;
}

export interface Sink {
  readonly guarantee: 'exactly-once' | 'at-least-once';
  /** Most tasks that may write it at once, where that is bounded (`stdout`: 1). */
  readonly parallelismMax?: number;
  /** Once per start of the job, before tasks open; checks that it can write. Commits `transactions` of the restored checkpoint and removes what no checkpoint knows. Throws `SINK_UNAVAILABLE`. */
  recover(
    context: Omit<SinkContext, 'task' | 'wake'>,
    transactions: readonly Json[],
  ): Promise<void>;
  open(context: SinkContext): Promise<SinkWriter>;
}
