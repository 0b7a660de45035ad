import type { Readable } from 'node:stream';
import type { BatchBuilder } from '../../abi/batch-builder.ts';
import type { CreateRowDecoder, RecordFormat } from '../../abi/row-decoder.ts';
import { MillraceError } from '../../errors.ts';
import { escapeBytes, reportMalformed } from '../malformed.ts';
import { READ_BYTES, RecordScanner } from '../record-scanner.ts';
import type { PollResult, SourceContext, SourceReader, Split } from '../source.ts';

export interface StdinReaderParts {
  readonly input: Readable;
  readonly format: RecordFormat;
  readonly createDecoder: CreateRowDecoder;
}

/**
 * Reads a stream of bytes that cannot be read twice. The position counts the bytes of all polled records, for people: a reader
 * that is opened later goes on with whatever the stream has then.
 */
export class StdinReader implements SourceReader {
  readonly #split: Split;
  readonly #input: Readable;
  readonly #scanner: RecordScanner;
  readonly #wake: () => void;
  readonly #onError: (cause: Error) => void;
  /** A chunk that did not fit into the scanner's buffer, and what of it is taken. */
  #chunk: Uint8Array | undefined;
  #taken = 0;
  #failure: Error | undefined;

  constructor(split: Split, context: SourceContext, parts: StdinReaderParts) {
    this.#split = split;
    this.#input = parts.input;
    this.#wake = () => context.wake();
    this.#onError = (cause) => {
      this.#failure = cause;
      context.wake();
    };
    this.#scanner = new RecordScanner({
      input: { read: (bytes, at) => this.#read(bytes, at) },
      buffer: { bytes: new Uint8Array(READ_BYTES) },
      format: parts.format,
      createDecoder: (malformed) => parts.createDecoder(parts.format, context.schema, malformed),
      start: Number(split.position ?? 0),
      align: false,
      end: undefined,
      malformed: (offset, reason, excerpt) =>
        reportMalformed(
          context,
          { split: split.id, offset, reason, excerpt: escapeBytes(excerpt) },
          () => `standard input, offset ${offset}`,
        ),
    });
    this.#input.on('readable', this.#wake);
    this.#input.on('end', this.#wake);
    this.#input.on('close', this.#wake);
    this.#input.on('error', this.#onError);
  }

  poll(out: BatchBuilder, bytesMax: number): PollResult {
    if (this.#failure !== undefined) {
      throw new MillraceError(
        'SOURCE_UNAVAILABLE',
        `standard input cannot be read: ${this.#failure.message}`,
        { hint: 'check what the process was started with', cause: this.#failure },
      );
    }
    return this.#scanner.poll(out, bytesMax);
  }

  snapshot(): readonly Split[] {
    return [{ ...this.#split, position: this.#scanner.position }];
  }

  /** Leaves the stream open and paused: it belongs to the process. */
  async close(): Promise<void> {
    this.#input.off('readable', this.#wake);
    this.#input.off('end', this.#wake);
    this.#input.off('close', this.#wake);
    this.#input.off('error', this.#onError);
    this.#input.pause();
  }

  #read(bytes: Uint8Array, at: number): number {
    if (this.#chunk === undefined) {
      const chunk: Uint8Array | null = this.#input.read();
      if (chunk === null) return this.#input.readableEnded || this.#input.destroyed ? 0 : -1;
      this.#chunk = chunk;
      this.#taken = 0;
    }
    const taken = Math.min(bytes.length - at, this.#chunk.length - this.#taken);
    bytes.set(this.#chunk.subarray(this.#taken, this.#taken + taken), at);
    this.#taken += taken;
    if (this.#taken === this.#chunk.length) this.#chunk = undefined;
    return taken;
  }
}
