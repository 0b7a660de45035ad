import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import type { BatchBuilder } from '../../abi/batch-builder.ts';
import type { CreateRowDecoder, RecordFormat } from '../../abi/row-decoder.ts';
import { MillraceError } from '../../errors.ts';
import { escapeBytes, reportMalformed } from '../malformed.ts';
import { READ_BYTES, RecordScanner, type ScanBuffer } from '../record-scanner.ts';
import type { PollResult, SourceContext, SourceReader, Split } from '../source.ts';
import { countLines } from './count-lines.ts';
import { type FileSplitSpec, readFileSplit } from './file-split.ts';
import { readHeader } from './read-header.ts';

export interface FileReaderParts {
  readonly format: RecordFormat;
  readonly createDecoder: CreateRowDecoder;
  /** The end of a file is not its last: `poll` answers `idle` there, and the last record waits for its end. */
  readonly follow?: boolean;
  /** Used by one reader after the other. */
  readonly buffer?: ScanBuffer;
}

/** The split that is being read. */
interface OpenSplit {
  readonly index: number;
  readonly spec: FileSplitSpec;
  readonly descriptor: number;
  readonly scanner: RecordScanner;
}

/**
 * One task's reader of the `file` source: its splits one after the other, in the order given.
 *
 * F1  The position of a split is a byte offset of its file: a reader that starts there yields exactly the records that
 *     were not polled.
 * F2  At most one file is open at a time.
 */
export class FileReader implements SourceReader {
  readonly #splits: readonly Split[];
  readonly #specs: readonly FileSplitSpec[];
  readonly #positions: (number | undefined)[];
  readonly #context: SourceContext;
  readonly #parts: FileReaderParts;
  readonly #buffer: ScanBuffer;
  #next = 0;
  #open: OpenSplit | undefined;

  constructor(splits: readonly Split[], context: SourceContext, parts: FileReaderParts) {
    this.#splits = splits;
    this.#specs = splits.map(readFileSplit);
    this.#positions = splits.map(({ position }) =>
      position === undefined ? undefined : Number(position),
    );
    this.#context = context;
    this.#parts = parts;
    this.#buffer = parts.buffer ?? { bytes: new Uint8Array(READ_BYTES) };
  }

  poll(out: BatchBuilder, bytesMax: number): PollResult {
    const stopAt = out.length + bytesMax;
    while (this.#openNext()) {
      const { index, scanner } = this.#open!;
      this.#context.progress?.rows(index, out.length);
      const answer = scanner.poll(out, stopAt - out.length);
      this.#positions[index] = scanner.position;
      if (answer !== 'end') return answer;
      this.#context.progress?.ended(index);
      this.#closeOpen();
      // Even a run of empty files gives the worker back now and then.
      if (out.length >= stopAt || this.#next % 64 === 0) return 'more';
    }
    return 'end';
  }

  snapshot(): readonly Split[] {
    return this.#splits.map((split, i) => ({ ...split, position: this.#positions[i] }));
  }

  lagBytes(): number {
    let lag = 0;
    for (let i = 0; i < this.#specs.length; i++) {
      const { start, end, bytes } = this.#specs[i];
      const until = end === null ? bytes : Math.min(end, bytes);
      lag += Math.max(0, until - (this.#positions[i] ?? start));
    }
    return lag;
  }

  async close(): Promise<void> {
    this.#closeOpen();
  }

  /** Makes sure that a split is open; false when all are read. */
  #openNext(): boolean {
    while (this.#open === undefined && this.#next < this.#specs.length) {
      const index = this.#next++;
      if (!this.#isRead(index)) this.#open = this.#openSplit(index);
    }
    return this.#open !== undefined;
  }

  /** A range that was read to its end needs no file, which may have gone meanwhile. */
  #isRead(index: number): boolean {
    const { end } = this.#specs[index];
    return end !== null && (this.#positions[index] ?? -1) >= end;
  }

  #openSplit(index: number): OpenSplit {
    const spec = this.#specs[index];
    const position = this.#positions[index];
    const path = resolve(this.#context.baseDirectory, spec.path);
    const descriptor = this.#attempt(path, () => openSync(path, 'r'));
    // A range begins at the first record that starts in it. Reading from the byte before tells whether
    // one starts at its very first byte.
    const align = position === undefined && spec.start > 0;
    const start = position ?? (align ? spec.start - 1 : spec.start);
    let offset = start;
    const scanner = new RecordScanner({
      input: {
        read: (bytes, at) => {
          const read = this.#attempt(path, () =>
            readSync(descriptor, bytes, at, bytes.length - at, offset),
          );
          offset += read;
          if (read > 0) return read;
          this.#checkSize(path, descriptor, offset);
          return this.#parts.follow === true ? -1 : 0;
        },
      },
      buffer: this.#buffer,
      format: this.#parts.format,
      createDecoder: (malformed) => {
        const { format, createDecoder } = this.#parts;
        const decoder = createDecoder(format, this.#context.schema, malformed);
        if (format === 'csv') this.#attempt(path, () => readHeader(decoder, descriptor, start));
        return decoder;
      },
      start,
      align,
      end: spec.end ?? undefined,
      malformed: (at, reason, excerpt) => {
        const record = { split: this.#splits[index].id, offset: at, reason };
        reportMalformed(this.#context, { ...record, excerpt: escapeBytes(excerpt) }, () =>
          describePlace(spec.path, descriptor, at),
        );
      },
    });
    return { index, spec, descriptor, scanner };
  }

  /** At the end of what can be read the file must be as long as what was read, now or before a restart. */
  #checkSize(path: string, descriptor: number, offset: number): void {
    const { size } = fstatSync(descriptor);
    if (size >= offset) return;
    throw new MillraceError(
      'SOURCE_UNAVAILABLE',
      `source "${this.#context.id}": file "${path}" has ${size} bytes, but was read up to offset ${offset} before`,
      { hint: 'the file was truncated or replaced; a job must find its input as it left it' },
    );
  }

  #attempt<T>(path: string, call: () => T): T {
    try {
      return call();
    } catch (cause) {
      if (cause instanceof MillraceError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new MillraceError(
        'SOURCE_UNAVAILABLE',
        `source "${this.#context.id}" cannot read file "${path}": ${reason}`,
        { hint: 'the file must stay readable while the job runs', cause },
      );
    }
  }

  #closeOpen(): void {
    if (this.#open === undefined) return;
    closeSync(this.#open.descriptor);
    this.#open = undefined;
  }
}

function describePlace(path: string, descriptor: number, offset: number): string {
  const lines = countLines(descriptor, offset);
  const line = lines === undefined ? '' : ` (line ${lines + 1})`;
  return `file "${path}", offset ${offset}${line}`;
}
