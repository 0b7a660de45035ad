import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fdatasyncSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ROW_LENGTH_OFFSET } from '../abi/layout.ts';
import { encodeBatchHeader, HEADER_BYTES, KEY_DIGEST_BYTES } from '../connectors/http/log-batch.ts';
import {
  DURABLE_FILE,
  encodeMark,
  KEYS_FILE,
  segmentName,
} from '../connectors/http/log-directory.ts';
import type { LogFiles } from '../connectors/http/log-files.ts';
import { recoverLog } from '../connectors/http/recover-log.ts';
import type { RememberedKeys } from '../connectors/http/remembered-keys.ts';
import { MillraceError } from '../errors.ts';
import { OUTPUT_ENTRY_BYTES, OUTPUT_LOG_BYTES, OUTPUT_SEGMENT_BYTES } from '../server-limits.ts';
import type { DeliveredRows } from './coordinator.ts';

export interface OutputLogOptions {
  /** Absolute. */
  readonly directory: string;
  readonly files: LogFiles;
  /** Bytes of the files that are kept, and of one; the defaults are in `host/limits.ts`. */
  readonly keptBytes?: number;
  readonly segmentBytes?: number;
}

/**
 * What a `memory` sink of a server's job has committed, for those who follow it: a log in the form of an ingest log, of which the latest files are
 * kept. It is written by the job's runner, synchronously and durably: only then is the commit acknowledged, so that no later checkpoint can
 * complete without the output of this one. A commit that is repeated after a restart is known by its key and written once.
 */
export interface OutputLog {
  /** Throws `STORAGE_FAILED`; the next try begins another file. */
  append(rows: DeliveredRows, key: string): void;
  close(): void;
}

/** Opens the log of a sink and mends its end. Throws `STORAGE_FAILED`. */
export async function openOutputLog(options: OutputLogOptions): Promise<OutputLog> {
  const { directory, files } = options;
  await files.makeDirectory(directory);
  const found = await recoverLog(directory, files);
  return new FileOutputLog(options, found);
}

class FileOutputLog implements OutputLog {
  readonly #directory: string;
  readonly #keptBytes: number;
  readonly #segmentBytes: number;
  readonly #keys: RememberedKeys;
  readonly #mark: number;
  #bases: readonly number[];
  #end: number;
  #segment: { readonly descriptor: number; readonly base: number } | undefined;

  constructor(
    { directory, keptBytes, segmentBytes }: OutputLogOptions,
    found: {
      readonly bases: readonly number[];
      readonly end: number;
      readonly keys: RememberedKeys;
    },
  ) {
    this.#directory = directory;
    this.#keptBytes = keptBytes ?? OUTPUT_LOG_BYTES;
    this.#segmentBytes = segmentBytes ?? OUTPUT_SEGMENT_BYTES;
    this.#keys = found.keys;
    this.#bases = found.bases;
    this.#end = found.end;
    this.#mark = openSync(join(directory, DURABLE_FILE), constants.O_RDWR | constants.O_CREAT);
    writeSync(
      this.#mark,
      encodeMark({ end: this.#end, base: this.#bases.at(-1) ?? 0 }),
      0,
      null,
      0,
    );
  }

  append(rows: DeliveredRows, key: string): void {
    try {
      for (const [i, piece] of piecesOf(rows).entries()) this.#appendPiece(piece, `${i} ${key}`);
    } catch (cause) {
      this.#closeSegment();
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new MillraceError('STORAGE_FAILED', `the output of a sink cannot be kept: ${reason}`, {
        hint: 'the job starts again from its last checkpoint; see that the disk has room',
        cause,
      });
    }
  }

  close(): void {
    this.#closeSegment();
    closeSync(this.#mark);
  }

  #appendPiece({ bytes, count }: DeliveredRows, name: string): void {
    const key = createHash('sha256').update(name).digest().toString('hex', 0, KEY_DIGEST_BYTES);
    // The life of a key is counted from 0, at which all of them are made: they do not age.
    if (this.#keys.find(key, 0) !== undefined) return;
    const { descriptor, base } = this.#openSegment();
    const batch = { kind: 'records', position: this.#end, count, atMs: 0, key, body: '' } as const;
    const header = encodeBatchHeader({ ...batch, rowBytes: bytes.length }, bytes);
    writeAll(descriptor, header, this.#end - base);
    writeAll(descriptor, bytes, this.#end - base + HEADER_BYTES);
    fdatasyncSync(descriptor);
    const end = this.#end + HEADER_BYTES + bytes.length;
    writeSync(this.#mark, encodeMark({ end, base }), 0, null, 0);
    this.#end = end;
    this.#keys.add(batch);
  }

  #openSegment(): { readonly descriptor: number; readonly base: number } {
    const open = this.#segment;
    if (open !== undefined && this.#end - open.base < this.#segmentBytes) return open;
    this.#closeSegment();
    const base = this.#end;
    const path = join(this.#directory, segmentName(base));
    // One of this name holds nothing durable: the log ends where it begins.
    rmSync(path, { force: true });
    const descriptor = openSync(path, 'wx');
    this.#segment = { descriptor, base };
    this.#bases = [...this.#bases.filter((one) => one < base), base];
    this.#dropOldest();
    syncDirectory(this.#directory);
    return this.#segment;
  }

  /** The keys first: entries that are gone must not come again. */
  #dropOldest(): void {
    const kept = this.#bases.findIndex((_, i) => this.#end - this.#bases[i] <= this.#keptBytes);
    if (kept <= 0) return;
    const fresh = join(this.#directory, `${KEYS_FILE}.new`);
    const file = openSync(fresh, 'w');
    try {
      writeAll(file, this.#keys.encode(), 0);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(fresh, join(this.#directory, KEYS_FILE));
    syncDirectory(this.#directory);
    for (const base of this.#bases.slice(0, kept)) {
      rmSync(join(this.#directory, segmentName(base)), { force: true });
    }
    this.#bases = this.#bases.slice(kept);
  }

  #closeSegment(): void {
    if (this.#segment !== undefined) closeSync(this.#segment.descriptor);
    this.#segment = undefined;
  }
}

/** Rows of one commit in pieces that a reader can take whole. */
function piecesOf({ bytes, count }: DeliveredRows): readonly DeliveredRows[] {
  if (bytes.length <= OUTPUT_ENTRY_BYTES) return count === 0 ? [] : [{ bytes, count }];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pieces: DeliveredRows[] = [];
  let start = 0;
  let rows = 0;
  for (let at = 0; at < bytes.length; ) {
    at += view.getUint32(at + ROW_LENGTH_OFFSET, true);
    rows += 1;
    if (at - start < OUTPUT_ENTRY_BYTES && at < bytes.length) continue;
    pieces.push({ bytes: bytes.subarray(start, at), count: rows });
    start = at;
    rows = 0;
  }
  return pieces;
}

function writeAll(descriptor: number, bytes: Uint8Array, at: number): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(descriptor, bytes, written, bytes.length - written, at + written);
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
