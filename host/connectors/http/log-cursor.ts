import { closeSync, constants, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../../errors.ts';
import { HTTP_ROW_BYTES_MAX } from '../../server-limits.ts';
import { decodeBatchHeader, HEADER_BYTES, type LogBatch, rowsAreWhole } from './log-batch.ts';
import {
  DURABLE_FILE,
  type DurableMark,
  decodeMark,
  encodeMark,
  MARK_BYTES,
  READ_FILE,
  segmentBases,
  segmentName,
} from './log-directory.ts';

/** Bytes read at once; a longer batch is read whole. */
const READ_BYTES = 256 * 1024;

/**
 * Goes through the log of a partition while somebody else appends to it. Reads local files and never waits.
 *
 * C1  What is handed over was durable before: a checkpoint may rely on its position for ever.
 * C2  A batch is handed over whole, its checksum tried.
 */
export class LogCursor {
  readonly #directory: string;
  #position: number;
  /** Latest known; the log is durable at least up to there. */
  #mark: DurableMark = { end: 0, base: 0 };
  #durableFile: number | undefined;
  #readFile: number | undefined;
  #told = -1;
  /** The file of entries that is open, and up to where it counts. */
  #segment: { readonly base: number; readonly descriptor: number } | undefined;
  #segmentEnd = 0;
  /** What was read ahead, beginning with an entry. */
  #window: Uint8Array = new Uint8Array(READ_BYTES);
  #windowAt = 0;
  #windowBytes = 0;
  readonly #markBytes = new Uint8Array(MARK_BYTES);

  constructor(directory: string, position: number) {
    this.#directory = directory;
    this.#position = position;
    this.#windowAt = position;
  }

  /** Where the next entry begins. */
  get position(): number {
    return this.#position;
  }

  /** How far the log was durable when it was looked at last. */
  get end(): number {
    return Math.max(this.#mark.end, this.#position);
  }

  /**
   * The next batch with its rows, which stay as they are until the next call; undefined = there is none yet.
   * Throws `SOURCE_UNAVAILABLE` when the log is damaged or begins behind the position.
   */
  next(): { readonly batch: LogBatch; readonly rows: Uint8Array } | undefined {
    if (this.#position >= this.#mark.end) this.look();
    if (this.#position >= this.#mark.end) return undefined;
    if (!this.#has(HEADER_BYTES)) this.#fill(READ_BYTES);
    const header = this.#taken(HEADER_BYTES);
    const batch = header && decodeBatchHeader(header, this.#position);
    if (batch === undefined || batch.rowBytes > HTTP_ROW_BYTES_MAX) throw this.#damaged();
    const total = HEADER_BYTES + batch.rowBytes;
    if (!this.#has(total)) this.#fill(Math.max(total, READ_BYTES));
    const whole = this.#taken(total);
    const rows = whole?.subarray(HEADER_BYTES);
    if (whole === undefined || rows === undefined || !rowsAreWhole(whole, rows))
      throw this.#damaged();
    this.#position += total;
    return { batch, rows };
  }

  /** Asks how far the log is durable. */
  look(): void {
    try {
      this.#durableFile ??= openSync(join(this.#directory, DURABLE_FILE), 'r');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw cause;
    }
    readSync(this.#durableFile, this.#markBytes, 0, MARK_BYTES, 0);
    // Torn while it is overwritten: the next look finds it whole.
    this.#mark = decodeMark(this.#markBytes) ?? this.#mark;
  }

  /** Tells the writer how far the job has read. A disk that refuses costs back-pressure its exactness, no more. */
  tell(position: number): void {
    if (position === this.#told) return;
    this.#told = position;
    try {
      const flags = constants.O_RDWR | constants.O_CREAT;
      this.#readFile ??= openSync(join(this.#directory, READ_FILE), flags);
      writeSync(this.#readFile, encodeMark({ end: position, base: 0 }), 0, MARK_BYTES, 0);
    } catch {
      // Told again with the next batch.
      this.#told = -1;
    }
  }

  close(): void {
    for (const descriptor of [this.#durableFile, this.#readFile, this.#segment?.descriptor]) {
      if (descriptor !== undefined) closeSync(descriptor);
    }
    this.#durableFile = undefined;
    this.#readFile = undefined;
    this.#segment = undefined;
  }

  #has(bytes: number): boolean {
    return this.#position + bytes <= this.#windowAt + this.#windowBytes;
  }

  /** `bytes` bytes of the window from the position on; undefined when it has fewer. */
  #taken(bytes: number): Uint8Array | undefined {
    const at = this.#position - this.#windowAt;
    return this.#has(bytes) ? this.#window.subarray(at, at + bytes) : undefined;
  }

  /** Reads on from the position, not beyond what is durable (C1) nor beyond the file. */
  #fill(bytes: number): void {
    this.#openSegment();
    const { base, descriptor } = this.#segment as { base: number; descriptor: number };
    const wanted = Math.min(bytes, this.#segmentEnd - this.#position);
    if (this.#window.length < wanted) this.#window = new Uint8Array(wanted);
    this.#windowAt = this.#position;
    this.#windowBytes = readSync(descriptor, this.#window, 0, wanted, this.#position - base);
  }

  #openSegment(): void {
    const bases = this.#basesOfNow();
    const base = bases.findLast((one) => one <= this.#position);
    if (base === undefined) throw this.#gone();
    this.#segmentEnd = bases.find((one) => one > this.#position) ?? this.#mark.end;
    if (this.#segment?.base === base) return;
    if (this.#segment !== undefined) closeSync(this.#segment.descriptor);
    this.#segment = undefined;
    const path = join(this.#directory, segmentName(base));
    this.#segment = { base, descriptor: openSync(path, 'r') };
  }

  /** The file that holds the log's end is known; for others the directory is asked. */
  #basesOfNow(): readonly number[] {
    const { base } = this.#mark;
    return this.#position >= base ? [base] : segmentBases(readdirSync(this.#directory));
  }

  #gone(): MillraceError {
    return new MillraceError(
      'SOURCE_UNAVAILABLE',
      `the ingest log "${this.#directory}" no longer holds position ${this.#position}`,
      { hint: 'files of the log were removed by hand; restore them from a backup' },
    );
  }

  #damaged(): MillraceError {
    return new MillraceError(
      'SOURCE_UNAVAILABLE',
      `the ingest log "${this.#directory}" is damaged at position ${this.#position}`,
      { hint: 'a checksum is wrong; check the disk and restore the file from a backup' },
    );
  }
}
