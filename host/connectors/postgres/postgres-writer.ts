import { randomUUID } from 'node:crypto';
import type { RowEncoder } from '../../abi/row-encoder.ts';
import type { Clock } from '../../clock.ts';
import { MillraceError } from '../../errors.ts';
import type { Batch } from '../../model/batch.ts';
import type { Json } from '../../model/json.ts';
import type { SinkContext, SinkWriter } from '../sink.ts';
import type { Database, Query } from './database.ts';
import {
  type Ledger,
  type PostgresPart,
  readTransaction,
  type StagedChunk,
  toTransaction,
} from './ledger.ts';
import { postgresFailed } from './postgres-failed.ts';

export interface PostgresWriterOptions {
  readonly context: SinkContext;
  readonly database: Database;
  readonly ledger: Ledger;
  readonly encoder: RowEncoder;
  readonly clock: Clock;
}

/** Bytes of lines gathered before they are sent. */
export const CHUNK_BYTES = 256 * 1024;
/** Bytes that wait for the server before the task is held back. */
export const QUEUE_BYTES_MAX = 4 * 1024 * 1024;
/** Milliseconds before a second try; each further pause is twice as long, up to a bound. */
const RETRY_MS = 100;
const RETRY_MAX_MS = 5_000;

interface Waiter {
  /** Chunks that must be staged. */
  readonly until: number;
  readonly resolve: () => void;
  readonly reject: (error: MillraceError) => void;
}

/**
 * One task's writer of the `postgres` sink.
 *
 * P1  Chunks are staged in order, each until the server has it; while it does not answer they wait here, `full` holds the
 *     task back, and `preCommit` declines.
 * P2  A part is in a transaction only when all its chunks are staged.
 * P3  Parts that were pre-committed and not committed are in every later transaction.
 * P4  A commit is tried until it succeeds, is refused for good, or the writer closes.
 */
export class PostgresWriter implements SinkWriter {
  readonly #options: PostgresWriterOptions;
  readonly #run = randomUUID();
  /** The part that is being written. */
  #partCount = 0;
  #partRows = 0;
  #partChunks = 0;
  /** Lines of it not yet in a chunk. */
  #lines: string[] = [];
  #lineBytes = 0;
  #queue: StagedChunk[] = [];
  #queueBytes = 0;
  /** Chunks cut and chunks staged so far. */
  #cut = 0;
  #staged = 0;
  #parts: PostgresPart[] = [];
  #waiters: Waiter[] = [];
  #pumping: Promise<void> = Promise.resolve();
  #isPumping = false;
  #isFull = false;
  /** Why the chunk at the head of the queue is not staged yet. */
  #trouble: MillraceError | undefined;
  #broken: MillraceError | undefined;
  readonly #endPauses = new Set<() => void>();

  constructor(options: PostgresWriterOptions) {
    this.#options = options;
  }

  get full(): boolean {
    return this.#isFull && this.#broken === undefined;
  }

  write(batch: Batch): void {
    if (this.#broken !== undefined) throw this.#broken;
    const bytes = this.#options.encoder.encode(batch);
    this.#lines.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
    this.#lineBytes += bytes.length;
    this.#partRows += batch.count;
    if (this.#lineBytes >= CHUNK_BYTES) this.#cutChunk();
  }

  async preCommit(checkpoint: number): Promise<Json> {
    if (this.#broken !== undefined) throw this.#broken;
    this.#cutChunk();
    if (this.#partRows > 0) {
      const { task } = this.#options.context;
      this.#parts.push({ part: this.#partId(), task, checkpoint, rows: this.#partRows });
      this.#partCount += 1;
      this.#partRows = 0;
      this.#partChunks = 0;
    }
    const parts = this.#parts;
    if (this.#trouble !== undefined) throw this.#trouble;
    const until = this.#cut;
    if (this.#staged < until) {
      await new Promise<void>((resolve, reject) => {
        this.#waiters.push({ until, resolve, reject });
      });
    }
    return toTransaction(parts);
  }

  async commit(transaction: Json): Promise<void> {
    const { context, ledger } = this.#options;
    const parts = readTransaction(context.id, transaction);
    if (parts.length === 0) return;
    for (let failures = 1; ; failures++) {
      try {
        await this.#transaction('commit rows', (query) => ledger.commit(query, parts));
        break;
      } catch (error) {
        if (MillraceError.from(error).code !== 'STORAGE_FAILED') throw error;
        await this.#pause(failures);
        if (this.#broken !== undefined) throw this.#broken;
      }
    }
    const committed = new Set(parts.map(({ part }) => part));
    this.#parts = this.#parts.filter(({ part }) => !committed.has(part));
  }

  /** What is written becomes visible by commits only. */
  flush(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  async close(): Promise<void> {
    const { context, database, ledger } = this.#options;
    const part = this.#partChunks > 0 ? this.#partId() : undefined;
    this.#breakWith(new MillraceError('SINK_UNAVAILABLE', `sink "${context.id}" is closed`));
    if (part !== undefined && this.#trouble === undefined) {
      await this.#pumping;
      // The next start of the job removes what is left here.
      await database.transaction((query) => ledger.unstage(query, part)).catch(() => {});
    }
    await database.close();
  }

  #partId(): string {
    return `${this.#run}-${this.#partCount}`;
  }

  #cutChunk(): void {
    if (this.#lineBytes === 0) return;
    const lines = this.#lines.join('');
    this.#queue.push({ part: this.#partId(), chunk: this.#partChunks, lines });
    this.#queueBytes += lines.length;
    this.#partChunks += 1;
    this.#cut += 1;
    this.#lines = [];
    this.#lineBytes = 0;
    if (this.#queueBytes > QUEUE_BYTES_MAX) this.#isFull = true;
    if (!this.#isPumping) this.#pumping = this.#pump();
  }

  /** Stages what is in the queue (P1). */
  async #pump(): Promise<void> {
    const { ledger } = this.#options;
    this.#isPumping = true;
    for (let failures = 0; this.#queue.length > 0 && this.#broken === undefined; ) {
      const [chunk] = this.#queue;
      try {
        await this.#transaction('stage rows', (query) => ledger.stage(query, chunk));
        failures = 0;
        this.#trouble = undefined;
        this.#advance(chunk);
      } catch (thrown) {
        const error = MillraceError.from(thrown);
        if (error.code !== 'STORAGE_FAILED') this.#breakWith(error);
        this.#trouble = error;
        for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
        failures += 1;
        await this.#pause(failures);
      }
    }
    this.#isPumping = false;
  }

  #advance({ lines }: StagedChunk): void {
    this.#queue.shift();
    this.#queueBytes -= lines.length;
    this.#staged += 1;
    const ready = this.#waiters.filter(({ until }) => until <= this.#staged);
    this.#waiters = this.#waiters.filter(({ until }) => until > this.#staged);
    for (const { resolve } of ready) resolve();
    if (!this.#isFull || this.#queueBytes > QUEUE_BYTES_MAX / 2) return;
    this.#isFull = false;
    this.#options.context.wake();
  }

  async #transaction<T>(action: string, work: (query: Query) => Promise<T>): Promise<T> {
    const { context, database } = this.#options;
    try {
      return await database.transaction(work);
    } catch (cause) {
      throw postgresFailed(context.id, action, cause);
    }
  }

  /** Nothing goes on after this; whoever waits learns it. */
  #breakWith(error: MillraceError): void {
    this.#broken ??= error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#broken);
    for (const end of [...this.#endPauses]) end();
    this.#options.context.wake();
  }

  #pause(failures: number): Promise<void> {
    if (this.#broken !== undefined) return Promise.resolve();
    const pauseMs = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(failures - 1, 16));
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        this.#endPauses.delete(end);
        resolve();
      };
      const cancel = this.#options.clock.after(pauseMs, end);
      this.#endPauses.add(end);
    });
  }
}
