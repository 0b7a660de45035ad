import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/**
 * The files of one ingest log: one partition of an `http` source.
 *
 *     <job>/http/<source>/<partition>/
 *       00000000000000000000.log   entries from this position on, up to where the next file begins
 *       00000000000016778240.log
 *       durable                    how far the log is durable, and the file that holds its end
 *       read                       how far the job has read, for back-pressure
 *       keys                       idempotency keys of entries whose files are gone
 *
 * `durable` and `read` are overwritten in place and never synced: they pass numbers between living processes. After a crash
 * of the machine the files of entries tell the rest.
 */
export const DURABLE_FILE = 'durable';
export const READ_FILE = 'read';
export const KEYS_FILE = 'keys';
/** Bytes of `durable` and of `read`. */
export const MARK_BYTES = 24;

const SEGMENT = /^(\d{20})\.log$/;

/** Where the log of a partition is, below the directory of its job. */
export function partitionDirectory(job: string, source: string, partition: number): string {
  return join(job, 'http', source, String(partition));
}

export function segmentName(base: number): string {
  return `${String(base).padStart(20, '0')}.log`;
}

/** The positions at which files of entries begin, ascending. */
export function segmentBases(names: readonly string[]): readonly number[] {
  return names
    .flatMap((name) => {
      const base = Number(SEGMENT.exec(name)?.[1] ?? Number.NaN);
      return Number.isSafeInteger(base) ? [base] : [];
    })
    .sort((a, b) => a - b);
}

/** How far a log is durable, and where the file begins that holds its end. */
export interface DurableMark {
  readonly end: number;
  readonly base: number;
}

/** Two numbers with a checksum: who reads while they are overwritten finds them torn and asks again. */
export function encodeMark({ end, base }: DurableMark): Uint8Array {
  const bytes = Buffer.alloc(MARK_BYTES);
  bytes.writeDoubleLE(end, 0);
  bytes.writeDoubleLE(base, 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16);
  bytes.writeUInt32LE(1, 20);
  return bytes;
}

/** Undefined when the bytes are no mark: not yet written, or torn. */
export function decodeMark(bytes: Uint8Array): DurableMark | undefined {
  if (bytes.length < MARK_BYTES) return undefined;
  const mark = Buffer.from(bytes.buffer, bytes.byteOffset, MARK_BYTES);
  if (mark.readUInt32LE(16) !== crc32(mark.subarray(0, 16)) || mark.readUInt32LE(20) !== 1) {
    return undefined;
  }
  const [end, base] = [mark.readDoubleLE(0), mark.readDoubleLE(8)];
  return isPosition(end) && isPosition(base) && base <= end ? { end, base } : undefined;
}

/** Whether a number can be an offset in a log. */
export function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
