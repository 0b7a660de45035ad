import { join } from 'node:path';
import type { RecordFormat } from '../../abi/row-decoder.ts';
import type { RowEncoder } from '../../abi/row-encoder.ts';
import type { Clock } from '../../clock.ts';
import { MillraceError } from '../../errors.ts';
import type { Batch } from '../../model/batch.ts';
import type { Json } from '../../model/json.ts';
import type { SinkContext, SinkWriter } from '../sink.ts';
import {
  commitParts,
  isOutOfSpace,
  type OutputDirectory,
  onDisk,
  type PendingPart,
  readTransaction,
  storageFailed,
  toTransaction,
} from './file-transaction.ts';
import { partName, pendingName } from './part-name.ts';

export interface FileWriterOptions {
  readonly directory: OutputDirectory;
  readonly context: SinkContext;
  readonly format: RecordFormat;
  readonly encoder: RowEncoder;
  /** Bytes after which a new part is begun within one checkpoint. */
  readonly rollBytes: number;
  readonly clock: Clock;
}

/** Bytes gathered before they are written. */
const WRITE_BYTES = 256 * 1024;
/** Milliseconds between two tries while the disk is full. */
const FULL_DISK_RETRY_MS = 500;

/** A pending file that is being written. */
interface OpenPart {
  readonly name: string;
  readonly descriptor: number;
  bytes: number;
}

/**
 * One task's writer of the `file` sink.
 *
 * W1  A pending file becomes part of a transaction only when all its bytes and its directory entry are durable.
 * W2  Bytes that a full disk refuses stay in the buffer: nothing is written twice, nothing is left out, `full` holds
 *     the task back, and `preCommit` declines until the disk takes them.
 * W3  After a failed fsync no byte of the file can be trusted, a second fsync would report success without having written it: the
 *     writer is broken for good and the task restarts from its checkpoint.
 * W4  Parts that were pre-committed and not committed are in every later transaction.
 */
export class FileWriter implements SinkWriter {
  readonly #options: FileWriterOptions;
  #buffer = new Uint8Array(WRITE_BYTES * 2);
  /** Bytes of the buffer not yet written: from, to. */
  #from = 0;
  #to = 0;
  #part: OpenPart | undefined;
  /** Parts of this checkpoint that reached `rollBytes`. */
  #rolled: OpenPart[] = [];
  #names = 0;
  #precommitted: PendingPart[] = [];
  /** Parts of the transaction committed last: the next one may name them again. */
  #committed = new Set<string>();
  /** Pre-commits take their turns. */
  #turn: Promise<unknown> = Promise.resolve();
  #broken: MillraceError | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(options: FileWriterOptions) {
    this.#options = options;
  }

  get full(): boolean {
    return this.#cancelRetry !== undefined;
  }

  write(batch: Batch): void {
    if (this.#broken !== undefined) throw this.#broken;
    this.#append(this.#options.encoder.encode(batch));
    if (this.full || this.#to - this.#from < this.#room()) return;
    const refusal = this.#drain();
    if (refusal !== undefined) this.#retryLater();
    else this.#roll();
  }

  async preCommit(checkpoint: number): Promise<Json> {
    if (this.#broken !== undefined) throw this.#broken;
    const refusal = this.#drain();
    if (refusal !== undefined) {
      if (!this.full) this.#retryLater();
      throw refusal;
    }
    this.#endWait();
    const cut = this.#rolled;
    if (this.#part !== undefined) cut.push(this.#part);
    this.#rolled = [];
    this.#part = undefined;
    const turn = this.#turn.then(() => this.#finish(cut, checkpoint));
    this.#turn = turn.catch(() => {});
    await turn;
    return toTransaction(this.#precommitted);
  }

  async commit(transaction: Json): Promise<void> {
    const { directory } = this.#options;
    const parts = readTransaction(directory.id, transaction);
    await commitParts(
      directory,
      parts.filter(({ part }) => !this.#committed.has(part)),
    );
    this.#committed = new Set(parts.map(({ part }) => part));
    this.#precommitted = this.#precommitted.filter(({ part }) => !this.#committed.has(part));
  }

  /** What is written becomes visible by commits only. */
  flush(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  async close(): Promise<void> {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    await this.#turn;
    const { directory } = this.#options;
    const open = this.#part === undefined ? this.#rolled : [...this.#rolled, this.#part];
    this.#part = undefined;
    this.#rolled = [];
    this.#broken ??= new MillraceError('SINK_UNAVAILABLE', `sink "${directory.id}" is closed`);
    for (const part of open) {
      directory.files.close(part.descriptor);
      await onDisk(directory, 'remove a file in', () =>
        directory.files.remove(join(directory.path, part.name)),
      );
    }
  }

  /** Bytes to gather before they are written: up to where the part is to end, if that is near. */
  #room(): number {
    return Math.min(WRITE_BYTES, this.#options.rollBytes - (this.#part?.bytes ?? 0));
  }

  #append(bytes: Uint8Array): void {
    if (this.#from > 0) {
      this.#buffer.copyWithin(0, this.#from, this.#to);
      this.#to -= this.#from;
      this.#from = 0;
    }
    const needed = this.#to + bytes.length;
    if (needed > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, this.#to));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#to);
    this.#to = needed;
  }

  /** Writes the buffer out. Returns the error when the disk is full (W2); throws any other. */
  #drain(): MillraceError | undefined {
    const { directory } = this.#options;
    if (this.#from === this.#to) return undefined;
    try {
      this.#part ??= this.#create();
      while (this.#from < this.#to) {
        const { descriptor } = this.#part;
        const taken = directory.files.write(descriptor, this.#buffer, this.#from, this.#to);
        if (taken <= 0) throw new Error('the file takes no bytes');
        this.#from += taken;
        this.#part.bytes += taken;
      }
    } catch (cause) {
      const error = storageFailed(directory, 'write to', cause);
      if (isOutOfSpace(cause)) return error;
      this.#broken = error;
      throw error;
    }
    this.#from = 0;
    this.#to = 0;
    return undefined;
  }

  /** Begins a part. The preamble goes before what is in the buffer, through the buffer, so that W2 holds for it too. */
  #create(): OpenPart {
    const { directory, context, encoder } = this.#options;
    const name = pendingName(context, this.#names);
    const descriptor = directory.files.create(join(directory.path, name));
    this.#names += 1;
    if (encoder.preamble.length > 0) {
      const rest = this.#buffer.slice(this.#from, this.#to);
      this.#from = 0;
      this.#to = 0;
      this.#append(encoder.preamble);
      this.#append(rest);
    }
    return { name, descriptor, bytes: 0 };
  }

  #roll(): void {
    if (this.#part === undefined || this.#part.bytes < this.#options.rollBytes) return;
    this.#rolled.push(this.#part);
    this.#part = undefined;
  }

  #retryLater(): void {
    const { clock, context } = this.#options;
    this.#cancelRetry = clock.after(FULL_DISK_RETRY_MS, () => {
      this.#cancelRetry = undefined;
      try {
        if (this.#drain() !== undefined) this.#retryLater();
      } catch {
        // The writer is broken now; the task learns it from its next call.
      }
      if (!this.full) context.wake();
    });
  }

  /** The disk has room again before the next try was due. */
  #endWait(): void {
    if (this.#cancelRetry === undefined) return;
    this.#cancelRetry();
    this.#cancelRetry = undefined;
    this.#options.context.wake();
  }

  /** Makes the files of a cut durable and gives them their names (W1). */
  async #finish(cut: readonly OpenPart[], checkpoint: number): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    if (cut.length === 0) return;
    const { directory } = this.#options;
    try {
      try {
        for (const { descriptor } of cut) await directory.files.sync(descriptor);
      } finally {
        for (const { descriptor } of cut) directory.files.close(descriptor);
      }
      const parts = await this.#nameParts(cut, checkpoint);
      await directory.files.syncDirectory(directory.path);
      this.#precommitted.push(...parts);
    } catch (cause) {
      this.#broken = storageFailed(directory, 'make files durable in', cause);
      throw this.#broken;
    }
  }

  /** Names that are free now: a directory may hold parts of an earlier job with the same sink. */
  async #nameParts(cut: readonly OpenPart[], checkpoint: number): Promise<PendingPart[]> {
    const { directory, context, format } = this.#options;
    const parts: PendingPart[] = [];
    let n = 1;
    for (const { name } of cut) {
      const owner = { id: context.id, task: context.task, checkpoint, format };
      while (await directory.files.exists(join(directory.path, partName(owner, n)))) n += 1;
      parts.push({ pending: name, part: partName(owner, n) });
      n += 1;
    }
    return parts;
  }
}
