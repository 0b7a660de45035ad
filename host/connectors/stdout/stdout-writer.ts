import type { Writable } from 'node:stream';
import type { RowEncoder } from '../../abi/row-encoder.ts';
import { MillraceError } from '../../errors.ts';
import type { Batch } from '../../model/batch.ts';
import type { Json } from '../../model/json.ts';
import type { SinkContext, SinkWriter } from '../sink.ts';

/**
 * Writes each batch to a stream at once.
 *
 * O1  While the stream holds more than it likes to, `full` keeps the task back.
 * O2  `preCommit` resolves when the stream has passed on all that was written before, so a completed checkpoint means
 *     that its output is out.
 * O3  Once the reader has gone, every call answers `SINK_UNAVAILABLE`; nothing is thrown out of an event.
 */
export class StdoutWriter implements SinkWriter {
  readonly #stream: Writable;
  readonly #encoder: RowEncoder;
  readonly #context: SinkContext;
  readonly #onDrain: () => void;
  readonly #onError: (cause: Error) => void;
  #full = false;
  #failure: MillraceError | undefined;
  /** Settles when all that was written so far is passed on. */
  #passedOn: Promise<void> = Promise.resolve();

  constructor(stream: Writable, encoder: RowEncoder, context: SinkContext) {
    this.#stream = stream;
    this.#encoder = encoder;
    this.#context = context;
    this.#onDrain = () => {
      this.#full = false;
      context.wake();
    };
    this.#onError = (cause) => this.#fail(cause);
    stream.on('drain', this.#onDrain);
    stream.on('error', this.#onError);
    // One task's preamble is enough for all.
    if (context.task === 0) this.#send(encoder.preamble);
  }

  get full(): boolean {
    return this.#full;
  }

  write(batch: Batch): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#send(this.#encoder.encode(batch));
  }

  async preCommit(): Promise<Json> {
    await this.#passedOn;
    if (this.#failure !== undefined) throw this.#failure;
    return null;
  }

  async commit(): Promise<void> {}

  flush(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Leaves the stream open: it belongs to the process. The error listener stays until all is passed on. */
  async close(): Promise<void> {
    this.#stream.off('drain', this.#onDrain);
    await this.#passedOn;
    this.#stream.off('error', this.#onError);
  }

  /** Copies, since the encoder's bytes are valid until its next call. */
  #send(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#passedOn = new Promise((resolve) => {
      const accepted = this.#stream.write(bytes.slice(), (cause) => {
        if (cause) this.#fail(cause);
        resolve();
      });
      if (!accepted) this.#full = true;
    });
  }

  #fail(cause: Error): void {
    const gone = 'code' in cause && cause.code === 'EPIPE';
    this.#failure ??= new MillraceError(
      'SINK_UNAVAILABLE',
      gone
        ? `sink "${this.#context.id}": the reader of standard output has gone`
        : `sink "${this.#context.id}" cannot write to standard output: ${cause.message}`,
      { hint: 'check what standard output is connected to', cause },
    );
    // A full writer would keep the task waiting for a drain that never comes.
    this.#full = false;
    this.#context.wake();
  }
}
