import type { BatchBuilder } from '../abi/batch-builder.ts';
import type { MalformedRow, RecordFormat, RowDecoder } from '../abi/row-decoder.ts';
import { ROW_BYTES_MAX } from '../limits.ts';
import type { PollResult } from './source.ts';

/** Where a scanner's bytes come from. */
export interface ByteInput {
  /** Reads the next bytes into `bytes` at `at`, at most to its end. Returns how many, 0 = end of input, -1 = none now. */
  read(bytes: Uint8Array, at: number): number;
}

/** A buffer that scanners of one reader use one after the other. */
export interface ScanBuffer {
  bytes: Uint8Array;
}

export interface ScannerOptions {
  readonly input: ByteInput;
  readonly buffer: ScanBuffer;
  readonly format: RecordFormat;
  /** Made for this scanner: its `malformed` calls `RecordScanner.onMalformed`. */
  readonly createDecoder: (malformed: MalformedRow) => RowDecoder;
  /** Offset of the first byte that `input` yields. */
  readonly start: number;
  /** The first byte may lie inside a record: begin behind the next line end. */
  readonly align: boolean;
  /** Records that start at or behind this offset are not ours; undefined = all are. Needs a line format. */
  readonly end: number | undefined;
  /** Called for each malformed record, with its offset in the input and its first bytes. */
  readonly malformed: (offset: number, reason: string, excerpt: Uint8Array) => void;
}

/** Bytes read at once, and the buffer's first size. */
export const READ_BYTES = 512 * 1024;
/** Bytes one poll reads at most before it gives the worker back, whatever came of them. */
const READ_BYTES_PER_POLL = 8 * 1024 * 1024;
const EXCERPT_BYTES = 120;
const NEWLINE = 0x0a;

/** Formats whose records end with a line end and hold none, so that any line end is a record's end. */
export function isLineFormat(format: RecordFormat): boolean {
  return format === 'lines' || format === 'json' || format === 'raw';
}

/**
 * Cuts a run of bytes into records and decodes them, batch-wise, with a position that a later scanner can go on from.
 *
 * R1  `position` is the offset behind the last record that was decoded or reported malformed; undefined until
 *     the first record's start is known.
 * R2  A record is decoded once it is whole. One longer than `ROW_BYTES_MAX` is malformed; its bytes are passed over to the
 *     next line end (to the end of the input in `rows`, which have none), and `position` stays before it meanwhile.
 * R3  With `end`, exactly the records that start before `end` are decoded, the last of them to its own end.
 */
export class RecordScanner {
  position: number | undefined;
  readonly #options: ScannerOptions;
  readonly #decoder: RowDecoder;
  readonly #request: {
    bytes: Uint8Array;
    start: number;
    end: number;
    final: boolean;
    bytesMax: number;
  };
  /** Offset in the input of the buffer's first byte. */
  #base: number;
  /** Bytes of the buffer not yet decoded: from, to. */
  #from = 0;
  #to = 0;
  /** Passing over bytes up to a line end. */
  #skipping: boolean;
  #inputEnded = false;
  #finished = false;

  constructor(options: ScannerOptions) {
    this.#options = options;
    this.#base = options.start;
    this.#skipping = options.align;
    this.position = options.align ? undefined : options.start;
    this.#decoder = options.createDecoder((reason, start, end) =>
      this.#malformed(reason, start, end),
    );
    this.#request = { bytes: options.buffer.bytes, start: 0, end: 0, final: false, bytesMax: 0 };
  }

  /** Appends rows to `out` until about `bytesMax` bytes are in, the input has none now, or all is read. */
  poll(out: BatchBuilder, bytesMax: number): PollResult {
    const stopAt = out.length + bytesMax;
    let readable = READ_BYTES_PER_POLL;
    while (!this.#finished) {
      if (this.#skipping) this.#skip();
      else this.#decode(out, stopAt);
      if (this.#finished) break;
      if (out.length >= stopAt || readable <= 0) return 'more';
      const read = this.#fill();
      if (read < 0) return 'idle';
      readable -= read;
    }
    return 'end';
  }

  /** Decodes what is whole in the buffer. Afterwards: finished, `out` full, or more input needed. */
  #decode(out: BatchBuilder, stopAt: number): void {
    const { buffer, end } = this.#options;
    const boundary = end === undefined ? -1 : this.#boundary(end);
    const limit = boundary < 0 ? this.#to : boundary;
    const request = this.#request;
    request.bytes = buffer.bytes;
    request.end = limit;
    request.final = this.#inputEnded && limit === this.#to;
    while (this.#from < limit && out.length < stopAt) {
      request.start = this.#from;
      request.bytesMax = stopAt - out.length;
      const next = this.#decoder.decode(request, out);
      if (next <= this.#from) break;
      this.#from = next;
      this.position = this.#base + next;
    }
    if (this.#from === limit && (boundary >= 0 || this.#inputEnded)) this.#finished = true;
    else if (this.#inputEnded && out.length < stopAt) this.#endWithin(limit);
  }

  /** The input ended inside a record that the decoder does not take, even as the last one. */
  #endWithin(limit: number): void {
    this.#malformed('the input ends inside a record', this.#from, limit);
    this.#from = limit;
    this.position = this.#base + limit;
    this.#finished = true;
  }

  /** Buffer offset behind the last record of ours, or -1 while that is not in the buffer. */
  #boundary(end: number): number {
    if (this.#base + this.#from >= end) return this.#from;
    // The record that holds byte `end - 1` is the last that starts before `end`.
    const at = Math.max(this.#from, end - 1 - this.#base);
    if (at >= this.#to) return -1;
    const newline = this.#find(at);
    return newline < 0 ? -1 : newline + 1;
  }

  #skip(): void {
    const newline = this.#resyncs() ? this.#find(this.#from) : -1;
    this.#from = newline < 0 ? this.#to : newline + 1;
    const { end } = this.#options;
    const behindEnd = end !== undefined && this.#base + this.#from >= end;
    const ended = this.#inputEnded && this.#from === this.#to;
    if (newline >= 0) this.#skipping = false;
    if (newline >= 0 || behindEnd || ended) this.position = this.#base + this.#from;
    if (behindEnd || ended) this.#finished = true;
  }

  /** Whether one can go on behind a line end. In `csv` it may be one within quotes, which shows as malformed records. */
  #resyncs(): boolean {
    return this.#options.format !== 'rows';
  }

  #find(from: number): number {
    const at = this.#options.buffer.bytes.indexOf(NEWLINE, from);
    return at >= this.#to ? -1 : at;
  }

  /** Reads more. Returns the bytes read; 0 = nothing follows, -1 = none now. */
  #fill(): number {
    if (this.#inputEnded) return 0;
    const { buffer, input } = this.#options;
    if (this.#from > 0) {
      buffer.bytes.copyWithin(0, this.#from, this.#to);
      this.#base += this.#from;
      this.#to -= this.#from;
      this.#from = 0;
    }
    if (this.#to > ROW_BYTES_MAX) {
      this.#malformed(`the record is longer than ${ROW_BYTES_MAX} bytes`, 0, this.#to);
      this.#skipping = true;
      return 0;
    }
    if (this.#to === buffer.bytes.length) grow(buffer, this.#to);
    const read = input.read(buffer.bytes, this.#to);
    if (read === 0) this.#inputEnded = true;
    else if (read > 0) this.#to += read;
    return read;
  }

  #malformed(reason: string, start: number, end: number): void {
    const { bytes } = this.#options.buffer;
    const excerpt = bytes.subarray(start, Math.min(end, start + EXCERPT_BYTES));
    this.#options.malformed(this.#base + start, reason, excerpt);
  }
}

function grow(buffer: ScanBuffer, used: number): void {
  const bytes = new Uint8Array(Math.min(buffer.bytes.length * 2, ROW_BYTES_MAX + READ_BYTES));
  bytes.set(buffer.bytes.subarray(0, used));
  buffer.bytes = bytes;
}
